"""What a failed connection, an error answer or a redirect means: the errors of `sources.http`.

What does not belong here: sending, and deciding whether to try again.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

from mcf_pipeline.contract.text import clean
from mcf_pipeline.errors import SourceError

if TYPE_CHECKING:
    import requests


class UnavailableError(SourceError):
    """The portal cannot be reached or fails; another attempt may succeed.

    Attributes:
        reset_at: when it asks us to come back (UTC), or None if it does not say.
    """

    def __init__(self, message: str, reset_at: dt.datetime | None = None) -> None:
        super().__init__(message)
        self.reset_at = reset_at


class RateLimitedError(UnavailableError):
    """The portal accepts no more requests for now."""


class RefusedError(SourceError):
    """The portal answered with an error that another attempt will not change.

    Attributes:
        status: of the HTTP answer.
        detail: what the portal says, on one line; empty if nothing.
    """

    def __init__(self, message: str, status: int, detail: str) -> None:
        super().__init__(message)
        self.status = status
        self.detail = detail


def place(url: str) -> str:
    """An address as shown in messages: without user, password, query and fragment."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def reason(error: BaseException) -> str:
    """The innermost reason of a network error, on one line, without addresses or headers."""
    for _ in range(10):
        inner = (getattr(error, "reason", None), *reversed(error.args), error.__cause__)
        following = next((e for e in inner if isinstance(e, BaseException)), None)
        if following is None:
            break
        error = following
    text, name = getattr(error, "strerror", None), type(error).__name__
    if isinstance(text, str) and text:
        return text.splitlines()[0]
    if name == "RemoteDisconnected":
        return "the connection was closed without an answer"
    return "timed out" if "imeout" in name else name


def unreachable(what: str, url: str, error: BaseException) -> UnavailableError:
    """The error of a connection that failed."""
    return UnavailableError(
        f"{what}: {place(url)} cannot be reached ({reason(error)}); check the network and MCF_PORTAL_URL, "
        "or try again later"
    )


def failure(response: requests.Response, body: bytes, what: str) -> SourceError:
    """What an answer that is neither 200 nor a redirect means.

    Args:
        response: its head.
        body: its first bytes, without the key.
        what: names what was asked for.
    """
    status, headers, content = response.status_code, response.headers, _fields(body)
    detail = error_text(content)
    said = f": {detail}" if detail else ""
    until = _retry_after(headers)
    if status == 429:
        until = until or instant(headers.get("x-ratelimit-reset")) or instant(content.get("reset_time"))
        back = f"it accepts requests again at {until:%Y-%m-%d %H:%M} UTC" if until else "it does not say for how long"
        return RateLimitedError(
            f"{what}: {place(response.url)} accepts no more requests for now ({back}); run again then, "
            "or set MCF_API_KEY to a key with its own quota",
            until,
        )
    if status >= 500 or status == 408:
        # Not the reset of the quota, which every answer names and which says nothing of this error.
        return UnavailableError(
            f"{what}: {place(response.url)} failed with status {status}{said}; try again later", until
        )
    return RefusedError(
        f"{what}: {place(response.url)} answered with status {status}{said}; check MCF_PORTAL_URL and MCF_DATASET_ID",
        status,
        detail,
    )


def _fields(body: bytes) -> Mapping[str, object]:
    """The fields of an error in JSON; none where it is something else."""
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}


def error_text(content: Mapping[str, object]) -> str:
    """The message of a portal's error, on one line; empty where there is none."""
    texts = (content.get("message"), content.get("error"))
    return next((clean(text, 200) for text in texts if isinstance(text, str)), "")


def _retry_after(headers: Mapping[str, str]) -> dt.datetime | None:
    """When an answer asks us to come back, or None where it does not say so in a way that can be read."""
    from urllib3.exceptions import HTTPError
    from urllib3.util import Retry

    with suppress(HTTPError, ValueError, TypeError, OverflowError):
        seconds = Retry(retry_after_max=10**9).parse_retry_after(headers.get("retry-after", ""))
        return dt.datetime.now(dt.UTC) + dt.timedelta(seconds=seconds)
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
        raise SourceError(f"{place(url)} redirects to an unusable address; check MCF_PORTAL_URL")
    if url.startswith("https:") and parts.scheme == "http":
        raise SourceError(f"{place(url)} redirects to an address without encryption; check MCF_PORTAL_URL")
    return target
