"""HTTP as the portal needs it: bounded in time, size and attempts, and careful with the key.

Built on `requests`, but not on its `Session.get`: that reads the whole body of every redirect, takes
credentials from `.netrc`, and lets a server that sends a byte a minute go on for ever.

What does not belong here: what an address means, and what a body holds.
"""

from __future__ import annotations

import datetime as dt
import json
import random
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urljoin, urlsplit

from mcf_pipeline import __version__
from mcf_pipeline.config import Limits
from mcf_pipeline.errors import PipelineError, SourceError, UsageError
from mcf_pipeline.sources.base import Progress
from mcf_pipeline.sources.body import CHUNK, Gauge, TruncatedError, gunzip

if TYPE_CHECKING:
    import requests

T = TypeVar("T")

MAX_REDIRECTS = 5
MAX_JSON_BYTES = 16 * 1024**2
"""Bytes of an answer that is held in memory; the metadata of a dataset has some 50 KB."""

USER_AGENT = f"mcf-pipeline/{__version__} (open data of Mon Compte Formation; python-requests)"

_HEAD = 8192
_FIRST_PAUSE = 1.0  # seconds; doubled at every further attempt, then drawn between 0 and it
_REDIRECTS = {301, 302, 303, 307, 308}


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


class _Transient(Exception):
    """An attempt failed in a way that another may mend.

    Attributes:
        error: what to raise after the last attempt.
        until: when the server asks to come back (UTC), if it does.
    """

    def __init__(self, error: PipelineError, until: dt.datetime | None = None) -> None:
        super().__init__(str(error))
        self.error = error
        self.until = until


@dataclass(frozen=True, slots=True)
class Answer:
    """The head of an answer, and its body where it was small.

    Attributes:
        headers: by lower-case name.
        body: empty for a download.
    """

    headers: Mapping[str, str]
    body: bytes = b""


