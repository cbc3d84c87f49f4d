"""The key is found in every spelling that software gives it, and nothing else is touched."""

import base64
import html
import json
import logging
import traceback
from urllib.parse import quote, quote_plus

import pytest

from mcf_pipeline.errors import PipelineError, SourceError
from mcf_pipeline.sources.secret import MASK, SHORTEST, Secret
from mcf_pipeline_tests.sources.test_http import answering, head, transport

KEY = "Kx7/s3 cr+t\\'\"&<=9zQ%20w"
"""With a character for each kind of escape."""

SPELLINGS = {
    "as it is": KEY,
    "in other letters": KEY.swapcase(),
    "in a URL": quote(KEY, safe=""),
    "in a query": quote_plus(KEY),
    "every character in a URL": "".join(f"%{ord(c):02X}" for c in KEY),
    "in Python": repr(KEY)[1:-1],
    "in JSON": json.dumps(KEY)[1:-1],
    "every character in JSON": "".join(f"\\u{ord(c):04x}" for c in KEY),
    "in HTML": html.escape(KEY),
    "every character in HTML": "".join(f"&#{ord(c)};" for c in KEY),
    "half of it escaped": KEY[:5] + "".join(f"\\u{ord(c):04x}" for c in KEY[5:]),
    "base64": base64.b64encode(KEY.encode()).decode(),
    "base64 of the header": base64.b64encode(f"Apikey {KEY}".encode()).decode(),
    "base64 of user and password": base64.b64encode(f"me:{KEY}:x".encode()).decode(),
    "base64 for URLs": base64.urlsafe_b64encode(f"\xff?>{KEY}".encode()).decode(),
    "hexadecimal": KEY.encode().hex(),
}


@pytest.mark.parametrize("name", SPELLINGS)
def test_the_key_is_hidden_in_any_spelling(name):
    secret, spelling = Secret(KEY), SPELLINGS[name]
    text = f"before {spelling} after"
    hidden = secret.hidden_text(text)
    assert secret.is_in(text)
    assert not secret.is_in(hidden)
    assert hidden.startswith("before ")
    assert hidden.endswith(" after")
    assert MASK in hidden
    assert len(hidden) < len(text) - len(KEY) // 2
    assert secret.hidden(text.encode()) == hidden.encode()


@pytest.mark.parametrize("codec", ["utf-16-le", "utf-16-be"])
def test_the_key_is_hidden_in_utf_16(codec):
    assert KEY.encode(codec)[2:-2] not in Secret(KEY).hidden(f"x{KEY}x".encode(codec))


def test_json_stays_json():
    content = json.dumps({"message": f"a {KEY} b", "other": 1})
    assert json.loads(Secret(KEY).hidden(content.encode())) == {"message": f"a {MASK} b", "other": 1}


@pytest.mark.parametrize("text", ["", "Clos - Réalisation Totale", KEY[:-1], KEY[1:], "\ud800", "***"])
def test_other_texts_stay(text):
    assert Secret(KEY).hidden_text(text) == text


@pytest.mark.parametrize("value", [None, "", "x" * (SHORTEST - 1)])
def test_without_a_key_that_can_be_told_from_words_nothing_is_hidden(value):
    secret = Secret(value)
    assert not secret.is_in("xxxxxxxxx")
    assert secret.hidden(b"xxxxxxxxx") == b"xxxxxxxxx"
    assert list(secret.watched([b"xxxxx", b"xxxx"], "export")) == [b"xxxxx", b"xxxx"]


def test_it_does_not_show_itself():
    assert KEY not in repr(Secret(KEY))


@pytest.mark.parametrize("at", range(1, len(KEY)))
def test_a_download_stops_where_the_key_is_whole_however_it_is_cut(at):
    first, second = (KEY[:at] + "|").encode()[:-1], (KEY[at:] + "\nmore").encode()
    given = []
    with pytest.raises(SourceError, match="export contains the key of MCF_API_KEY") as caught:
        given += Secret(KEY).watched([b"a;b\n" * 100, first, second, b"later"], "export")
    assert KEY not in str(caught.value)


def test_a_download_without_the_key_is_given_on_as_it_is():
    pieces = [b"a", KEY[:-1].encode(), b"", b"b" * 100]
    assert list(Secret(KEY).watched(pieces, "export")) == pieces


