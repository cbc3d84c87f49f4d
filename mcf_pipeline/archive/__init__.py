"""Releases: how one is archived, what it says of each quarter, and what it changes.

`store` ingests an export and keeps it; `understanding` reads one; `timeline` says which content each quarter had
from which release on; `guards` stops a release in which known data shrank; `detection` finds out whether there is
a new one.
"""

from __future__ import annotations
