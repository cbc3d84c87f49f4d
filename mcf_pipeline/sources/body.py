"""The bytes of a download or of a file: decompressed as they come, and counted against the limits.

What does not belong here: where the bytes come from, and what they mean.
"""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable, Iterable, Iterator

from mcf_pipeline.errors import ContractError
from mcf_pipeline.settings import Limits

CHUNK = 64 * 1024
"""Bytes read at once, from the source and from the decompressor: what a bomb can expand to before it is seen."""

_SMALL = 1024 * 1024
"""Decompressed bytes up to which no ratio is checked: a short repetitive text may well shrink a thousandfold."""

_GZIP = 16 + zlib.MAX_WBITS  # how zlib is asked for gzip's header and trailer


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
            f"{self.what} {how}: refused; look at the source, and raise MCF_LIMIT_{limit} if this is expected",
            rule="limite_depassee",
        )


def pieces(raw: Iterable[bytes], gauge: Gauge, *, is_gzip: bool) -> Iterator[bytes]:
    """The bytes of a body, decompressed, each piece checked against the limits.

    Args:
        raw: the bytes as they come.
        gauge: counts them.
        is_gzip: whether they are compressed; then a piece has at most `CHUNK` bytes.

    Raises:
        TruncatedError: the gzip ends too early or does not fit its checksum.
        ContractError: `pas_un_export`: it is no gzip; `limite_depassee`: a limit is broken.
    """

    def counted() -> Iterator[bytes]:
        for piece in raw:
            gauge.received(len(piece))
            yield piece

    for piece in _gunzip(counted(), gauge.what) if is_gzip else counted():
        gauge.decoded(len(piece))
        yield piece


def _gunzip(chunks: Iterable[bytes], what: str) -> Iterator[bytes]:
    """Decompress member by member; `gzip.GzipFile` reads ahead, which would hide the ratio of a bomb."""
    decoder, is_open, members = zlib.decompressobj(_GZIP), False, 0
    for chunk in chunks:
        rest, is_full = chunk, False
        while rest or is_full:
            if members and not is_open and not (rest := rest.lstrip(b"\0")):  # padding, as tapes have it
                break
            try:
                piece = decoder.decompress(rest, CHUNK)
            except zlib.error as error:
                # zlib's words for a header that is none; of the rest, "incorrect data check" is the checksum.
                if not members and ("header" in str(error) or "unknown" in str(error)):
                    raise ContractError(
                        f"{what} is declared as gzip but is not; download it again", rule="pas_un_export"
                    ) from error
                raise TruncatedError(f"{what} is damaged gzip; download it again") from error
            if piece:
                yield piece
            # A full piece may leave more inside the decoder although all input is taken.
            is_open, is_full, rest = not decoder.eof, len(piece) == CHUNK, decoder.unconsumed_tail
            if decoder.eof:
                members, is_full, rest = members + 1, False, decoder.unused_data
                decoder = zlib.decompressobj(_GZIP)
    if is_open:
        raise TruncatedError(f"{what} ends in the middle of its gzip data; download it again")