def test_an_error_loses_the_key_and_what_it_came_from():
    def fail():
        try:
            try:
                raise ValueError("harmless")
            except ValueError as inner:
                raise OSError(f"bad line {KEY!r}") from inner
        except OSError as outer:
            raise SourceError(f"it says {KEY}") from outer

    with pytest.raises(SourceError) as caught:
        fail()
    Secret(KEY).scrub(caught.value)
    shown = "".join(traceback.format_exception(caught.value))
    assert f"it says {MASK}" in shown
    assert not Secret(KEY).is_in(shown)
    assert "bad line" not in shown


def test_without_a_key_an_error_keeps_all_that_it_came_from():
    error = SourceError("x")
    error.__cause__ = OSError("why")
    Secret(None).scrub(error)
    assert str(error.__cause__) == "why"


# -- through the transport ---------------------------------------------------------------------------------


def error_shown_by(answer, key=KEY):
    """The whole chain of the error that an answer makes."""
    with answering(answer) as (url, _), pytest.raises(PipelineError) as caught:
        transport(key, max_attempts=1).get(url, {}, "thing")
    return "".join(traceback.format_exception(caught.value))


WIRE = {
    "a status line that is none": f"GARBAGE {KEY}\r\n\r\n".encode(),
    "an encoding": head("200 OK", f"Content-Encoding: {KEY}", "Content-Length: 0"),
    "lengths that differ": head("200 OK", f"Content-Length: 1, {KEY}"),
    "a chunk's length": head("200 OK", "Transfer-Encoding: chunked") + f"{KEY}\r\nx\r\n".encode(),
    "a redirect": head("302 Found", f"Location: /{quote(KEY, safe='')}/x", "Content-Length: 0"),
    "a redirect with a query": head("302 Found", f"Location: /x?apikey={quote_plus(KEY)}", "Content-Length: 0"),
    "a redirect to nowhere": head("302 Found", f"Location: http://{KEY}:x/", "Content-Length: 0"),
    "a reason": head(f"403 {KEY}", "Content-Length: 0"),
    "an error": head("403 No") + json.dumps({"message": "x" * 190 + KEY}).encode(),
    "a quota": head("429 No", f"Retry-After: {KEY}", f"X-RateLimit-Reset: {KEY}", "Content-Length: 0"),
}


@pytest.mark.parametrize("name", WIRE)
def test_nothing_that_is_told_of_an_answer_holds_the_key(name):
    if name == "lengths that differ":  # passed over by urllib3; what follows is a body without a length
        with answering(WIRE[name]) as (url, _):
            assert not Secret(KEY).is_in(repr(transport(KEY).get(url, {}, "thing")))
        return
    shown = error_shown_by(WIRE[name])
    for part in (KEY, KEY[:10], repr(KEY)[1:10], quote(KEY, safe="")[:10]):
        assert part.lower() not in shown.lower(), shown


def test_a_head_that_cannot_be_parsed_is_not_logged_as_it_came(caplog):
    caplog.set_level(logging.DEBUG)
    answer = head("200 OK", f"no colon {KEY}", "Content-Length: 2") + b"ok"
    with answering(answer) as (url, _):
        transport(KEY).get(url, {}, "thing")
    assert caplog.records
    assert not Secret(KEY).is_in(caplog.text)


def test_headers_and_small_bodies_come_without_the_key():
    answer = head("200 OK", f"X-Echo: Apikey {KEY}", "Content-Length: 200") + f"{{'{KEY}'}}".encode().ljust(200)
    with answering(answer) as (url, _):
        found = transport(KEY).get(url, {}, "thing")
    assert found.headers["x-echo"] == f"Apikey {MASK}"
    assert found.body.strip() == f"{{'{MASK}'}}".encode()


def test_a_download_with_the_key_is_refused_at_once(tmp_path):
    answer = head("200 OK", "Content-Length: 100000") + f"a;b\n1;{KEY}\n".encode().ljust(100_000)
    with answering(answer) as (url, _), pytest.raises(SourceError, match="have the key replaced"):
        transport(KEY).download(url, {}, "thing", tmp_path / "x", lambda *_: None, lambda _: None)
    assert KEY.encode() not in (tmp_path / "x").read_bytes()
