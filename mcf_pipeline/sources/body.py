"""The bytes of a download or of a file: decompressed as they come, and counted against the limits.

What does not belong here: where the bytes come from, and what they mean.
"""

from __future__ import annotations

import gzip
import io
import time
import zlib
from collections.abc import Callable, Iterator
from typing import Any

from mcf_pipeline.errors import ContractError
from mcf_pipeline.settings import Limits

CHUNK = 64 * 1024
"""Bytes read at once, from the source and from the decompressor: what a bomb can expand to before it is seen."""

_SMALL = 1024 * 1024
"""Decompressed bytes up to which no ratio is checked: a short repetitive text may well shrink a thousandfold."""


class TruncatedError(ContractError):
    """A body ended too early: worth another attempt, since connections break."""

    def __init__(self, message: str) -> None:
        super().__init__(message, rule="export_tronque")


class Gauge:
    """Checks one body, and the time that all attempts to get it take, against the limits.

    Args:
        limits: what is allowed.
        what: names the body in messages.
        monotonic: seconds; a clock for tests.
    """

    def __init__(self, limits: Limits, what: str, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.limits = limits
        self.what = what
        self._monotonic = monotonic
        self._started = monotonic()
        self.restart()

    def restart(self) -> None:
        """Count the bytes of another attempt; the clock of the whole goes on."""
        self.bytes_received = 0
        self.bytes_decoded = 0
        self._window_start: float | None = None  # of the first bytes: a portal may take its time before
        self._window_bytes = 0

    @property
    def seconds_left(self) -> float:
        """Until the whole takes longer than `max_seconds`."""
        return self._started + self.limits.max_seconds - self._monotonic()

    def received(self, count: int) -> None:
        """Count bytes as they came.

        Raises:
            ContractError: `limite_depassee`: too slow, or too long.
        """
        self.bytes_received += count
        self._window_bytes += count
        if self.seconds_left < 0:
            raise self._exceeded(f"takes longer than {self.limits.max_seconds:g} s", "MAX_SECONDS")
        now = self._monotonic()
        if self._window_start is None:
            self._window_start = now
        elapsed = now - self._window_start
        if elapsed >= self.limits.slow_window:
            if self._window_bytes < self.limits.min_bytes_per_second * elapsed:
                speed = self._window_bytes / elapsed
                raise self._exceeded(
                    f"comes at {speed:.0f} bytes per second, at least {self.limits.min_bytes_per_second:,} are needed",
                    "MIN_BYTES_PER_SECOND",
                )
            self._window_start, self._window_bytes = now, 0

    def decoded(self, count: int) -> None:
        """Count bytes after decompression.

        Raises:
            ContractError: `limite_depassee`: too many, or too many for what was received.
        """
        self.bytes_decoded += count
        if self.bytes_decoded > self.limits.max_bytes:
            raise self._exceeded(f"has more than {self.limits.max_bytes:,} bytes", "MAX_BYTES")
        if self.bytes_decoded > max(_SMALL, self.limits.max_ratio * self.bytes_received):
            raise self._exceeded(f"unpacks to more than {self.limits.max_ratio} times what was received", "MAX_RATIO")

    def _exceeded(self, how: str, limit: str) -> ContractError:
        return ContractError(
            f"{self.what} {how}: refused; look at the source, and raise MCF_LIMIT_{limit} if it is right",
            rule="limite_depassee",
        )


class _Counted(io.RawIOBase):
    """A stream over a function that reads, whose bytes the gauge counts."""

    def __init__(self, read: Callable[[int], bytes], gauge: Gauge) -> None:
        super().__init__()
        self._read, self._gauge = read, gauge

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        piece = self._read(min(len(buffer), CHUNK))
        buffer[: len(piece)] = piece
        if piece:
            self._gauge.received(len(piece))
        return len(piece)


class _Eager(io.BufferedReader):
    """Gives what is there: a plain read waits for all that it was asked for, however slowly it comes."""

    def read(self, size: int | None = -1, /) -> bytes:
        # gzip asks for a few bytes where it wants just these.
        return super().read1(size) if size and size > 16 else super().read(size)


def pieces(read: Callable[[int], bytes], gauge: Gauge, *, is_gzip: bool) -> Iterator[bytes]:
    """The bytes of a body, decompressed, at most `CHUNK` at once, each piece checked against the limits.

    Args:
        read: gives at most so many bytes, as soon as there are some; none at the end.
        gauge: counts them.
        is_gzip: whether they are compressed.

    Raises:
        TruncatedError: the gzip ends too early or does not fit its checksum.
        ContractError: `pas_un_export`: it is no gzip; `limite_depassee`: a limit is broken.
    """
    stream: io.BufferedIOBase = _Eager(_Counted(read, gauge), CHUNK)
    if is_gzip:
        stream = gzip.GzipFile(fileobj=stream)
    while True:
        try:
            piece = stream.read1(CHUNK)
        except EOFError as error:
            raise TruncatedError(f"{gauge.what} is cut within its gzip; ask for it again") from error
        except (gzip.BadGzipFile, zlib.error) as error:
            if not gauge.bytes_decoded and gauge.bytes_received > 1 and str(error).startswith(("Not a", "Unknown")):
                raise ContractError(
                    f"{gauge.what} is said to be gzip and is not; ask for it again", rule="pas_un_export"
                ) from error
            raise TruncatedError(f"{gauge.what} is damaged gzip; ask for it again") from error
        if not piece:
            return
        gauge.decoded(len(piece))
        yield piece
