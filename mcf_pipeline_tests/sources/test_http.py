import contextlib
import datetime as dt
import gzip
import random
import socket
import threading
from dataclasses import replace

import pytest
import requests

from mcf_pipeline.errors import ContractError, SourceError
from mcf_pipeline.settings import Limits
from mcf_pipeline.sources.answers import RefusedError, instant, place
from mcf_pipeline.sources.body import CHUNK, Gauge, TruncatedError, pieces
from mcf_pipeline.sources.connection import Session
from mcf_pipeline.sources.http import Transport
from mcf_pipeline.sources.secret import Secret
from mcf_pipeline_tests.portal import SimulatedPortal

LIMITS = Limits(max_attempts=3, read_timeout=5, slow_window=0.2, max_wait=2)


@contextlib.contextmanager
def answering(*answers):
    """A server that sends these bytes, one answer for each connection, and closes."""
    seen = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def run():
            for answer in answers:
                with contextlib.suppress(OSError):
                    connection, _ = server.accept()
                    with connection:
                        seen.append(connection.recv(65536).decode())
                        connection.sendall(answer)

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}/x", seen


def transport(key=None, sleeps=None, **limits):
    pauses = [] if sleeps is None else sleeps
    return Transport(replace(LIMITS, **limits), key, sleep=pauses.append)


def head(status="200 OK", *lines):
    return "\r\n".join([f"HTTP/1.1 {status}", "Connection: close", *lines, "", ""]).encode()


# -- sending ---------------------------------------------------------------------------------------------


def test_one_plain_request():
    with answering(head("200 OK", "Content-Length: 2", "X-RateLimit-Remaining: 7") + b"ok") as (url, seen):
        answer = transport("my-key").get(url, {"a": "é &"}, "thing")
    assert (answer.body, answer.headers["x-ratelimit-remaining"]) == (b"ok", "7")
    request = seen[0].split("\r\n")
    assert request[0] == "GET /x?a=%C3%A9+%26 HTTP/1.1"
    assert "Authorization: Apikey my-key" in request
    assert "Accept-Encoding: gzip" in request
    assert any(line.startswith("User-Agent: mcf-pipeline/0.1.0 (") for line in request)


def test_no_credentials_from_netrc(tmp_path, monkeypatch):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password secret")
    monkeypatch.setenv("NETRC", str(netrc))
    with answering(head("200 OK", "Content-Length: 0")) as (url, seen):
        transport().get(url, {}, "thing")
    assert "uthorization" not in seen[0]


def test_pauses_double_up_to_the_longest_with_some_jitter():
    """The first attempt after a failure comes at once, as urllib3 does it."""
    sleeps = []
    with (
        answering(*[head("502 Bad Gateway", "Content-Length: 0")] * 6) as (url, _),
        pytest.raises(SourceError),
    ):
        transport(sleeps=sleeps, max_attempts=6, max_wait=7).get(url, {}, "thing")
    assert [int(pause) for pause in sleeps] == [0, 2, 4, 7, 7]
    assert sleeps[1] != sleeps[2] / 2


def test_no_pause_beyond_the_time_for_the_whole():
    sleeps = []
    with answering(*[head("500 No", "Content-Length: 0")] * 3) as (url, seen), pytest.raises(SourceError):
        transport(sleeps=sleeps, max_seconds=1.9).get(url, {}, "thing")
    assert (len(seen), sleeps) == (2, [0.0])


@pytest.mark.parametrize(
    "asked",
    ["3600", "9" * 30, (dt.datetime.now(dt.UTC) + dt.timedelta(hours=1)).strftime("%a, %d %b %Y %H:%M:%S GMT")],
    ids=["seconds", "more seconds than there are", "a date"],
)
def test_a_server_that_asks_us_to_wait_longer_than_we_do(asked):
    sleeps = []
    answer = head("503 Busy", "Content-Length: 0", f"Retry-After: {asked}")
    with answering(answer) as (url, _), pytest.raises(SourceError, match="failed with status 503"):
        transport(sleeps=sleeps).get(url, {}, "thing")
    assert sleeps == []


