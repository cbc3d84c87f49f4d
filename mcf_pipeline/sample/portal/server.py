"""The server of a simulated portal, on loopback only.

What does not belong here: what is answered (`api`).
"""

from __future__ import annotations

import contextlib
import gzip
import threading
from collections.abc import Callable, Mapping, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar, Self
from urllib.parse import parse_qsl, urlsplit

from mcf_pipeline.sample.portal import api
from mcf_pipeline.sample.portal.store import Release, Store
from mcf_pipeline.settings import DATASET_ID

HOST = "127.0.0.1"


class Handler(BaseHTTPRequestHandler):
    """Answers one request."""

    server: Server
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else each small piece waits 40 ms for the client's acknowledgement

    def do_GET(self) -> None:
        """Answer a question."""
        url = urlsplit(self.path)
        reply = self.server.portal.answer(url.path, dict(parse_qsl(url.query, keep_blank_values=True)))
        if self.server.portal.log is not None:
            self.server.portal.log(f"GET {url.path} {reply.status}")
        self.send(reply)

    def do_POST(self) -> None:
        """Move to the next release."""
        self.close_connection = True  # what else was posted is not read
        self.send(self.server.portal.switch(urlsplit(self.path).path), {"Connection": "close"})

    def send(self, reply: api.Reply, headers: Mapping[str, str] = {}) -> None:
        """Send an answer, compressed where that is accepted."""
        body, encoding = reply.body, {}
        if "gzip" in self.headers.get("accept-encoding", ""):
            body, encoding = gzip.compress(body, 1), {"Content-Encoding": "gzip"}
        lines = {"Content-Type": reply.content_type, "Cache-Control": "no-store", "Content-Length": str(len(body))}
        with contextlib.suppress(OSError):  # the client has gone
            self.send_response(reply.status)
            for name, value in {**lines, **encoding, **reply.headers, **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing; `SimulatedPortal.log` does."""


class SimulatedPortal:
    """A portal that runs in this process while its context lasts.

    Args:
        releases: served one after the other; the first from the start.
        dataset_id: what the dataset is called.
        port: 0 for any that is free.
        formats: the exports it offers.
        log: called with a line for each request.
    """

    handler: ClassVar[type[Handler]] = Handler

    def __init__(
        self,
        releases: Sequence[Release],
        *,
        dataset_id: str = DATASET_ID,
        port: int = 0,
        formats: Sequence[str] = api.FORMATS,
        log: Callable[[str], None] | None = None,
    ) -> None:
        if not releases:
            raise ValueError("a portal needs at least one release")
        self.dataset_id = dataset_id
        self.formats = tuple(formats)
        self.log = log
        self.stopping = threading.Event()
        self._waiting = list(releases)
        self._store = Store(self._waiting.pop(0))
        self._lock = threading.RLock()
        self._server = Server((HOST, port), self)
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        _ = self._store.lines  # now, so that no request waits for them
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopping.set()
        if self._thread is not None:
            self._server.shutdown()
            self._thread.join()
        self._server.server_close()

    @property
    def url(self) -> str:
        """Its address, for ``MCF_PORTAL_URL``."""
        return f"http://{HOST}:{self._server.server_address[1]}"

    @property
    def release(self) -> Release:
        """What it serves now."""
        return self._store.release

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
        _ = store.lines
        self._store = store
        return following

    def answer(self, path: str, params: Mapping[str, str]) -> api.Reply:
        """The answer to a GET request."""
        return api.answer(self._store, self.dataset_id, self.formats, path, params)

    def switch(self, path: str) -> api.Reply:
        """The answer to a POST request."""
        if path != "/next":
            return api.error_reply(404, "NotFoundResource", "POST /next")
        try:
            return api.json_reply(200, {"release": self.next().day.isoformat()})
        except LookupError as error:
            return api.error_reply(409, "NoNextRelease", str(error))


class Server(ThreadingHTTPServer):
    """Answers each request in a thread of its own."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, address: tuple[str, int], portal: SimulatedPortal) -> None:
        self.portal = portal
        super().__init__(address, portal.handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of clients that hang up."""


def serve(
    port: int = 8042,
    *,
    releases: Sequence[Release] | None = None,
    log: Callable[[str], None] | None = None,
    ready: Callable[[SimulatedPortal], None] | None = None,
) -> None:
    """Serve until Ctrl-C.

    Args:
        port: 0 for any that is free.
        releases: served one after the other; by default three of the sample, then those to come.
        log: called with a line for each request.
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
