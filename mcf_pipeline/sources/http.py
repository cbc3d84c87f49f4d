"""HTTP as the portal needs it: requests and urllib3, bounded in time, size and attempts, and careful with the key.

`requests` follows the redirects, urllib3's `Retry` paces the attempts. urllib3 itself would try again only until the
head of an answer is there, and an export breaks off in its body; so one `Retry` counts over the whole of an attempt.

What does not belong here: what an address means, and what a body holds.
"""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from mcf_pipeline.errors import PipelineError, SourceError, UsageError
from mcf_pipeline.settings import Limits
from mcf_pipeline.sources.answers import UnavailableError, failure, place, reason, unreachable
from mcf_pipeline.sources.base import Progress
from mcf_pipeline.sources.body import CHUNK, Gauge, TruncatedError, pieces
from mcf_pipeline.sources.secret import Secret

if TYPE_CHECKING:
    import requests

    from mcf_pipeline.sources.connection import Session

T = TypeVar("T")

MAX_JSON_BYTES = 16 * 1024**2
"""Bytes of an answer that is held in memory; the metadata of a dataset has some 50 KB."""

_HEAD = 8192
_ENCODINGS = {"br", "compress", "deflate", "zstd"}
"""The other encodings that exist; a header may say anything."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A small answer; the key is not in it.

    Attributes:
        headers: by lower-case name.
        body: decompressed.
    """

    headers: Mapping[str, str]
    body: bytes


