"""The data package: every public table as Parquet and CSV, with metadata for people, tools and portals.

It is made from the published file alone, so it holds what that holds. `files` writes tables, `descriptor` and
`catalogue` describe them, `writing` puts all of it in place at once.
"""

from __future__ import annotations
