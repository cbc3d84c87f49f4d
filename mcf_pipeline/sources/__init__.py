"""Where a release comes from: the portal, a file, or the embedded sample.

Each source does one thing: it puts an export on disk, as it received it, and says what it knows of it
(`Received`). Nothing here looks into the export; that is the contract's work.
"""

from __future__ import annotations