class Transport:
    """Sends GET requests to one portal.

    Args:
        limits: time, size and attempts.
        api_key: sent in the `Authorization` header to the host that is asked first, and to no other.
        sleep: waits so many seconds.
    """

    def __init__(
        self, limits: Limits, api_key: str | None = None, *, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        # requests would show the value in its own complaint.
        if api_key is not None and not (api_key.isascii() and api_key.isprintable() and api_key.strip() == api_key):
            raise UsageError("MCF_API_KEY contains spaces or special characters: give only the key")
        self._limits = limits
        self._api_key = api_key
        self._secret = Secret(api_key)
        self._session: Session | None = None
        self._sleep = sleep

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

        def once(response: requests.Response, gauge: Gauge) -> Answer:
            body = _first_bytes(response, gauge, MAX_JSON_BYTES)
            if len(body) > MAX_JSON_BYTES:
                raise SourceError(f"{what} has more than {MAX_JSON_BYTES:,} bytes: not an Opendatasoft portal")
            headers = {name.lower(): self._secret.hidden_text(value) for name, value in response.headers.items()}
            return Answer(headers, self._secret.hidden(body))

        return self._attempts(url, params, what, once)

    def download(
        self,
        url: str,
        params: Mapping[str, str],
        what: str,
        path: Path,
        progress: Progress,
        check_head: Callable[[bytes], None],
    ) -> None:
        """Stream something large to a file; errors as in `get`.

        Args:
            url: without a query.
            params: the query.
            what: names it in messages.
            path: the file; overwritten, and unfinished if this raises.
            progress: called with the bytes as they come.
            check_head: raises if the first bytes are not what they should be.
        """

        def once(response: requests.Response, gauge: Gauge) -> None:
            total = response.raw.length_remaining
            head, tail, is_checked = b"", b"", False
            with path.open("wb") as file:
                for piece in self._secret.watched(_pieces(response, gauge), what):
                    if not is_checked:
                        head += piece
                        if len(head) >= _HEAD:
                            check_head(self._secret.hidden(head))
                            is_checked = True
                    file.write(piece)
                    tail = piece[-2:]
                    progress(gauge.bytes_received, total)
            if not is_checked:
                check_head(self._secret.hidden(head))
            # Where neither a length nor chunks nor gzip show the end, text must end with a line.
            is_open_ended = total is None and "transfer-encoding" not in response.headers
            is_text = "content-encoding" not in response.headers and not head.startswith(b"PAR1")
            if is_open_ended and is_text and not tail.rstrip(b"\0").endswith((b"\n", b"\r")):
                raise TruncatedError(f"{what} ends within a line; download it again")

        self._attempts(url, params, what, once)

    def _attempts(
        self, url: str, params: Mapping[str, str], what: str, once: Callable[[requests.Response, Gauge], T]
    ) -> T:
        from urllib3.util import Retry

        gauge = Gauge(self._limits, what)
        retry = Retry(
            self._limits.max_attempts - 1, backoff_factor=1, backoff_jitter=1, backoff_max=self._limits.max_wait
        )
        try:
            while True:
                gauge.restart()
                try:
                    with self._open(url, params, gauge) as response:
                        return once(response, gauge)
                except (TruncatedError, UnavailableError) as error:
                    asked = _seconds_asked(error)
                    if not retry.total or asked > self._limits.max_wait:
                        raise
                    retry = retry.increment("GET", place(url), error=error)
                    pause = max(asked, retry.get_backoff_time())
                    if pause >= gauge.seconds_left:
                        raise
                self._sleep(pause)
        except PipelineError as error:
            self._secret.scrub(error)
            raise

    def _open(self, url: str, params: Mapping[str, str], gauge: Gauge) -> requests.Response:
        """Send one request and follow its redirects; the body of the answer is still to be read."""
        import requests
        import urllib3.exceptions

        from mcf_pipeline.sources.connection import MAX_REDIRECTS, Session

        timeout = (self._limits.connect_timeout, self._limits.read_timeout)
        try:
            self._session = self._session or Session(self._api_key, self._secret)
            response = self._session.get(url, params=params, timeout=timeout, stream=True)
        except requests.exceptions.SSLError as error:
            raise SourceError(
                f"{gauge.what}: {place(url)} has no trusted certificate ({reason(error)}); "
                "check MCF_PORTAL_URL and the machine's date and certificates"
            ) from error
        except (requests.exceptions.ConnectionError, requests.exceptions.Timeout) as error:
            raise unreachable(gauge.what, getattr(error.request, "url", None) or url, error) from error
        except requests.exceptions.TooManyRedirects as error:
            last = error.response.url if error.response is not None else url
            raise SourceError(
                f"{gauge.what}: more than {MAX_REDIRECTS} redirects, up to {place(last)}; check MCF_PORTAL_URL"
            ) from error
        except (requests.exceptions.RequestException, urllib3.exceptions.HTTPError, ValueError) as error:
            raise SourceError(
                f"{gauge.what}: {place(url)} cannot be queried ({reason(error)}); check MCF_PORTAL_URL"
            ) from error
        if response.status_code == 200:
            return response
        body = b""
        with response, suppress(PipelineError):  # the status says enough
            body = _first_bytes(response, gauge, CHUNK)
        raise failure(response, self._secret.hidden(body), gauge.what)


def _seconds_asked(error: PipelineError) -> float:
    """Seconds that the portal asks us to wait; 0 where it does not."""
    until = getattr(error, "reset_at", None)
    return max(0.0, (until - dt.datetime.now(dt.UTC)).total_seconds()) if until else 0.0


def _pieces(response: requests.Response, gauge: Gauge) -> Iterator[bytes]:
    """The body, decompressed, every piece checked against the limits."""
    import http.client

    import urllib3.exceptions

    encoding = (response.headers.get("content-encoding") or "identity").strip().lower()
    if encoding not in {"gzip", "x-gzip", "identity"}:
        named = repr(encoding) if encoding in _ENCODINGS else "something else"
        raise SourceError(f"{gauge.what} is encoded as {named}, which was not requested; try again later")

    def raw() -> Iterator[bytes]:
        try:
            # read1 gives what is there: a plain read waits for all it was asked for, however slow.
            while piece := response.raw.read1(CHUNK, decode_content=False):
                yield piece
        except urllib3.exceptions.HTTPError as error:
            inner = error.args[-1] if error.args else None
            if isinstance(inner, http.client.IncompleteRead):
                raise TruncatedError(f"{gauge.what} is truncated; download it again") from error
            raise unreachable(gauge.what, response.url, error) from error

    return pieces(raw(), gauge, is_gzip=encoding != "identity")


def _first_bytes(response: requests.Response, gauge: Gauge, enough: int) -> bytes:
    """The body, or where it is longer than `enough` its beginning."""
    body = bytearray()
    for piece in _pieces(response, gauge):
        body += piece
        if len(body) > enough:
            break
    return bytes(body)
