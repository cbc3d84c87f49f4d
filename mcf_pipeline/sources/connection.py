"""The session that requests are sent with: where the key goes, which redirects are followed, how long a head may take.

Imported only where a request is sent: it loads requests and urllib3.
"""

from __future__ import annotations

import contextlib
import http.cookiejar
import logging
import socket
import threading
from typing import Any, cast

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection

from mcf_pipeline import __version__
from mcf_pipeline.errors import SourceError
from mcf_pipeline.sources.answers import place, redirected
from mcf_pipeline.sources.secret import Secret

MAX_REDIRECTS = 5

USER_AGENT = f"mcf-pipeline/{__version__} (open data of Mon Compte Formation; python-requests)"

# A head that cannot be parsed is logged as it came, and it may quote our request with its key.
logging.getLogger("urllib3.connection").setLevel(logging.ERROR)


class Session(requests.Session):
    """Follows redirects without their bodies, and without the key where they leave the host; keeps no cookies.

    Args:
        api_key: sent to the host that is asked first, and to no other.
        secret: knows the key.
    """

    def __init__(self, api_key: str | None, secret: Secret) -> None:
        super().__init__()
        self._secret = secret

        def authorize(request: requests.PreparedRequest) -> requests.PreparedRequest:
            # Called even without a key, so that requests does not look for one in ~/.netrc.
            if api_key is not None:
                request.headers["Authorization"] = f"Apikey {api_key}"
            return request

        self.auth = authorize
        self.max_redirects = MAX_REDIRECTS
        self.headers.update({"User-Agent": USER_AGENT, "Accept-Encoding": "gzip"})
        self.cookies.set_policy(http.cookiejar.DefaultCookiePolicy(allowed_domains=[]))
        self.mount("http://", DeadlineAdapter())
        self.mount("https://", DeadlineAdapter())

    def get_redirect_target(self, resp: requests.Response) -> str | None:
        """Where an answer redirects to; raises SourceError where it is nowhere that we go."""
        location = super().get_redirect_target(resp)
        if location is None:
            return None
        resp.close()  # requests would read the body to its end, and it may have none
        target = redirected(resp.url, location)
        if self._secret.is_in(target):
            raise SourceError(
                f"{place(resp.url)} redirects to an address that contains the key of MCF_API_KEY: not followed, "
                "because addresses end up in logs; check MCF_PORTAL_URL, and have the key replaced"
            )
        return target

    def rebuild_auth(self, prepared_request: requests.PreparedRequest, response: requests.Response) -> None:
        """Drop the key off the host, as requests does it, but without a look into ~/.netrc."""
        prepared_request.headers.pop("Cookie", None)
        if cast(Any, self).should_strip_auth(response.request.url, prepared_request.url):
            prepared_request.headers.pop("Authorization", None)


class DeadlineAdapter(HTTPAdapter):
    """Gives up where the head of an answer is not there within the read timeout.

    That timeout starts again with every byte: a server that sends one byte a minute would keep us for days before
    the first byte of the body, where `sources.body` checks the speed.
    """

    def get_connection_with_tls_context(self, *args: Any, **kwargs: Any) -> Any:
        """The pool for a request, direct or through a proxy."""
        pool: Any = super().get_connection_with_tls_context(*args, **kwargs)
        if not issubclass(pool.ConnectionCls, _WithDeadline):
            pool.ConnectionCls = type("Connection", (_WithDeadline, pool.ConnectionCls), {})
        return pool


class _WithDeadline(HTTPConnection):
    """Mixed into the connections of a pool, with or without TLS."""

    def getresponse(self) -> Any:
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
