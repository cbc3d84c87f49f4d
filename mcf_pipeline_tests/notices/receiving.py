"""What notices are sent to in tests: a real web server and a real mail server, on loopback."""

from __future__ import annotations

import email
import email.policy
import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, Envelope, LoginPassword, Session

PASSWORD = "pass-w0rd-of-the-hook-0123456789"
"""In the address of each; no notice and no line may hold it."""
TOKEN = "t0ken-in-the-path-9876543210"


@dataclass
class Webhook:
    """A web server that keeps what it is sent.

    Attributes:
        port: where it listens.
        status: what it answers.
        received: the bodies, oldest first.
        asked: path and headers of each.
    """

    port: int = 0
    status: int = 200
    received: list[dict[str, Any]] = field(default_factory=list)
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"json://mcf:{PASSWORD}@127.0.0.1:{self.port}/{TOKEN}"

    @property
    def subjects(self) -> list[str]:
        return [body["title"] for body in self.received]

    @property
    def last(self) -> list[str]:
        """The lines of the newest notice."""
        return str(self.received[-1]["message"]).splitlines()


@contextmanager
def serve_webhook() -> Iterator[Webhook]:
    hook = Webhook()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            hook.asked.append((self.path, dict(self.headers)))
            if hook.status == 200:
                hook.received.append(json.loads(body))
            self.send_response(hook.status)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nothing on the test's standard error."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        hook.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield hook
        finally:
            server.shutdown()
            thread.join()


@dataclass
class Mailbox:
    """A mail server that asks for a login and keeps what it is sent."""

    port: int = 0
    mode: str = "insecure"
    mails: list[EmailMessage] = field(default_factory=list)
    logins: int = 0

    @property
    def url(self) -> str:
        login = f"mcf:{PASSWORD}@127.0.0.1:{self.port}"
        scheme = "mailto" if self.mode == "insecure" else "mailtos"
        return f"{scheme}://{login}?from=mcf@example.org&to=ops@example.org&mode={self.mode}"

    def parts(self, number: int = -1) -> dict[str, str]:
        """The texts of a mail, by their type."""
        return {
            part.get_content_type(): part.get_content()
            for part in self.mails[number].walk()
            if part.get_content_maintype() == "text"
        }

    async def handle_DATA(self, server: object, session: Session, envelope: Envelope) -> str:
        assert isinstance(envelope.content, bytes)
        mail = email.message_from_bytes(envelope.content, policy=email.policy.default)
        assert isinstance(mail, EmailMessage)
        self.mails.append(mail)
        return "250 OK"


class AnyPort(Controller):
    """On the port that the system gives, which the library's own controller does not ask for."""

    def _trigger_server(self) -> None:
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()


@contextmanager
def serve_mail(mode: str = "insecure", certificate: Path | None = None) -> Iterator[Mailbox]:
    """A mail server.

    Args:
        mode: as Apprise calls it: `insecure`, `starttls`, or `ssl` from the first byte.
        certificate: of the server, with its key; for the two that encrypt.
    """
    box = Mailbox(mode=mode)
    context = None
    if certificate:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificate)
    tls: dict[str, Any] = {
        "insecure": {},
        "starttls": {"tls_context": context, "require_starttls": True},
        "ssl": {"ssl_context": context},
    }[mode]

    def login(server: object, session: object, envelope: object, mechanism: str, data: object) -> AuthResult:
        box.logins += 1
        known = isinstance(data, LoginPassword) and (data.login, data.password) == (b"mcf", PASSWORD.encode())
        return AuthResult(success=known)

    controller = AnyPort(
        box,
        hostname="127.0.0.1",
        port=0,
        authenticator=login,
        auth_required=True,
        auth_require_tls=mode == "starttls",
        **tls,
    )
    controller.start()
    try:
        box.port = controller.port
        yield box
    finally:
        controller.stop()
