"""Sending a notice to the addresses of ``MCF_NOTIFY``, with Apprise; the one place where their secrets are used.

What is said of a target is its scheme, its number and, where the address has one, its host: in many services' addresses
what stands in the host's place is the token.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from mcf_pipeline.notices.text import Notice

INSTALL = "apprise is not installed: `make notices` in the checkout, or pip install 'mcf-pipeline[notices]'"
_HOST = re.compile(r"^\{schema\}://([^/]*@)?\{host\}(?![^:/])")
"""An address in which the host is a host, as Apprise describes a service's addresses."""


@dataclass(frozen=True, slots=True)
class Target:
    """One address.

    Attributes:
        key: its place and scheme: names it without a secret, whether Apprise is there or not.
        label: what may be said of it.
        problem: why nothing can be sent to it, or None.
    """

    key: str
    label: str
    problem: str | None = None
    _service: Any = field(default=None, repr=False)

    def deliver(self, notice: Notice) -> str | None:
        """Send a notice; returns why it was not accepted, or None."""
        if self.problem:
            return self.problem
        with _unheard():
            try:
                result = self._service.notify(
                    title=notice.subject, body=notice.body, notify_type=notice.kind, body_format="text"
                )
                return None if result else _reason(result)
            except Exception as error:
                # A service's own code, of which there are a hundred; its text may quote the address.
                return f"{type(error).__name__} while sending"


def targets(urls: Sequence[str]) -> list[Target]:
    """The targets of some addresses."""
    return [_target(url, number) for number, url in enumerate(urls, start=1)]


def _target(url: str, number: int) -> Target:
    scheme = urlsplit(url).scheme if re.match(r"[A-Za-z][A-Za-z0-9+.-]*://", url) else "address"
    key = f"{number} {scheme}"
    try:
        import apprise
    except ImportError:
        return Target(key, key, INSTALL)
    # No plugins of this machine's, nothing on its disk, and no picture that is fetched from elsewhere.
    asset = apprise.AppriseAsset(
        app_id="mcf_pipeline",
        app_desc="mcf_pipeline",
        app_url="",
        image_url_mask="",
        image_url_logo="",
        plugin_paths=[],
        storage_mode="memory",
    )
    with _unheard():
        service = apprise.Apprise.instantiate(url, asset=asset)
    if service is None:
        problem = "this address is not understood: https://appriseit.com lists what each service's looks like"
        return Target(key, key, problem)
    described: Any = service
    shown = urlsplit(described.url(privacy=True))
    # Apprise takes a service's own address, such as a chat's webhook, for one of its own scheme.
    is_host = all(_HOST.match(template) for template in described.templates)
    label = f"{number} {shown.scheme}://{shown.hostname}" if is_host and shown.hostname else f"{number} {shown.scheme}"
    together = apprise.Apprise(asset=asset)
    together.add(service)
    return Target(key, label, None, together)


def deliver_all(found: Sequence[Target], notices: dict[str, list[Notice]]) -> dict[str, tuple[int, str | None]]:
    """Send each target its notices, all targets at once; a target that fails gets no more for now.

    Args:
        found: the targets.
        notices: by the target's key, oldest first.

    Returns:
        By key: how many were accepted, and why the next one was not.
    """

    def send(target: Target) -> tuple[int, str | None]:
        for done, notice in enumerate(notices[target.key]):
            reason = target.deliver(notice)
            if reason:
                return done, reason
        return len(notices[target.key]), None

    asked = [target for target in found if notices.get(target.key)]
    if not asked:
        return {}
    with ThreadPoolExecutor(max_workers=min(8, len(asked)), thread_name_prefix="notices") as pool:
        return dict(zip((target.key for target in asked), pool.map(send, asked), strict=True))


@contextmanager
def _unheard() -> Iterator[None]:
    """Let nothing be shown of what Apprise logs: it can quote an address."""
    logger = logging.getLogger("apprise")
    silent = logging.NullHandler()
    logger.addHandler(silent)
    logger.propagate = False
    try:
        yield
    finally:
        logger.removeHandler(silent)


def _reason(result: Iterable[Any]) -> str:
    """Why a service did not accept a notice, without a word of what Apprise quotes."""
    text = " ".join(str(entry) for attempt in result for entry in attempt.logs())
    if answered := re.search(r"\berror\s*=\s*([1-5][0-9]{2})\b", text):
        return f"it answered {answered[1]}"
    if "onnection" in text:
        return "it cannot be reached, or did not accept the login or the address"
    return "it did not accept the notice"
