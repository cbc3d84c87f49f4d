"""From the bytes of an export to a table of text: encoding, CSV, Parquet, and the limits on them.

What does not belong here: what the columns mean (`contract`).
"""

from __future__ import annotations
