"""The portal of the tests: the sample's, with a log, a quota and faults.

What does not belong here: what a fault does (`faults`, `wire`).
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from mcf_pipeline.sample.portal import Release
from mcf_pipeline.sample.portal import SimulatedPortal as Portal
from mcf_pipeline.sample.portal.api import PREFIX, Reply, error_reply, json_reply
from mcf_pipeline.sample.portal.server import Handler
from mcf_pipeline_tests.portal.faults import Active, activate, changed, quota_headers, too_many
from mcf_pipeline_tests.portal.wire import Wire

QUOTA = 5000
"""Requests a day; what public portals grant to the anonymous."""

_MAX_BODY = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Logged:
    """One request as it was seen.

    Attributes:
        method: of HTTP.
        path: without the query.
        query: decoded.
        headers: by lower-case name, without `authorization`.
        has_key: whether there was an `authorization` header.
        key_sha256: of its value, or None.
        kind: ``metadata``, ``exports``, ``records`` or ``other``.
        fault: the fault that affected it, or None.
        status: of the answer as it was meant.
    """

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    has_key: bool
    key_sha256: str | None
    kind: str
    fault: str | None
    status: int


class _Handler(Handler):
    def do_GET(self) -> None:
        portal, url = self.portal, urlsplit(self.path)
        if url.path == "/log":
            self.wire().send(json_reply(200, [asdict(entry) for entry in portal.requests]))
            return
        key = self.headers.get("authorization")
        logged = Logged(
            method="GET",
            path=url.path,
            query=dict(parse_qsl(url.query, keep_blank_values=True)),
            headers={n.lower(): v for n, v in self.headers.items() if n.lower() != "authorization"},
            has_key=key is not None,
            key_sha256=None if key is None else hashlib.sha256(key.encode()).hexdigest(),
            kind=kind_of(url.path),
            fault=None,
            status=0,
        )
        reply, active, quota = portal.reply(logged)
        wire = self.wire(quota)
        try:
            if active is None or active.fault.change is not None:
                wire.send(reply)
                return
            self.close_connection = True
            wire.misbehave(active.fault.name, active.options, reply)
        except OSError:
            self.close_connection = True  # the client has gone

    def do_POST(self) -> None:
        length = self.headers.get("content-length", "0")
        size = int(length) if length.isdecimal() and int(length) <= _MAX_BODY else 0
        self.wire().send(self.portal.posted(urlsplit(self.path).path, self.rfile.read(size)))

    @property
    def portal(self) -> SimulatedPortal:
        assert isinstance(self.server.portal, SimulatedPortal)
        return self.server.portal

    def wire(self, headers: dict[str, str] | None = None) -> Wire:
        accepts_gzip = "gzip" in self.headers.get("accept-encoding", "")
        return Wire(self.connection, self.portal.stopping, accepts_gzip=accepts_gzip, headers=headers or {})


class SimulatedPortal(Portal):
    """The sample's portal, whose answers come in chunks, with a quota, and as the faults that are set leave them.

    Args:
        releases: served one after the other; the first from the start.
        quota: requests it grants before it answers 429.
        options: of the sample's portal.
    """

    handler = _Handler

    def __init__(self, releases: Sequence[Release], *, quota: int = QUOTA, **options: Any) -> None:
        super().__init__(releases, **options)
        self._quota = quota
        self._faults: list[Active] = []
        self._requests: list[Logged] = []

    @property
    def requests(self) -> list[Logged]:
        """The requests so far, oldest first, without those that switch the portal."""
        with self._lock:
            return list(self._requests)

    def misbehave(self, fault: str, times: int | None = 1, *, on: str | None = None, **options: Any) -> None:
        """Set a fault for the next requests; see `faults.FAULTS` and `faults.activate`."""
        active = activate(fault, times, on, **options)
        with self._lock:
            self._faults.append(active)

    def behave(self) -> None:
        """Clear all faults."""
        with self._lock:
            self._faults.clear()

    def reply(self, logged: Logged) -> tuple[Reply, Active | None, dict[str, str]]:
        """The answer to a request, the fault that affects it, and the headers with the quota."""
        with self._lock:
            active = next((a for a in self._faults if a.on in ("any", logged.kind)), None)
            if active is not None and active.left is not None:
                active.left -= 1
                if not active.left:
                    self._faults.remove(active)
            spent = len(self._requests) + 1
        tomorrow = dt.datetime.now(dt.UTC).date() + dt.timedelta(days=1)
        reset_at = dt.datetime.combine(tomorrow, dt.time(tzinfo=dt.UTC))
        quota = quota_headers(self._quota, max(0, self._quota - spent), reset_at)
        is_spent = spent > self._quota
        reply = too_many(self._quota, reset_at) if is_spent else self.answer(logged.path, logged.query)
        if active is not None:
            reply = changed(reply, active)
        with self._lock:
            self._requests.append(replace(logged, fault=active.fault.name if active else None, status=reply.status))
        return reply, active, quota

    def posted(self, path: str, body: bytes) -> Reply:
        """The answer to a POST request: ``/next``, ``/misbehave`` or ``/behave``."""
        try:
            if path == "/behave":
                self.behave()
                return json_reply(200, {"faults": []})
            if path == "/misbehave":
                content = json.loads(body)
                self.misbehave(content.pop("fault", None), content.pop("times", 1), **content)
                with self._lock:
                    return json_reply(200, {"faults": [a.fault.name for a in self._faults]})
        except (ValueError, TypeError, AttributeError) as error:
            return error_reply(400, "InvalidFault", str(error))
        return self.switch(path)


def kind_of(path: str) -> str:
    """What a request is for, by its path."""
    rest = path.removeprefix(PREFIX).split("/")
    if not path.startswith(PREFIX) or not rest[0]:
        return "other"
    if len(rest) == 1:
        return "metadata"
    if rest[1] == "exports" and len(rest) == 3:
        return "exports"
    return "records" if rest[1] == "records" else "other"