class Transport:
    """Sends GET requests to one portal.

    Args:
        limits: time, size and attempts.
        api_key: sent in the `Authorization` header to the host that is asked first, and to no other.
        sleep: waits so many seconds.
        chance: a number between 0 and 1.
    """

    def __init__(
        self,
        limits: Limits,
        api_key: str | None = None,
        *,
        sleep: Callable[[float], None] = time.sleep,
        chance: Callable[[], float] = random.random,
    ) -> None:
        # requests would show the value in its own complaint.
        if api_key is not None and not (
            api_key.isascii() and api_key.isprintable() and api_key.strip() == api_key
        ):
            raise UsageError("MCF_API_KEY holds blanks or special characters: give the key alone")
        self._limits = limits
        self._api_key = api_key
        self._sleep = sleep
        self._chance = chance

    def get(self, url: str, params: Mapping[str, str], what: str) -> Answer:
        """Ask for something small.

        Args:
            url: without a query.
            params: the query.
            what: names it in messages.

        Raises:
            RateLimitedError: the quota is used up for longer than we wait.
            RefusedError: another error status.
            SourceError: it cannot be reached.
            ContractError: it breaks a limit, or is cut each time.
        """
        gauge = Gauge(self._limits, what)

        def once() -> Answer:
            with closing(self._open(url, params, gauge)) as response:
                parts: list[bytes] = []
                for piece in _pieces(response, gauge):
                    parts.append(piece)
                    if gauge.bytes_decoded > MAX_JSON_BYTES:
                        raise SourceError(
                            f"{what} has more than {MAX_JSON_BYTES:,} bytes: this is no such portal"
                        )
                return Answer(_lower(response), b"".join(parts))

        return self._repeat(once, gauge)

    def download(
        self,
        url: str,
        params: Mapping[str, str],
        what: str,
        path: Path,
        progress: Progress,
        check_head: Callable[[bytes], None],
    ) -> Answer:
        """Stream something large to a file; its arguments and errors are those of `get`.

        Args:
            url: without a query.
            params: the query.
            what: names it in messages.
            path: the file; overwritten, and unfinished if this raises.
            progress: called with the bytes as they come.
            check_head: raises if the first bytes are not what they should be.

        Returns:
            The answer without its body.
        """
        gauge = Gauge(self._limits, what)

        def once() -> Answer:
            with closing(self._open(url, params, gauge)) as response, path.open("wb") as file:
                headers = _lower(response)
                length = headers.get("content-length", "")
                total = int(length) if length.isascii() and length.isdigit() and len(length) < 20 else None
                head, tail, is_checked = b"", b"", False
                for piece in _pieces(response, gauge):
                    if not is_checked:
                        head += piece
                        if len(head) >= _HEAD:
                            check_head(head)
                            is_checked = True
                    file.write(piece)
                    tail = piece[-2:]
                    progress(gauge.bytes_received, total)
                # Where neither a length nor chunks nor gzip tell the end, text must end with a line.
                is_open_ended = total is None and "transfer-encoding" not in headers
                is_text = "content-encoding" not in headers and not head.startswith(b"PAR1")
                if is_open_ended and is_text and not tail.rstrip(b"\0").endswith((b"\n", b"\r")):
                    raise TruncatedError(f"{what} ends within a line; ask for it again")
                if not is_checked:
                    check_head(head)
                return Answer(headers)

        return self._repeat(once, gauge)

    def _repeat(self, once: Callable[[], T], gauge: Gauge) -> T:
        attempt = 1
        while True:
            try:
                gauge.restart()
                return once()
            except TruncatedError as error:
                failure = _Transient(error)
            except _Transient as error:
                failure = error
            pause = self._pause(attempt, failure)
            if attempt >= self._limits.max_attempts or pause >= gauge.seconds_left:
                raise failure.error from failure.__cause__
            self._sleep(pause)
            attempt += 1

    def _pause(self, attempt: int, failure: _Transient) -> float:
        """Seconds before the next attempt.

        Raises:
            PipelineError: the failure's own, where the server asks for more patience than we have.
        """
        if failure.until is not None:
            asked = (failure.until - dt.datetime.now(dt.UTC)).total_seconds()
            if asked > self._limits.max_wait:
                raise failure.error from failure.__cause__
            if asked > 0:
                # Never too early; a little later, lest all who wait come at once.
                return asked + self._chance() * min(1.0, asked)
        # Full jitter: https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
        return self._chance() * min(self._limits.max_wait, _FIRST_PAUSE * 2.0 ** (attempt - 1))

    def _open(self, url: str, params: Mapping[str, str], gauge: Gauge) -> requests.Response:
        """Send one request and follow its redirects; the answer's body is still to be read."""
        with_key = self._api_key is not None
        query: Mapping[str, str] | None = params
        for _ in range(MAX_REDIRECTS + 1):
            response = self._send(url, query, with_key, gauge)
            location = response.headers.get("location")
            if response.status_code not in _REDIRECTS or location is None:
                if response.status_code == 200:
                    return response
                with closing(response):
                    raise _failure(response, url, gauge)
            response.close()
            target = _redirected(url, location)
            # Another host, another port or no longer https: not for the key, nor any redirect after that.
            with_key = with_key and not _is_another_host(url, target)
            url, query = target, None
        raise SourceError(
            f"{gauge.what}: more than {MAX_REDIRECTS} redirects, up to {place(url)}; check MCF_PORTAL_URL"
        )

    def _send(
        self, url: str, query: Mapping[str, str] | None, with_key: bool, gauge: Gauge
    ) -> requests.Response:
        import requests

        def authorize(request: requests.PreparedRequest) -> requests.PreparedRequest:
            # Given even without a key, so that requests does not look for one in ~/.netrc.
            if with_key:
                request.headers["Authorization"] = f"Apikey {self._api_key}"
            return request

        headers = {"User-Agent": USER_AGENT, "Accept-Encoding": "gzip", "Accept": "*/*"}
        timeout = (self._limits.connect_timeout, self._limits.read_timeout)
        session = self._session
        try:
            request = session.prepare_request(
                requests.Request("GET", url, headers=headers, params=query, auth=authorize)
            )
            settings = session.merge_environment_settings(request.url, {}, True, None, None)
            adapter = session.get_adapter(request.url or url)
            return adapter.send(request, timeout=timeout, **settings)  # type: ignore[arg-type]  # None is fine
        except requests.exceptions.SSLError as error:
            raise SourceError(
                f"{gauge.what}: {place(url)} has no certificate that can be trusted ({reason(error)}); "
                "check MCF_PORTAL_URL and the machine's date and certificates"
            ) from error
        except (requests.exceptions.ConnectionError, requests.exceptions.Timeout) as error:
            raise _Transient(_unreachable(gauge.what, url, error)) from error
        except (requests.exceptions.RequestException, ValueError) as error:
            raise SourceError(
                f"{gauge.what}: {place(url)} cannot be asked ({reason(error)}); check MCF_PORTAL_URL"
            ) from error

    @cached_property
    def _session(self) -> requests.Session:
        import requests

        from mcf_pipeline.sources.connection import PatientAdapter

        session = requests.Session()
        session.mount("http://", PatientAdapter())
        session.mount("https://", PatientAdapter())
        return session


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


