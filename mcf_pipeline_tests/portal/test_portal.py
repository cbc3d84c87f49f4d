"""The portal of the tests: its log, its quota, and that faults affect the requests they are meant for."""

import contextlib
import datetime as dt
import hashlib

import pytest
import requests

from mcf_pipeline_tests.portal import FAULTS, SimulatedPortal


def metadata(portal, **headers):
    url = f"{portal.url}/api/explore/v2.1/catalog/datasets/{portal.dataset_id}"
    return requests.get(url, headers=headers, timeout=10)


def test_every_answer_is_chunked_and_tells_the_quota(portal):
    response = metadata(portal)
    assert response.headers["transfer-encoding"] == "chunked"
    assert not {"content-length", "etag", "last-modified"} & {h.lower() for h in response.headers}
    assert (response.headers["x-ratelimit-limit"], response.headers["x-ratelimit-remaining"]) == ("5000", "4999")
    assert response.headers["x-ratelimit-reset"].endswith(" 00:00:00+00:00")
    assert dt.datetime.fromisoformat(response.headers["x-ratelimit-reset"]).tzinfo


def test_the_log_tells_requests_and_hides_the_key(portal):
    metadata(portal, Authorization="Apikey my-secret", **{"X-Other": "1"})
    (entry,) = portal.requests
    assert (entry.method, entry.kind, entry.status, entry.fault) == ("GET", "metadata", 200, None)
    assert entry.has_key
    assert entry.key_sha256 == hashlib.sha256(b"Apikey my-secret").hexdigest()
    assert entry.headers["x-other"] == "1"
    log = requests.get(f"{portal.url}/log", timeout=10)
    assert log.json()[0]["path"] == entry.path
    assert "my-secret" not in log.text
    assert len(portal.requests) == 1


def test_a_fault_affects_as_many_requests_as_it_was_told(portal):
    answer = requests.post(f"{portal.url}/misbehave", json={"fault": "failing", "times": 2, "status": 502}, timeout=10)
    assert answer.json() == {"faults": ["failing"]}
    assert [metadata(portal).status_code for _ in range(3)] == [502, 502, 200]
    assert [r.fault for r in portal.requests] == ["failing", "failing", None]


def test_a_fault_for_ever_lasts_until_it_is_cleared(portal):
    portal.misbehave("forbidden", None)
    assert [metadata(portal).status_code for _ in range(5)] == [403] * 5
    requests.post(f"{portal.url}/behave", timeout=10)
    assert metadata(portal).status_code == 200


def test_faults_come_one_after_the_other(portal):
    portal.misbehave("failing")
    portal.misbehave("forbidden")
    portal.misbehave("html")  # affects exports
    assert [metadata(portal).status_code for _ in range(3)] == [500, 403, 200]


@pytest.mark.parametrize(
    "answer",
    [
        b"no json",
        b"[]",
        b"{}",
        b'{"fault": "no such"}',
        b'{"fault": "cut", "no_such": 1}',
        b'{"fault": "cut", "times": 0}',
        b'{"fault": "cut", "times": "x"}',
        b'{"fault": "cut", "on": "moon"}',
    ],
)
def test_a_fault_that_is_none_is_refused(portal, answer):
    response = requests.post(f"{portal.url}/misbehave", data=answer, timeout=10)
    assert response.status_code == 400
    assert metadata(portal).status_code == 200


def test_every_fault_is_described():
    assert all(fault.description for fault in FAULTS.values())
    assert len(FAULTS) == 25


def test_the_shape_of_429(portal):
    portal.misbehave("too_many", reset_in=60, retry_after=60)
    response = metadata(portal)
    assert response.status_code == 429
    answer = response.json()
    assert set(answer) == {"errorcode", "error", "reset_time", "limit_time_unit", "call_limit"}
    assert answer["errorcode"] == 10002
    assert response.headers["retry-after"] == "60"
    assert response.headers["x-ratelimit-remaining"] == "0"
    reset = dt.datetime.fromisoformat(response.headers["x-ratelimit-reset"])
    assert reset == dt.datetime.fromisoformat(answer["reset_time"])


def test_it_stops_in_the_middle_of_a_body_without_end(tiny):
    with SimulatedPortal([tiny(dt.date(2026, 7, 8))]) as portal, contextlib.ExitStack() as stack:
        portal.misbehave("endless", None)
        url = f"{portal.url}/api/explore/v2.1/catalog/datasets/{portal.dataset_id}/exports/csv"
        response = stack.enter_context(requests.get(url, stream=True, timeout=10))
        assert response.raw.read(1000)
    with pytest.raises(requests.ConnectionError):
        metadata(portal)
