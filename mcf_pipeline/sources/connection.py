"""Connections that do not wait for ever for the head of an answer.

A read timeout starts anew with every byte: a server that sends one byte a minute keeps a client for days
before the first line of the body, where `sources.body` could judge its speed. Here the whole head has to come
within that timeout.

Imported only where a request is sent: it loads requests and urllib3.
"""

from __future__ import annotations

import contextlib
import http.client
import logging
import socket
import threading
from typing import Any

import urllib3
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection

# A head that cannot be parsed is logged as it came, and it may quote our request with its key.
logging.getLogger("urllib3.connection").setLevel(logging.ERROR)


class _Impatient(HTTPConnection):
    def getresponse(self) -> Any:
        """The answer; raises TimeoutError if its head is not there in time."""
        seconds, sock = self.timeout, self.sock
        if not isinstance(seconds, (int, float)) or sock is None:
            return super().getresponse()
        is_late = threading.Event()

        def give_up() -> None:
            is_late.set()
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

        timer = threading.Timer(seconds, give_up)
        timer.daemon = True
        timer.start()
        try:
            response = super().getresponse()
        except (OSError, http.client.HTTPException):
            if is_late.is_set():
                raise TimeoutError("timed out") from None
            raise
        finally:
            timer.cancel()
        if is_late.is_set():  # http.client takes a closed connection for the end of the head
            raise TimeoutError("timed out")
        return response


class _ImpatientTls(_Impatient, HTTPSConnection):
    """The same over TLS."""


class _Pool(urllib3.HTTPConnectionPool):
    ConnectionCls = _Impatient


class _TlsPool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _ImpatientTls


class PatientAdapter(HTTPAdapter):
    """Sends requests over such connections, through a proxy, too."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Make the pools for direct connections."""
        super().init_poolmanager(*args, **kwargs)
        _use_pools(self.poolmanager)

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        """The pools behind a proxy."""
        manager = super().proxy_manager_for(proxy, **kwargs)
        _use_pools(manager)
        return manager


def _use_pools(manager: Any) -> None:
    # A SOCKS proxy brings pools of its own, which know how to speak to it.
    if type(manager) in (urllib3.PoolManager, urllib3.ProxyManager):
        manager.pool_classes_by_scheme = {"http": _Pool, "https": _TlsPool}