@pytest.mark.parametrize("asked", ["-5", "soon", "Thu, 99 Jan 2026 00:00:00 GMT", "²"])
def test_a_retry_after_that_cannot_be_read_is_ignored(asked):
    sleeps = []
    busy = head("503 Busy", "Content-Length: 0")[:-2] + f"Retry-After: {asked}\r\n\r\n".encode()
    with answering(busy, head("200 OK", "Content-Length: 0")) as (url, _):
        transport(sleeps=sleeps).get(url, {}, "thing")
    assert sleeps == [0.0]


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"garbage\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"".join(b"X-%d: 1\r\n" % i for i in range(200)) + b"\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000 + b"\r\n\r\n",
    ],
)
def test_what_is_no_answer_is_tried_again(answer):
    with answering(answer, answer, answer) as (url, seen), pytest.raises(SourceError) as caught:
        transport().get(url, {}, "thing")
    assert len(seen) == 3
    assert "\n" not in str(caught.value)
    assert "check the network and MCF_PORTAL_URL" in str(caught.value)


def test_an_encoding_nobody_asked_for():
    answer = head("200 OK", "Content-Encoding: br", "Content-Length: 2") + b"xx"
    with answering(answer) as (url, _), pytest.raises(SourceError, match="is encoded as 'br'"):
        transport().get(url, {}, "thing")


def test_an_error_page_without_end_does_not_matter():
    answer = head("418 No") + b"x" * 5_000_000
    with answering(answer) as (url, _), pytest.raises(RefusedError) as caught:
        transport().get(url, {}, "thing")
    assert (caught.value.status, caught.value.detail) == (418, "")


def test_what_a_server_says_is_shown_on_one_line():
    body = b'{"message": "two\\nlines \\u001b[31m"}'
    with answering(head("410 Gone") + body) as (url, _), pytest.raises(RefusedError) as caught:
        transport().get(url, {}, "thing")
    assert caught.value.detail == "two lines [31m"


# -- the end of a body -----------------------------------------------------------------------------------


def download(url, path, **limits):
    heads = []
    transport(max_attempts=1, **limits).download(url, {}, "thing", path, lambda *_: None, heads.append)
    return heads


@pytest.mark.parametrize("body", [b"a;b\n1;2\n", b"a;b\r1;2\r", "a;b\n".encode("utf-16-le"), "a\n".encode("utf-16-be")])
def test_text_without_a_length_ends_with_a_line(tmp_path, body):
    with answering(head("200 OK") + body) as (url, _):
        heads = download(url, tmp_path / "x")
    assert (tmp_path / "x").read_bytes() == body
    assert heads == [body]


def test_text_without_a_length_that_does_not_is_cut(tmp_path):
    with answering(head("200 OK") + b"a;b\n1;") as (url, _), pytest.raises(TruncatedError):
        download(url, tmp_path / "x")


@pytest.mark.parametrize(
    "body",
    [
        head("200 OK", "Content-Length: 9") + b"a;b\n",
        head("200 OK", "Transfer-Encoding: chunked") + b"4\r\na;b\n\r\n",
        head("200 OK", "Transfer-Encoding: chunked") + b"9\r\na;b\n",
        head("200 OK", "Transfer-Encoding: chunked"),
        head("200 OK", "Content-Encoding: gzip") + gzip.compress(b"a;b\n", mtime=0)[:-4],
    ],
)
def test_a_body_shorter_than_announced_is_cut(tmp_path, body):
    with (
        answering(body) as (url, _),
        pytest.raises(TruncatedError, match=r"thing (is truncated|ends in the middle of its gzip data)"),
    ):
        download(url, tmp_path / "x")


def test_the_head_is_checked_before_the_rest_comes(tmp_path):
    class NotThis(Exception):
        pass

    def refuse(first):
        assert len(first) >= 8192
        raise NotThis

    with answering(head() + b"x" * 9_000_000) as (url, _), pytest.raises(NotThis):
        transport().download(url, {}, "thing", tmp_path / "x", lambda *_: None, refuse)
    assert (tmp_path / "x").stat().st_size < 1_000_000


def test_a_download_may_not_take_longer_than_the_whole(tmp_path, portal):
    portal.misbehave("slow", None, seconds=0.01)
    url = f"{portal.url}/api/explore/v2.1/catalog/datasets/{portal.dataset_id}/exports/csv"
    with pytest.raises(ContractError, match="MCF_LIMIT_MAX_SECONDS") as caught:
        download(url, tmp_path / "x", max_seconds=0.2, min_bytes_per_second=1)
    assert caught.value.rule == "limite_depassee"


# -- redirects -------------------------------------------------------------------------------------------


