"""A bucket on loopback, kept by moto's S3 server, and a proxy in front of it that sees each request and can interfere.

What is asserted of the bucket is read with boto3: none of our own code says what is in it.
"""

from __future__ import annotations

import hashlib
import http.client
import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
from moto.backends import get_backend
from moto.core import DEFAULT_ACCOUNT_ID

KEY_ID, SECRET = "AKIA-of-the-tests", "s3cret-of-the-tests"

Interfere = Callable[[str, str], int | None]
"""Given the method and the key (without its bucket) of a request: a status to answer with; None lets it through."""

Content = dict[str, tuple[bytes, dict[str, str]]]
"""The objects of a bucket by name, each with its metadata."""


class Front:
    """The proxy.

    Args:
        server: address of the S3 server.

    Attributes:
        before: asked before each request.
        seen: method and key of each request, in the order they came.
        sent: bytes of the bodies that came.
        received: bytes of the bodies that went back.
        authorizations: what the requests were signed with.
    """

    def __init__(self, server: str) -> None:
        host = urlsplit(server).netloc
        front = self
        self.before: Interfere = lambda method, key: None
        self.forget()

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def pass_on(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                bucket_and_key, _, query = self.path.lstrip("/").partition("?")
                key = bucket_and_key.partition("/")[2] or f"?{query}"
                front.seen.append((self.command, key))
                front.authorizations.append(self.headers.get("Authorization", ""))
                front.sent += len(body)
                status = front.before(self.command, key)
                if status:
                    self.answer(status, {}, b"<Error><Code>SlowDown</Code></Error>")
                    return
                connection = http.client.HTTPConnection(host)
                try:
                    connection.request(self.command, self.path, body, dict(self.headers))
                    reply = connection.getresponse()
                    content = reply.read()
                    front.received += len(content)
                    self.answer(reply.status, dict(reply.getheaders()), content)
                finally:
                    connection.close()

            do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = pass_on

            def answer(self, status: int, headers: dict[str, str], content: bytes) -> None:
                self.send_response(status)
                for name, value in headers.items():
                    if name.lower() not in ("transfer-encoding", "connection", "content-length", "date", "server"):
                        self.send_header(name, value)
                length = headers.get("Content-Length", "0") if self.command == "HEAD" else str(len(content))
                self.send_header("Content-Length", length)
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(content)

            def log_message(self, *args: object) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request: object, client_address: object) -> None:
                pass  # a client that was killed in the middle

        self._http = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._http.server_port}"
        threading.Thread(target=self._http.serve_forever, daemon=True).start()

    def forget(self) -> None:
        """Count from here."""
        self.seen: list[tuple[str, str]] = []
        self.authorizations: list[str] = []
        self.sent = self.received = 0

    def kinds(self) -> Counter[str]:
        """How many requests of each kind there were."""
        return Counter("LIST" if key.startswith("?list") else method for method, key in self.seen)

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()


@dataclass
class Bucket:
    """One bucket, empty at first.

    Attributes:
        name: of it.
        server: address of the S3 server.
        front: address of a proxy in front of it.
    """

    name: str
    server: str
    front: Front
    url: str = field(init=False)

    def __post_init__(self) -> None:
        self.url = f"s3://{self.name}/mcf"
        self.s3.create_bucket(Bucket=self.name, CreateBucketConfiguration={"LocationConstraint": "eu-west-3"})

    @property
    def s3(self) -> Any:
        return client("s3", self.server)

    def machine(self, cache: Path, *, direct: bool = False) -> dict[str, str]:
        """The environment of a machine, whose working copies are in a folder.

        Args:
            cache: the folder.
            direct: whether it goes past the proxy.
        """
        return {
            "AWS_ACCESS_KEY_ID": KEY_ID,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_REGION": "eu-west-3",
            "AWS_ENDPOINT_URL": self.server if direct else self.front.url,
            "MCF_CACHE_DIR": str(cache),
            "MCF_DATA_DIR": self.url,
            # The proxy keeps a request waiting for as long as another machine runs.
            "MCF_LIMIT_READ_TIMEOUT": "500",
        }

    def names(self, prefix: str = "") -> list[str]:
        """The names of the objects below the prefix of the data directory."""
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=self.name, Prefix=f"mcf/{prefix}")
        return [found["Key"].removeprefix("mcf/") for page in pages for found in page.get("Contents", [])]

    def read(self, key: str) -> bytes:
        content: bytes = self.s3.get_object(Bucket=self.name, Key=f"mcf/{key}")["Body"].read()
        return content

    def content(self) -> Content:
        """Every object."""
        told = ((key, self.s3.get_object(Bucket=self.name, Key=f"mcf/{key}")) for key in self.names())
        return {key: (found["Body"].read(), found["Metadata"]) for key, found in told}

    def fill(self, content: Content) -> None:
        """Put objects into the server, which is one of this process, without asking it a hundred times."""
        kept = get_backend("s3")[DEFAULT_ACCOUNT_ID]["aws"]
        for key, (body, metadata) in content.items():
            put = kept.put_object(self.name, f"mcf/{key}", body)
            put.set_metadata({f"x-amz-meta-{name}": value for name, value in metadata.items()})
            # Its ETag is worked out now: of two requests that were the first to ask for it, one would read half of it.
            assert put.etag

    def put(self, key: str, content: bytes) -> None:
        self.s3.put_object(Bucket=self.name, Key=f"mcf/{key}", Body=content)

    def pointer(self, product: str) -> dict[str, Any]:
        """What says which version of a product is current."""
        found: dict[str, Any] = json.loads(self.read(f"{product}/current.json"))
        return found

    def published(self, folder: Path) -> Path:
        """The current published file, in a folder."""
        pointer = self.pointer("warehouse")
        content = self.read(pointer["path"])
        assert hashlib.sha256(content).hexdigest() == pointer["sha256"]
        (folder / "published.duckdb").write_bytes(content)
        return folder / "published.duckdb"


@cache
def client(service: str, server: str) -> Any:
    """One for all requests: to make one costs a hundred of them."""
    return boto3.client(
        service,
        endpoint_url=server,
        aws_access_key_id=KEY_ID,
        aws_secret_access_key=SECRET,
        region_name="eu-west-3",
    )


@contextmanager
def serve_front(server: str) -> Iterator[Front]:
    front = Front(server)
    try:
        yield front
    finally:
        front.close()
