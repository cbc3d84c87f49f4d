"""The server of a simulated portal: takes requests, keeps the log and the quota, and is switched by POST.

It listens on loopback only. What does not belong here: what is answered (`api`), and how it is sent (`wire`).
"""

from __future__ import annotations

import contextlib
import datetime as dt
import hashlib
import json
import threading
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

from mcf_pipeline.sample.portal import api
from mcf_pipeline.sample.portal.faults import Active, activate, changed
from mcf_pipeline.sample.portal.store import Release, Store
from mcf_pipeline.sample.portal.wire import Wire
from mcf_pipeline.settings import DATASET_ID

HOST = "127.0.0.1"
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
        fault: the fault that befell it, or None.
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


class SimulatedPortal:
    """A portal that runs in this process while its context lasts.

    Args:
        releases: served one after the other; the first from the start.
        dataset_id: what the dataset is called.
        port: 0 for any that is free.
        formats: the exports it offers.
        quota: requests it grants before it answers 429.
        log: called with each request.
    """

    def __init__(
        self,
        releases: Sequence[Release],
        *,
        dataset_id: str = DATASET_ID,
        port: int = 0,
        formats: Sequence[str] = api.FORMATS,
        quota: int = QUOTA,
        log: Callable[[Logged], None] | None = None,
    ) -> None:
        if not releases:
            raise ValueError("a portal needs at least one release")
        self.dataset_id = dataset_id
        self._formats = tuple(formats)
        self._quota = quota
        self._log = log
        self._waiting = list(releases)
        self._store = Store(self._waiting.pop(0))
        self._faults: list[Active] = []
        self._requests: list[Logged] = []
        self._lock = threading.RLock()
        self.stopping = threading.Event()
        self._server = _Server((HOST, port), self)
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        self._store.warm()
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopping.set()
        if self._thread is not None:
            self._server.shutdown()
            self._thread.join()
        self._server.server_close()
        self._store.close()

    @property
    def url(self) -> str:
        """Its address, for ``MCF_PORTAL_URL``."""
        return f"http://{HOST}:{self._server.server_address[1]}"

    @property
    def release(self) -> Release:
        """What it serves now."""
        return self._store.release

    @property
    def requests(self) -> list[Logged]:
        """The requests so far, oldest first, without those that switch the portal."""
        with self._lock:
            return list(self._requests)

    def next(self) -> Release:
        """Serve the next release.

        Raises:
            LookupError: there is none, and the one served does not know its successor.
        """
        with self._lock:
            successor = getattr(self.release, "next", None)
            if self._waiting:
                following = self._waiting.pop(0)
            elif callable(successor):
                following = successor()
            else:
                raise LookupError("there is no next release")
            store = Store(following)
        store.warm()  # before it is served, so that no request waits for it
        self._store = store
        return following

    def misbehave(self, fault: str, times: int | None = 1, *, on: str | None = None, **options: Any) -> None:
        """Set a fault for the next requests; see `faults.FAULTS` and `faults.activate`."""
        active = activate(fault, times, on, **options)
        with self._lock:
            self._faults.append(active)

    def behave(self) -> None:
        """Clear all faults."""
        with self._lock:
            self._faults.clear()

    def answer(self, logged: Logged) -> tuple[api.Reply, Active | None, dict[str, str]]:
        """The answer to a request, the fault that befalls it, and the headers that tell the quota."""
        store = self._store
        with self._lock:
            active = next((a for a in self._faults if a.on in ("any", logged.kind)), None)
            if active is not None and active.left is not None:
                active.left -= 1
                if not active.left:
                    self._faults.remove(active)
            spent = len(self._requests) + 1
            reset_at = dt.datetime.combine(
                dt.datetime.now(dt.UTC).date() + dt.timedelta(days=1), dt.time(tzinfo=dt.UTC)
            )
        quota = api.quota_headers(self._quota, max(0, self._quota - spent), reset_at)
        if spent > self._quota:
            reply = api.too_many(self._quota, reset_at, logged.kind)
        else:
            reply = api.answer(store, self.dataset_id, self._formats, logged.path, logged.query)
        if active is not None:
            reply = changed(reply, active)
        entry = replace(logged, fault=active.fault.name if active else None, status=reply.status)
        with self._lock:
            self._requests.append(entry)
        if self._log is not None:
            self._log(entry)
        return reply, active, quota

    def switch(self, path: str, body: bytes) -> api.Reply:
        """Answer a POST request: ``/next``, ``/misbehave`` or ``/behave``."""
        try:
            if path == "/next":
                return api.json_reply(200, {"release": self.next().day.isoformat()})
            if path == "/behave":
                self.behave()
                return api.json_reply(200, {"faults": []})
            if path == "/misbehave":
                told = json.loads(body)
                self.misbehave(told.pop("fault", None), told.pop("times", 1), **told)
                with self._lock:
                    return api.json_reply(200, {"faults": [a.fault.name for a in self._faults]})
        except LookupError as error:
            return api.error_reply(409, "NoNextRelease", str(error))
        except (ValueError, TypeError, AttributeError) as error:
            return api.error_reply(400, "InvalidFault", str(error))
        return api.error_reply(404, "NotFoundResource", "POST /next, /misbehave or /behave")


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, address: tuple[str, int], portal: SimulatedPortal) -> None:
        self.portal = portal
        super().__init__(address, _Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: clients that hang up are what this server is for."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else each small piece waits 40 ms for the client's acknowledgement

    def do_GET(self) -> None:
        """Answer a question, or give the log."""
        url = urlsplit(self.path)
        if url.path == "/log":
            self._send(api.json_reply(200, [asdict(entry) for entry in self.server.portal.requests]))
            return
        key = self.headers.get("authorization")
        logged = Logged(
            method="GET",
            path=url.path,
            query=dict(parse_qsl(url.query, keep_blank_values=True)),
            headers={n.lower(): v for n, v in self.headers.items() if n.lower() != "authorization"},
            has_key=key is not None,
            key_sha256=None if key is None else hashlib.sha256(key.encode()).hexdigest(),
            kind=api.kind_of(url.path),
            fault=None,
            status=0,
        )
        reply, active, quota = self.server.portal.answer(logged)
        self._send(reply, active, quota)

    def do_POST(self) -> None:
        """Switch the portal."""
        length = self.headers.get("content-length", "0")
        size = int(length) if length.isdecimal() and int(length) <= _MAX_BODY else 0
        self._send(self.server.portal.switch(urlsplit(self.path).path, self.rfile.read(size)))

    def _send(self, reply: api.Reply, active: Active | None = None, quota: dict[str, str] | None = None) -> None:
        accepts_gzip = "gzip" in self.headers.get("accept-encoding", "")
        wire = Wire(self.connection, self.server.portal.stopping, accepts_gzip=accepts_gzip, headers=quota or {})
        try:
            if active is None or active.fault.change is not None:
                wire.send(reply)
                return
            self.close_connection = True
            wire.misbehave(active.fault.name, active.options, reply)
        except OSError:
            self.close_connection = True  # the client has gone

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing; who wants to know gives `SimulatedPortal` a `log`."""


def serve(
    port: int = 8042,
    *,
    releases: Sequence[Release] | None = None,
    log: Callable[[Logged], None] | None = None,
    ready: Callable[[SimulatedPortal], None] | None = None,
) -> None:
    """Serve until Ctrl-C.

    Args:
        port: 0 for any that is free.
        releases: served one after the other; by default three of the sample, then those to come.
        log: called with each request.
        ready: called once requests are taken.

    Raises:
        UsageError: the port is taken.
    """
    from mcf_pipeline.errors import UsageError

    if releases is None:
        from mcf_pipeline.sample import synthetic

        releases = synthetic.releases(3)
    try:
        portal = SimulatedPortal(releases, port=port, log=log)
    except (OSError, OverflowError) as error:
        why = getattr(error, "strerror", None) or "a port is a number from 0 to 65535"
        raise UsageError(f"port {port} cannot be used ({why}): choose another with --port") from error
    with contextlib.suppress(KeyboardInterrupt), portal:
        if ready is not None:
            ready(portal)
        portal.stopping.wait()
