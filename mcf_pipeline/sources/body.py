"""The bytes of one body: decompressed as they come, and weighed against the limits.

Used for downloads and for compressed files alike. What does not belong here: where the bytes come from, and
what they mean.
"""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable, Iterable, Iterator

from mcf_pipeline.errors import ContractError
from mcf_pipeline.settings import Limits

CHUNK = 64 * 1024
"""Bytes taken at once, from the network and out of the decompressor: what a bomb can expand to unseen."""

_SMALL = 1024 * 1024
"""Decompressed bytes up to which no ratio is judged: a short and dull text may well shrink a thousandfold."""

_GZIP = 16 + zlib.MAX_WBITS  # zlib's way to ask for gzip's header and trailer


class TruncatedError(ContractError):
    """A body ended before its end: worth another attempt, since connections break."""

    def __init__(self, message: str) -> None:
        super().__init__(message, rule="export_tronque")


class Gauge:
    """Weighs one body, and the time that all attempts to get it take, against the limits.

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


def gunzip(chunks: Iterable[bytes], what: str) -> Iterator[bytes]:
    """Decompress gzip, member by member, at most `CHUNK` bytes at once.

    Args:
        chunks: the compressed bytes.
        what: names them in messages.

    Raises:
        TruncatedError: they end too early or do not fit their checksum.
        ContractError: `pas_un_export`: they are no gzip at all.
    """
    decoder = None
    whole_members = 0
    for chunk in chunks:
        rest, pending = chunk, False
        while rest or pending:
            if decoder is None:
                rest = rest.lstrip(b"\0") if whole_members else rest  # padding, as tapes have it
                if not rest:
                    break
                decoder = zlib.decompressobj(_GZIP)
            try:
                piece = decoder.decompress(rest, CHUNK)
            except zlib.error as error:
                # zlib's words for a header that is none; of the rest, "incorrect data check" is the checksum.
                if not whole_members and ("header" in str(error) or "unknown" in str(error)):
                    raise ContractError(
                        f"{what} is said to be gzip and is not; ask for it again", rule="pas_un_export"
                    ) from error
                raise TruncatedError(f"{what} is damaged gzip; ask for it again") from error
            # A full piece may leave more inside the decompressor although all input is taken.
            pending = len(piece) == CHUNK and not decoder.eof
            rest = decoder.unconsumed_tail
            if decoder.eof:
                rest = decoder.unused_data
                decoder = None
                whole_members += 1
            if piece:
                yield piece
    if decoder is not None:
        raise TruncatedError(f"{what} is cut within its gzip; ask for it again")
