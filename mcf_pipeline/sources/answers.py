"""What came back over HTTP: the body in pieces, and what an error or a redirect means.

What does not belong here: sending, and trying again (`sources.http`).
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

from mcf_pipeline.errors import PipelineError, SourceError
from mcf_pipeline.sources.body import CHUNK, Gauge, TruncatedError, gunzip
from mcf_pipeline.sources.secret import Secret

if TYPE_CHECKING:
    import requests

_ENCODINGS = {"br", "compress", "deflate", "zstd"}
"""Those that there are beside gzip; a header may say anything."""


class RateLimitedError(SourceError):
    """The portal wants no more requests for now.

    Attributes:
        reset_at: when it takes some again (UTC), or None if it does not say.
    """

    def __init__(self, message: str, reset_at: dt.datetime | None) -> None:
        super().__init__(message)
        self.reset_at = reset_at


class RefusedError(SourceError):
    """The portal answered with an error that another attempt will not mend.

    Attributes:
        status: of the HTTP answer.
        detail: what the portal says, on one line; empty if nothing.
    """

    def __init__(self, message: str, status: int, detail: str) -> None:
        super().__init__(message)
        self.status = status
        self.detail = detail


class Transient(Exception):
    """An attempt failed in a way that another may mend.

    Attributes:
        error: what to raise after the last attempt.
        until: when the server asks to come back (UTC), if it does.
    """

    def __init__(self, error: PipelineError, until: dt.datetime | None = None) -> None:
        super().__init__(str(error))
        self.error = error
        self.until = until


def place(url: str) -> str:
    """An address as shown in messages: without user, password, query and fragment."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def reason(error: BaseException) -> str:
    """The innermost reason of a network error, on one line, without addresses or headers."""
    inner: object = error
    for _ in range(10):
        following = getattr(inner, "reason", None)
        if not isinstance(following, BaseException):
            arguments = getattr(inner, "args", ())
            following = next((a for a in reversed(arguments) if isinstance(a, BaseException)), None)
        following = following or getattr(inner, "__cause__", None)
        if following is None:
            break
        inner = following
    text = getattr(inner, "strerror", None)
    if isinstance(text, str) and text:
        return text.splitlines()[0]
    return {"RemoteDisconnected": "the connection was closed without an answer"}.get(
        type(inner).__name__, "timed out" if "imeout" in type(inner).__name__ else type(inner).__name__
    )


def pieces(response: requests.Response, gauge: Gauge) -> Iterator[bytes]:
    """The body, decompressed, every piece weighed."""
    encoding = (response.headers.get("content-encoding") or "identity").strip().lower()
    if encoding not in {"gzip", "x-gzip", "identity"}:
        named = repr(encoding) if encoding in _ENCODINGS else "something else"
        raise SourceError(f"{gauge.what} comes as {named}, which was not asked for; try again later")
    raw = _raw_pieces(response, gauge)
    for piece in raw if encoding == "identity" else gunzip(raw, gauge.what):
        gauge.decoded(len(piece))
        yield piece


def _raw_pieces(response: requests.Response, gauge: Gauge) -> Iterator[bytes]:
    import http.client

    import urllib3.exceptions

    while True:
        try:
            # read1 gives what is there: a plain read waits for all it was asked for, however slow.
            piece = response.raw.read1(CHUNK, decode_content=False)
        except urllib3.exceptions.HTTPError as error:
            inner = error.args[-1] if error.args else None
            if isinstance(inner, http.client.IncompleteRead):
                raise Transient(TruncatedError(f"{gauge.what} is cut before its end; ask for it again")) from error
            raise Transient(unreachable(gauge.what, response.url, error)) from error
        if not piece:
            return
        gauge.received(len(piece))
        yield piece


def unreachable(what: str, url: str, error: BaseException) -> SourceError:
    """The error of a connection that failed."""
    return SourceError(
        f"{what}: {place(url)} cannot be reached ({reason(error)}); check the network and MCF_PORTAL_URL, "
        "or try again later"
    )


