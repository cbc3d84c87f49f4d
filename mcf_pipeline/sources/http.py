"""HTTP as the portal needs it: bounded in time, size and attempts, and careful with the key.

Built on `requests`, but not on its `Session.get`: that reads the whole body of every redirect, takes
credentials from `.netrc`, and lets a server that sends a byte a minute go on for ever.

What does not belong here: what an address means, and what a body holds.
"""

from __future__ import annotations

import datetime as dt
import random
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from mcf_pipeline import __version__
from mcf_pipeline.errors import PipelineError, SourceError, UsageError
from mcf_pipeline.settings import Limits
from mcf_pipeline.sources.answers import (
    RateLimitedError,
    RefusedError,
    Transient,
    failure,
    is_another_host,
    lower_headers,
    pieces,
    place,
    reason,
    redirected,
    unreachable,
)
from mcf_pipeline.sources.base import Progress
from mcf_pipeline.sources.body import Gauge, TruncatedError
from mcf_pipeline.sources.secret import Secret

if TYPE_CHECKING:
    import requests

__all__ = ["Answer", "RateLimitedError", "RefusedError", "Transport"]

T = TypeVar("T")

MAX_REDIRECTS = 5
MAX_JSON_BYTES = 16 * 1024**2
"""Bytes of an answer that is held in memory; the metadata of a dataset has some 50 KB."""

USER_AGENT = f"mcf-pipeline/{__version__} (open data of Mon Compte Formation; python-requests)"

_HEAD = 8192
_FIRST_PAUSE = 1.0  # seconds; doubled at every further attempt, then drawn between 0 and it
_REDIRECTS = {301, 302, 303, 307, 308}


@dataclass(frozen=True, slots=True)
class Answer:
    """The head of an answer, and its body where it was small; the key is in neither.

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
        if api_key is not None and not (api_key.isascii() and api_key.isprintable() and api_key.strip() == api_key):
            raise UsageError("MCF_API_KEY holds blanks or special characters: give the key alone")
        self._limits = limits
        self._api_key = api_key
        self._secret = Secret(api_key)
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
                for piece in pieces(response, gauge):
                    parts.append(piece)
                    if gauge.bytes_decoded > MAX_JSON_BYTES:
                        raise SourceError(f"{what} has more than {MAX_JSON_BYTES:,} bytes: this is no such portal")
                return Answer(lower_headers(response, self._secret), self._secret.hidden(b"".join(parts)))

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
                headers = lower_headers(response, self._secret)
                length = headers.get("content-length", "")
                total = int(length) if length.isascii() and length.isdigit() and len(length) < 20 else None
                head, tail, is_checked = b"", b"", False
                for piece in self._secret.watched(pieces(response, gauge), what):
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
                # Where neither a length nor chunks nor gzip tell the end, text must end with a line.
                is_open_ended = total is None and "transfer-encoding" not in headers
                is_text = "content-encoding" not in headers and not head.startswith(b"PAR1")
                if is_open_ended and is_text and not tail.rstrip(b"\0").endswith((b"\n", b"\r")):
                    raise TruncatedError(f"{what} ends within a line; ask for it again")
                return Answer(headers)

        return self._repeat(once, gauge)

    def _repeat(self, once: Callable[[], T], gauge: Gauge) -> T:
        try:
            return self._attempts(once, gauge)
        except PipelineError as error:
            self._secret.scrub(error)
            raise

    def _attempts(self, once: Callable[[], T], gauge: Gauge) -> T:
        attempt = 1
        while True:
            try:
                gauge.restart()
                return once()
            except TruncatedError as error:
                failed = Transient(error)
            except Transient as error:
                failed = error
            pause = self._pause(attempt, failed)
            if attempt >= self._limits.max_attempts or pause >= gauge.seconds_left:
                raise failed.error from failed.__cause__
            self._sleep(pause)
            attempt += 1

    def _pause(self, attempt: int, failed: Transient) -> float:
        """Seconds before the next attempt.

        Raises:
            PipelineError: the failure's own, where the server asks for more patience than we have.
        """
        if failed.until is not None:
            asked = (failed.until - dt.datetime.now(dt.UTC)).total_seconds()
            if asked > self._limits.max_wait:
                raise failed.error from failed.__cause__
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
                    raise failure(response, url, gauge, self._secret)
            response.close()
            target = redirected(url, location)
            if self._secret.is_in(target):
                raise SourceError(
                    f"{place(url)} redirects to an address that holds the key of MCF_API_KEY: not followed, since "
                    "addresses are written down everywhere; check MCF_PORTAL_URL, and have the key changed"
                )
            # Another host, another port or no longer https: not for the key, nor any redirect after that.
            with_key = with_key and not is_another_host(url, target)
            url, query = target, None
        raise SourceError(
            f"{gauge.what}: more than {MAX_REDIRECTS} redirects, up to {place(url)}; check MCF_PORTAL_URL"
        )

    def _send(self, url: str, query: Mapping[str, str] | None, with_key: bool, gauge: Gauge) -> requests.Response:
        import requests
        import urllib3.exceptions

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
            raise Transient(unreachable(gauge.what, url, error)) from error
        except (requests.exceptions.RequestException, urllib3.exceptions.HTTPError, ValueError) as error:
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