def moved(to, status="302 Found"):
    return head(status, f"Location: {to}", "Content-Length: 0")


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See", "307 Temporary", "308 Permanent"])
def test_the_key_does_not_follow_to_another_host(status):
    ok = head("200 OK", "Content-Length: 0")
    with answering(ok) as (other, at_other), answering(moved(other, status)) as (url, at_first):
        transport("my-key").get(url, {"q": "1"}, "thing")
    assert "Authorization: Apikey my-key" in at_first[0]
    assert "my-key" not in at_other[0]
    assert at_other[0].startswith("GET /x HTTP/1.1")


def test_the_key_does_not_come_back_either(portal, client, tiny):
    """A host that is redirected to must not be able to choose where the key goes next."""
    path = f"/api/explore/v2.1/catalog/datasets/{portal.dataset_id}"
    with SimulatedPortal([tiny(dt.date(2026, 7, 8))]) as other:
        portal.misbehave("redirect", to=other.url + path)
        other.misbehave("redirect", to=portal.url + path)
        assert client(portal.url).metadata().records_count == 600
        assert [r.has_key for r in portal.requests + other.requests] == [True, False, False]


def test_the_key_follows_on_the_same_host(portal, client):
    portal.misbehave("redirect", to="/api/explore/v2.1/catalog/datasets/moncompteformation-les-usagers?again=1")
    assert client(portal.url).metadata().records_count == 600
    assert [r.has_key for r in portal.requests] == [True, True]


def test_the_portal_that_is_moved_to_never_sees_the_key(portal, client, tiny, key, tmp_path):
    with SimulatedPortal([tiny(dt.date(2026, 7, 8))]) as other:
        for _ in range(2):
            portal.misbehave("redirect", to=f"{other.url}/api/explore/v2.1/catalog/datasets/{other.dataset_id}")
            client(portal.url).metadata()
        assert [(r.has_key, r.key_sha256) for r in other.requests] == [(False, None)] * 2
        assert key not in repr(other.requests)
    assert all(r.has_key for r in portal.requests)


def test_redirects_without_end(portal, client):
    portal.misbehave("redirect", None, to="?")
    with pytest.raises(SourceError, match="more than 5 redirects"):
        client(portal.url).metadata()
    assert len(portal.requests) == 6


@pytest.mark.parametrize(
    "to",
    [
        "ftp://127.0.0.1/",
        "file:///etc/passwd",
        "http://[",
        "http://me:secret@h/",
        "http://h:99999/",
    ],
)
def test_a_redirect_to_no_usable_address(portal, client, to):
    portal.misbehave("redirect", to=to)
    with pytest.raises(SourceError, match="redirects to an unusable address") as caught:
        client(portal.url).metadata()
    assert "secret" not in str(caught.value)


def test_a_redirect_out_of_encryption():
    from mcf_pipeline.sources.answers import redirected

    with pytest.raises(SourceError, match="without encryption"):
        redirected("https://a.fr/x", "http://a.fr/x")


@pytest.mark.parametrize(
    ("old", "new", "keeps_key"),
    [
        ("https://a.fr/x", "https://a.fr/y", True),
        ("https://a.fr/x", "https://a.fr:443/y", True),
        ("https://A.fr/x", "https://a.FR/y", True),
        ("http://a.fr/x", "https://a.fr/y", True),
        ("http://a.fr:8080/x", "https://a.fr/y", False),
        ("https://a.fr/x", "https://a.fr:444/y", False),
        ("https://a.fr/x", "https://b.a.fr/y", False),
        ("https://a.fr/x", "https://a.fr.evil.example/y", False),
    ],
)
def test_what_is_another_host(old, new, keeps_key, monkeypatch, tmp_path):
    """Asked of the session, since no test has a certificate; nothing of ~/.netrc is sent instead."""
    netrc = tmp_path / "netrc"
    netrc.write_text("default login me password secret")
    monkeypatch.setenv("NETRC", str(netrc))
    session = Session("my-key", Secret("my-key"))
    first = requests.Response()
    first.request = session.prepare_request(requests.Request("GET", old))
    following = first.request.copy()
    following.url = new
    session.rebuild_auth(following, first)
    assert following.headers.get("Authorization") == ("Apikey my-key" if keeps_key else None)


def test_a_redirect_with_a_body_without_end_is_followed():
    endless = head("302 Found", "Location: /y") + b"x" * 5_000_000
    with answering(endless, head("200 OK", "Content-Length: 2") + b"ok") as (url, seen):
        assert transport().get(url, {}, "thing").body == b"ok"
    assert seen[1].startswith("GET /y HTTP/1.1")


