import datetime as dt
import json
import signal
import socket
import subprocess
import sys

import pytest
import requests

from mcf_pipeline.errors import UsageError
from mcf_pipeline.sample.portal import SimulatedPortal, serve
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
    answer = requests.post(f"{portal.url}/next", timeout=10)
    assert answer.json() == {"release": "2026-10-08"}
    assert requests.post(f"{portal.url}/next", timeout=10).status_code == 409
    with pytest.raises(LookupError):
        portal.next()


def test_releases_that_know_their_successor_never_end():
    from mcf_pipeline.sample.synthetic import releases

    with SimulatedPortal(releases(1, scale=0.002)) as portal:
        before = metadata(portal).json()["metas"]["default"]
        assert portal.next().day == dt.date(2027, 1, 8)
        after = metadata(portal).json()["metas"]["default"]
    assert before["records_count"] < after["records_count"]
    assert after["data_processed"] == "2027-01-08T04:12:00+00:00"


def test_requests_are_logged_without_their_query(tiny):
    lines = []
    with SimulatedPortal([tiny(dt.date(2026, 7, 8))], log=lines.append) as portal:
        path = f"/api/explore/v2.1/catalog/datasets/{portal.dataset_id}/exports/"
        requests.get(f"{portal.url}{path}csv", params={"limit": 1}, timeout=10)
        requests.get(f"{portal.url}{path}xlsx", timeout=10)
    assert lines == [f"GET {path}csv 200", f"GET {path}xlsx 404"]


def test_what_is_posted_is_not_taken_for_the_next_request(portal):
    with requests.Session() as session:
        assert session.post(f"{portal.url}/next", data=b"GET /x HTTP/1.1\r\n" * 100, timeout=10).status_code == 200
        assert session.post(f"{portal.url}/next", timeout=10).status_code == 409


def test_a_client_that_hangs_up_does_not_end_it(portal):
    for _ in range(3):
        with socket.create_connection(portal._server.server_address) as client:
            client.sendall(b"GET / HTTP/1.1\r\n\r\n")
    assert metadata(portal).status_code == 200


def test_unknown_switch(portal):
    assert requests.post(f"{portal.url}/explode", timeout=10).status_code == 404


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
    # Tests that a shell started in the background ignore Ctrl-C, and so is what they start.
    code = """
import signal
import socket
signal.signal(signal.SIGINT, signal.default_int_handler)
from mcf_pipeline.sample.portal import serve
from mcf_pipeline.sample.synthetic import releases
serve(0, releases=releases(1, scale=0.002), log=lambda line: print(line, flush=True),
      ready=lambda p: print(p.url, flush=True))
print("stopped")
"""
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as p:
        url = p.stdout.readline().strip()
        answer = requests.get(f"{url}/api/explore/v2.1/catalog/datasets/moncompteformation-les-usagers", timeout=10)
        assert answer.status_code == 200
        p.send_signal(signal.SIGINT)
        out, err = p.communicate(timeout=10)
    assert (out, err, p.returncode) == (
        "GET /api/explore/v2.1/catalog/datasets/moncompteformation-les-usagers 200\nstopped\n",
        "",
        0,
    )
    assert json.loads(answer.content)["has_records"] is True