def _pieces(response: requests.Response, gauge: Gauge) -> Iterator[bytes]:
    """The body, decompressed, every piece weighed."""
    encoding = (response.headers.get("content-encoding") or "identity").strip().lower()
    if encoding not in {"gzip", "x-gzip", "identity"}:
        raise SourceError(
            f"{gauge.what} comes as {encoding[:20]!r}, which was not asked for; try again later"
        )
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
                raise _Transient(
                    TruncatedError(f"{gauge.what} is cut before its end; ask for it again")
                ) from error
            raise _Transient(_unreachable(gauge.what, response.url, error)) from error
        if not piece:
            return
        gauge.received(len(piece))
        yield piece


def _unreachable(what: str, url: str, error: BaseException) -> SourceError:
    return SourceError(
        f"{what}: {place(url)} cannot be reached ({reason(error)}); check the network and MCF_PORTAL_URL, "
        "or try again later"
    )


def _failure(response: requests.Response, url: str, gauge: Gauge) -> PipelineError | _Transient:
    """What an answer that is neither 200 nor a redirect means."""
    status, detail, told = response.status_code, *_told(response, gauge)
    headers = _lower(response)
    until = _until(headers, told)
    said = f": {detail}" if detail else ""
    if status == 429:
        back = (
            f"it takes requests again at {until:%Y-%m-%d %H:%M} UTC"
            if until
            else "it does not say until when"
        )
        return _Transient(
            RateLimitedError(
                f"{gauge.what}: {place(url)} takes no more requests for now ({back}); run again then, "
                "or give a key with its own quota in MCF_API_KEY",
                until,
            ),
            until,
        )
    if status >= 500 or status == 408:
        error = SourceError(f"{gauge.what}: {place(url)} fails with status {status}{said}; try again later")
        return _Transient(error, until)
    return RefusedError(f"{gauge.what}: {place(url)} answers with status {status}{said}", status, detail)


def _told(response: requests.Response, gauge: Gauge) -> tuple[str, Mapping[str, object]]:
    """What the body of an error says: a line for people, and its fields."""
    from mcf_pipeline.contract.text import clean

    body = b""
    with suppress(_Transient, PipelineError):  # the status is told already
        for piece in _pieces(response, gauge):
            body += piece
            if len(body) > CHUNK:
                break
    try:
        told = json.loads(body)
    except (ValueError, RecursionError):
        return "", {}
    if not isinstance(told, dict):
        return "", {}
    texts = [told.get("message"), told.get("error")]
    return next((clean(text, 200) for text in texts if isinstance(text, str)), ""), told


def _until(headers: Mapping[str, str], told: Mapping[str, object]) -> dt.datetime | None:
    """When the server asks to come back, by whichever of its ways of saying so can be read."""
    asked = headers.get("retry-after", "").strip()
    if asked.isascii() and asked.isdigit() and len(asked) < 10:
        return dt.datetime.now(dt.UTC) + dt.timedelta(seconds=int(asked))
    with suppress(ValueError, TypeError, OverflowError):
        return parsedate_to_datetime(asked).astimezone(dt.UTC)
    return instant(headers.get("x-ratelimit-reset")) or instant(told.get("reset_time"))


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


def _redirected(url: str, location: str) -> str:
    try:
        target = urljoin(url, location)
        parts = urlsplit(target)
        usable = (
            parts.scheme in {"http", "https"}
            and bool(parts.hostname)
            and parts.port != 0
            and "@" not in parts.netloc
        )
    except ValueError:
        usable = False
    if not usable:
        raise SourceError(f"{place(url)} redirects to no usable address; check MCF_PORTAL_URL")
    if url.startswith("https:") and parts.scheme == "http":
        raise SourceError(f"{place(url)} redirects to an address without encryption; check MCF_PORTAL_URL")
    return target


def _is_another_host(old: str, new: str) -> bool:
    """Whether a redirect leaves the host; from http to https on the usual ports it does not."""
    before, after = urlsplit(old), urlsplit(new)
    if before.hostname != after.hostname:
        return True
    usual = {"http": 80, "https": 443}
    ports = [parts.port or usual[parts.scheme] for parts in (before, after)]
    is_upgrade = (before.scheme, after.scheme) == ("http", "https") and ports == [80, 443]
    return not is_upgrade and (before.scheme, ports[0]) != (after.scheme, ports[1])


def _lower(response: requests.Response) -> dict[str, str]:
    return {name.lower(): value for name, value in response.headers.items()}
