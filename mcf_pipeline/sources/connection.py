"""Connections that give up where the head of an answer does not come in time.

A read timeout starts again with every byte: a server that sends one byte a minute keeps a client for days
before the first byte of the body, where `sources.body` checks the speed. Here the whole head has to come
within that timeout.

Imported only where a request is sent: it loads requests and urllib3.
"""

from __future__ import annotations

import contextlib
import logging
import socket
import threading
from typing import Any

from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection

# A head that cannot be parsed is logged as it came, and it may quote our request with its key.
logging.getLogger("urllib3.connection").setLevel(logging.ERROR)


class _WithDeadline(HTTPConnection):
    """Mixed into the connections of a pool, with or without TLS or a proxy."""

    def getresponse(self) -> Any:
        """The answer; raises TimeoutError if its head is not there in time."""
        sock, is_late = self.sock, threading.Event()
        if sock is None or not isinstance(self.timeout, (int, float)):
            return super().getresponse()

        def give_up() -> None:
            is_late.set()
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

        timer = threading.Timer(self.timeout, give_up)
        timer.daemon = True
        timer.start()
        try:
            return super().getresponse()
        finally:
            timer.cancel()
            if is_late.is_set():  # whatever http.client makes of a connection that was closed
                raise TimeoutError("timed out") from None


class DeadlineAdapter(HTTPAdapter):
    """Sends requests over such connections."""

    def get_connection_with_tls_context(self, *args: Any, **kwargs: Any) -> Any:
        """The pool for a request, direct or through a proxy."""
        pool: Any = super().get_connection_with_tls_context(*args, **kwargs)
        if not issubclass(pool.ConnectionCls, _WithDeadline):
            pool.ConnectionCls = type("Connection", (_WithDeadline, pool.ConnectionCls), {})
        return pool
