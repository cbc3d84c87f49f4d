"""How an answer of the tests' portal goes over the socket, byte by byte, rightly or not.

What does not belong here: what the answer says.
"""

from __future__ import annotations

import base64
import contextlib
import itertools
import socket
import struct
import threading
import zlib
from collections.abc import Iterable, Iterator, Mapping
from http import HTTPStatus
from typing import Any

from mcf_pipeline.sample.portal.api import Reply

_CHUNK = 64 * 1024
_GZIP = 16 + zlib.MAX_WBITS


class Wire:
    """Sends one answer.

    Args:
        connection: the socket.
        stopping: set when the portal stops; sending ends then.
        accepts_gzip: whether the client said so.
        headers: of every answer.
    """

    def __init__(
        self,
        connection: socket.socket,
        stopping: threading.Event,
        *,
        accepts_gzip: bool,
        headers: Mapping[str, str],
    ) -> None:
        self._socket = connection
        self._stopping = stopping
        self._accepts_gzip = accepts_gzip
        self._headers = headers

    def send(self, reply: Reply) -> None:
        """Send an answer as it should be: in chunks, without a length, compressed where that is accepted."""
        self._send(reply, self._pieces(reply), is_gzip=self._accepts_gzip)

    def misbehave(self, fault: str, options: Mapping[str, Any], reply: Reply) -> None:
        """Send an answer as a fault of the wire has it; the connection must be closed afterwards."""
        # Else a client whose answer seems whole asks again on a connection that is gone.
        self._headers = {**self._headers, "Connection": "close"}
        pieces = list(self._pieces(reply))
        whole = b"".join(pieces)
        match fault:
            case "cut":
                self._cut(reply, whole[: int(len(whole) * float(options["at"]))], len(whole), options["framing"])
            case "gzip_cut":
                whole = b"".join(compressed(reply.body))
                self._send(reply, [whole[: int(len(whole) * float(options["at"]))]], is_gzip=True)
            case "gzip_bomb":
                blanks = itertools.repeat(b" " * 1024**2, int(options["megabytes"]))
                self._send(reply, compressed(*blanks), is_gzip=True)
            case "endless":
                line = reply.body[reply.body.find(b"\n") + 1 :][:_CHUNK] or b"1;2;3\r\n"
                endless = itertools.chain([reply.body], itertools.repeat(line))
                self._send(reply, endless, is_gzip=False)
            case "slow":
                slow = self._slowly(reply.body, float(options["seconds"]))
                self._send(reply, slow, is_gzip=False)
            case "slow_head":
                for byte in self._slowly(self._head(reply, {"Content-Length": "0"}), float(options["seconds"])):
                    self._socket.sendall(byte)
            case "silent":
                self._stopping.wait(float(options["seconds"]))
            case "raw":
                self._socket.sendall(base64.b64decode(str(options["base64"])))
            case "reset":
                if options["at"] is not None:
                    part = whole[: int(len(whole) * float(options["at"]))]
                    self._send(reply, [part], is_gzip=self._accepts_gzip, ends=False)
                    self._stopping.wait(0.05)  # else the reset overtakes what was sent
                self._reset()

    def _pieces(self, reply: Reply) -> Iterable[bytes]:
        return compressed(reply.body) if self._accepts_gzip else _split(reply.body)

    def _cut(self, reply: Reply, part: bytes, length: int, framing: str) -> None:
        is_gzip = self._accepts_gzip
        if framing in ("chunked", "clean"):
            self._send(reply, [part], is_gzip=is_gzip, ends=framing == "clean")
            return
        # A client that accepts gzip need not get it: so that a cut shows by the length alone, or not at all.
        part = reply.body[: int(len(reply.body) * len(part) / max(1, length))]
        size = {"Content-Length": str(len(reply.body))} if framing == "length" else {}
        self._socket.sendall(self._head(reply, size) + part)

    def _send(self, reply: Reply, pieces: Iterable[bytes], *, is_gzip: bool, ends: bool = True) -> None:
        encoding = {"Content-Encoding": "gzip"} if is_gzip else {}
        self._socket.sendall(self._head(reply, {"Transfer-Encoding": "chunked", **encoding}))
        for piece in pieces:
            if self._stopping.is_set():
                return
            if piece:
                self._socket.sendall(b"%x\r\n%b\r\n" % (len(piece), piece))
        if ends:
            self._socket.sendall(b"0\r\n\r\n")

    def _head(self, reply: Reply, framing: Mapping[str, str]) -> bytes:
        lines = {"Content-Type": reply.content_type, "Cache-Control": "no-store"}
        lines |= {**self._headers, **reply.headers, **framing}
        phrase = HTTPStatus(reply.status).phrase
        head = [f"HTTP/1.1 {reply.status} {phrase}", *(f"{name}: {value}" for name, value in lines.items())]
        return "\r\n".join([*head, "", ""]).encode("latin-1", "replace")

    def _slowly(self, body: bytes, seconds: float) -> Iterator[bytes]:
        for i in range(len(body)):
            if self._stopping.wait(seconds):
                return
            yield body[i : i + 1]

    def _reset(self) -> None:
        # With no time to linger, closing sends a reset in place of an end.
        with contextlib.suppress(OSError):
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._socket.close()


def compressed(*parts: bytes) -> Iterator[bytes]:
    """Parts as one gzip stream."""
    packer = zlib.compressobj(1, zlib.DEFLATED, _GZIP)
    for part in parts:
        for piece in _split(part):
            yield packer.compress(piece)
    yield packer.flush()


def _split(body: bytes) -> Iterator[bytes]:
    for start in range(0, len(body), _CHUNK):
        yield body[start : start + _CHUNK]