def test_no_cookie_is_kept():
    first = head("302 Found", "Location: /y", "Set-Cookie: a=1", "Content-Length: 0")
    second = head("503 No", "Set-Cookie: b=1", "Content-Length: 0")
    with answering(first, second, head("200 OK", "Content-Length: 0")) as (url, seen):
        transport().get(url, {}, "thing")
    assert len(seen) == 3
    assert not any("ookie" in request for request in seen)


# -- small pieces ----------------------------------------------------------------------------------------


def test_an_address_in_a_message_has_no_secret():
    assert place("https://me:pw@h.fr:81/a?apikey=k#f") == "https://h.fr:81/a"


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("2026-10-01 00:00:00+00:00", dt.datetime(2026, 10, 1, tzinfo=dt.UTC)),
        ("2026-10-01T02:00:00+02:00", dt.datetime(2026, 10, 1, tzinfo=dt.UTC)),
        ("2026-10-01T00:00:00Z", dt.datetime(2026, 10, 1, tzinfo=dt.UTC)),
        ("2026-10-01 00:00:00", dt.datetime(2026, 10, 1, tzinfo=dt.UTC)),
        ("1790812800", dt.datetime(2026, 10, 1, tzinfo=dt.UTC)),
        ("9999-12-31T23:59:59-14:00", None),
        ("soon", None),
        ("", None),
        (None, None),
        (7, None),
    ],
)
def test_instant(text, read):
    assert instant(text) == read


def unpacked(packed, size=1000):
    """A body that comes in pieces of a size."""
    raw = (packed[i : i + size] for i in range(0, len(packed), size))
    return list(pieces(raw, Gauge(Limits(), "thing"), is_gzip=True))


@pytest.mark.parametrize("size", [1, 7, 1000, 10**6])
@pytest.mark.parametrize("data", [b"", b"a;b\n" * 5, b" " * 3 * CHUNK, random.Random(7).randbytes(200_000)])
def test_gzip_gives_back_what_was_packed(data, size):
    found = unpacked(gzip.compress(data, mtime=0), size)
    assert b"".join(found) == data
    assert all(0 < len(piece) <= CHUNK for piece in found)


@pytest.mark.parametrize("size", [1, 3, 1000])
def test_gzip_of_several_members_and_padding_is_one_body(size):
    packed = gzip.compress(b"a;b\n", mtime=0) + gzip.compress(b"1;2\n", mtime=0) + b"\0" * 512
    assert b"".join(unpacked(packed, size)) == b"a;b\n1;2\n"


def test_gzip_that_is_cut_anywhere_is_seen():
    packed = gzip.compress(b"a;b\n1;2\n" * 50, mtime=0)
    for end in range(1, len(packed)):
        with pytest.raises(TruncatedError):
            unpacked(packed[:end])


@pytest.mark.parametrize(
    ("packed", "rule"),
    [
        (b"a;b\n1;2\n", "pas_un_export"),
        (gzip.compress(b"a;b\n", mtime=0) + b"more", "export_tronque"),
        (gzip.compress(b"a;b\n", mtime=0)[:-8] + b"\0" * 8, "export_tronque"),
        (gzip.compress(b"a;b\n" * 100, mtime=0)[:10] + b"\xff" * 50, "export_tronque"),
    ],
)
def test_gzip_that_is_damaged_or_none(packed, rule):
    with pytest.raises(ContractError) as caught:
        unpacked(packed)
    assert caught.value.rule == rule


def test_gauge_does_not_count_the_wait_for_the_first_byte():
    now = [0.0]
    gauge = Gauge(Limits(slow_window=10, min_bytes_per_second=100), "thing", lambda: now[0])
    now[0] = 50.0
    gauge.received(1)
    now[0] = 59.0
    gauge.received(1)
    now[0] = 60.5
    with pytest.raises(ContractError, match="thing comes at 0 bytes per second, at least 100 are needed"):
        gauge.received(1)


def test_gauge_judges_each_window_by_itself():
    now = [0.0]
    gauge = Gauge(Limits(slow_window=10, min_bytes_per_second=100), "thing", lambda: now[0])
    for now[0] in (0.0, 10.0, 20.0, 30.0):
        gauge.received(2000)
    now[0] = 40.0
    with pytest.raises(ContractError, match="MIN_BYTES_PER_SECOND"):
        gauge.received(10)
