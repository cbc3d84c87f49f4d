"""Chance that is the same on every machine, in every process and in any order.

A number is a hash of what it is for (seed, purpose, quarter, cell), not the next one of a stream: so one
quarter can be drawn without drawing those before it, and numpy may change its own generators as it likes.
Only integer arithmetic and one exact multiplication take part.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]
Ints = NDArray[np.int64]
Booleans = NDArray[np.bool_]

_TO_UNIT = 2.0**-53  # a hash's upper 53 bits fill a float's mantissa exactly


@dataclass(frozen=True, slots=True)
class Noise:
    """A source of numbers, set apart from every other by its key.

    Attributes:
        key: 64 bits.
    """

    key: int

    def of(self, *purpose: str | int) -> Noise:
        """The source for a narrower purpose, e.g. ``noise.of("price", 12)``."""
        digest = hashlib.blake2b(repr((self.key, *purpose)).encode(), digest_size=8).digest()
        return Noise(int.from_bytes(digest, "little"))

    def uniform(self, ids: Ints) -> Floats:
        """One number in [0, 1) per id; the same id always gets the same number."""
        return (self._hashed(ids) >> np.uint64(11)) * _TO_UNIT

    def bell(self, ids: Ints) -> Floats:
        """One number in (-1, 1) per id, most of them near 0 (triangular)."""
        return self.of("a").uniform(ids) + self.of("b").uniform(ids) - 1.0

    def order(self, ids: Ints) -> Ints:
        """The ids' positions in a random order."""
        return np.argsort(self._hashed(ids), kind="stable")

    def _hashed(self, ids: Ints) -> NDArray[np.uint64]:
        # The finalizer of SplitMix64 (Steele, Lea, Flood 2014), over multiples of its golden-ratio step.
        x = ids.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(self.key)
        x ^= x >> np.uint64(30)
        x *= np.uint64(0xBF58476D1CE4E5B9)
        x ^= x >> np.uint64(27)
        x *= np.uint64(0x94D049BB133111EB)
        x ^= x >> np.uint64(31)
        return x