def failure(response: requests.Response, url: str, gauge: Gauge, secret: Secret) -> PipelineError | Transient:
    """What an answer that is neither 200 nor a redirect means."""
    status, detail, told = response.status_code, *_told(response, gauge, secret)
    headers = lower_headers(response, secret)
    said = f": {detail}" if detail else ""
    if status == 429:
        until = _until(headers, told)
        back = f"it takes requests again at {until:%Y-%m-%d %H:%M} UTC" if until else "it does not say until when"
        return Transient(
            RateLimitedError(
                f"{gauge.what}: {place(url)} takes no more requests for now ({back}); run again then, "
                "or give a key with its own quota in MCF_API_KEY",
                until,
            ),
            until,
        )
    if status >= 500 or status == 408:
        error = SourceError(f"{gauge.what}: {place(url)} fails with status {status}{said}; try again later")
        # Not the reset of the quota, which every answer tells and which says nothing of this error.
        return Transient(error, _retry_after(headers))
    return RefusedError(
        f"{gauge.what}: {place(url)} answers with status {status}{said}; check MCF_PORTAL_URL and MCF_DATASET_ID",
        status,
        detail,
    )


def _told(response: requests.Response, gauge: Gauge, secret: Secret) -> tuple[str, Mapping[str, object]]:
    """What the body of an error says: a line for people, and its fields."""
    from mcf_pipeline.contract.text import clean

    body = b""
    with suppress(Transient, PipelineError):  # the status is told already
        for piece in pieces(response, gauge):
            body += piece
            if len(body) > CHUNK:
                break
    try:
        told = json.loads(secret.hidden(body))
    except (ValueError, RecursionError):
        return "", {}
    if not isinstance(told, dict):
        return "", {}
    texts = [told.get("message"), told.get("error")]
    return next((clean(text, 200) for text in texts if isinstance(text, str)), ""), told


def _until(headers: Mapping[str, str], told: Mapping[str, object]) -> dt.datetime | None:
    """When the quota comes back, by whichever of the ways of saying so can be read."""
    return _retry_after(headers) or instant(headers.get("x-ratelimit-reset")) or instant(told.get("reset_time"))


def _retry_after(headers: Mapping[str, str]) -> dt.datetime | None:
    asked = headers.get("retry-after", "").strip()
    if asked.isascii() and asked.isdigit() and len(asked) < 10:
        return dt.datetime.now(dt.UTC) + dt.timedelta(seconds=int(asked))
    with suppress(ValueError, TypeError, OverflowError):
        return parsedate_to_datetime(asked).astimezone(dt.UTC)
    return None


def instant(value: object) -> dt.datetime | None:
    """A time as portals write it (``2026-10-01 00:00:00+00:00``, seconds since 1970), or None."""
    if not isinstance(value, str):
        return None
    text = value.strip()
    with suppress(ValueError, OverflowError, OSError):
        if text.isascii() and text.isdigit() and 9 <= len(text) <= 11:
            return dt.datetime.fromtimestamp(int(text), dt.UTC)
        found = dt.datetime.fromisoformat(text)
        return (found if found.tzinfo else found.replace(tzinfo=dt.UTC)).astimezone(dt.UTC)
    return None


def redirected(url: str, location: str) -> str:
    """The address that a redirect leads to.

    Raises:
        SourceError: it is none that we ask.
    """
    try:
        target = urljoin(url, location)
        parts = urlsplit(target)
        usable = (
            parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0 and "@" not in parts.netloc
        )
    except ValueError:
        usable = False
    if not usable:
        raise SourceError(f"{place(url)} redirects to no usable address; check MCF_PORTAL_URL")
    if url.startswith("https:") and parts.scheme == "http":
        raise SourceError(f"{place(url)} redirects to an address without encryption; check MCF_PORTAL_URL")
    return target


def is_another_host(old: str, new: str) -> bool:
    """Whether a redirect leaves the host; from http to https on the usual ports it does not."""
    before, after = urlsplit(old), urlsplit(new)
    if before.hostname != after.hostname:
        return True
    usual = {"http": 80, "https": 443}
    ports = [parts.port or usual[parts.scheme] for parts in (before, after)]
    is_upgrade = (before.scheme, after.scheme) == ("http", "https") and ports == [80, 443]
    return not is_upgrade and (before.scheme, ports[0]) != (after.scheme, ports[1])


def lower_headers(response: requests.Response, secret: Secret) -> dict[str, str]:
    """Headers by lower-case name, without the key."""
    return {name.lower(): secret.hidden_text(value) for name, value in response.headers.items()}
