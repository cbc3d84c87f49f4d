"""The most that a figure of one line can be; what is above is no figure of this dataset, and its line is quarantined.

Far above anything real, and far enough below what a column of a mart holds that no quarter's sum can leave it: an
amount has room for a million lines at the bound. What does not belong here: the checking (`schemas.staging`), and
what is said of it (`contract.rules`).
"""

from __future__ import annotations

MAX_COUNT = 100_000_000
"""Dossiers or persons: 68.6 million people live in France (INSEE, 2025)."""
MAX_AMOUNT = 10_000_000_000
"""Euros: all training accounts together cost 2 to 3 billion a year."""
MAX_PRICE = 10_000_000
"""Euros, on average."""
MAX_HOURS = 100_000
"""Hours, on average: fifty years of work."""
