import contextlib
import datetime as dt
import hashlib
import json
import signal
import subprocess
import sys

import pytest
import requests

from mcf_pipeline.errors import UsageError
from mcf_pipeline.sample.portal import FAULTS, SimulatedPortal, serve
from mcf_pipeline.sample.portal.server import HOST


def metadata(portal, **headers):
    url = f"{portal.url}/api/explore/v2.1/catalog/datasets/{portal.dataset_id}"
    return requests.get(url, headers=headers, timeout=10)


def test_it_listens_on_loopback_only(portal):
    assert portal._server.server_address[0] == HOST == "127.0.0.1"


def test_next_moves_to_the_next_release(portal):
    assert portal.next().day == dt.date(2026, 10, 8)
    metas = metadata(portal).json()["metas"]["default"]
    assert (metas["records_count"], metas["data_processed"]) == (630, "2026-10-08T04:12:00+00:00")


def test_next_over_http_until_there_is_none(portal):
    told = requests.post(f"{portal.url}/next", timeout=10)
    assert told.json() == {"release": "2026-10-08"}
    assert requests.post(f"{portal.url}/next", timeout=10).status_code == 409
    with pytest.raises(LookupError):
        portal.next()
    assert portal.requests == []


def test_releases_that_know_their_successor_never_end():
    from mcf_pipeline.sample.synthetic import releases

    with SimulatedPortal(releases(1, scale=0.002)) as portal:
        before = metadata(portal).json()["metas"]["default"]
        assert portal.next().day == dt.date(2027, 1, 8)
        after = metadata(portal).json()["metas"]["default"]
    assert before["records_count"] < after["records_count"]
    assert after["data_processed"] == "2027-01-08T04:12:00+00:00"


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


def test_a_fault_befalls_as_many_requests_as_it_was_told(portal):
    told = requests.post(f"{portal.url}/misbehave", json={"fault": "failing", "times": 2, "status": 502}, timeout=10)
    assert told.json() == {"faults": ["failing"]}
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
    portal.misbehave("html")  # befalls exports
    assert [metadata(portal).status_code for _ in range(3)] == [500, 403, 200]


@pytest.mark.parametrize(
    "told",
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
def test_a_fault_that_is_none_is_refused(portal, told):
    response = requests.post(f"{portal.url}/misbehave", data=told, timeout=10)
    assert response.status_code == 400
    assert metadata(portal).status_code == 200


def test_unknown_switch(portal):
    assert requests.post(f"{portal.url}/explode", timeout=10).status_code == 404


def test_every_fault_is_described():
    assert all(fault.description for fault in FAULTS.values())
    assert len(FAULTS) == 25


def test_the_shape_of_429(portal):
    portal.misbehave("too_many", reset_in=60, retry_after=60)
    response = metadata(portal)
    assert response.status_code == 429
    told = response.json()
    assert set(told) == {"errorcode", "error", "reset_time", "limit_time_unit", "call_limit"}
    assert told["errorcode"] == 10002
    assert response.headers["retry-after"] == "60"
    assert response.headers["x-ratelimit-remaining"] == "0"
    reset = dt.datetime.fromisoformat(response.headers["x-ratelimit-reset"])
    assert reset == dt.datetime.fromisoformat(told["reset_time"])


def test_it_stops_in_the_middle_of_a_body_without_end(tiny):
    with SimulatedPortal([tiny(dt.date(2026, 7, 8))]) as portal, contextlib.ExitStack() as stack:
        portal.misbehave("endless", None)
        url = f"{portal.url}/api/explore/v2.1/catalog/datasets/{portal.dataset_id}/exports/csv"
        response = stack.enter_context(requests.get(url, stream=True, timeout=10))
        assert response.raw.read(1000)
    with pytest.raises(requests.ConnectionError):
        metadata(portal)


def test_a_portal_serves_something(tiny):
    with pytest.raises(ValueError, match="at least one release"):
        SimulatedPortal([])


def test_a_taken_port_is_said(portal, tiny):
    port = int(portal.url.rpartition(":")[2])
    with pytest.raises(UsageError, match=f"port {port} cannot be used .*: choose another with --port"):
        serve(port, releases=[tiny(dt.date(2026, 7, 8))])
    with pytest.raises(UsageError, match="from 0 to 65535"):
        serve(99_999, releases=[tiny(dt.date(2026, 7, 8))])


def test_serve_says_when_it_is_ready_and_stops_on_ctrl_c():
    # Tests that a shell started in the background are deaf to Ctrl-C, and so is what they start.
    code = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)
from mcf_pipeline.sample.portal import serve
from mcf_pipeline.sample.synthetic import releases
serve(0, releases=releases(1, scale=0.002), log=lambda r: print(r.status, flush=True),
      ready=lambda p: print(p.url, flush=True))
print("stopped")
"""
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as p:
        url = p.stdout.readline().strip()
        told = requests.get(f"{url}/api/explore/v2.1/catalog/datasets/moncompteformation-les-usagers", timeout=10)
        assert told.status_code == 200
        p.send_signal(signal.SIGINT)
        out, err = p.communicate(timeout=10)
    assert (out, err, p.returncode) == ("200\nstopped\n", "", 0)
    assert json.loads(told.content)["has_records"] is True
