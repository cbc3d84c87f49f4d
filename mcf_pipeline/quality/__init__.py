"""What the asset checks compute: pure functions, a connection or manifests in, a `Finding` out.

A package of its own below `warehouse`: `build.rules_fingerprint` does not look into it, since what only looks
at the data decides nothing of it; changing a check does not rebuild the warehouse.

`lines` looks at what the publisher told (the staged lines), `releases` at the archive's manifests, `facts` and
`marts` at the build, `published` at the published file.
"""

from __future__ import annotations

from mcf_pipeline.quality.finding import SAMPLE_ROWS, Finding, grouped, total_of

__all__ = ["SAMPLE_ROWS", "Finding", "grouped", "total_of"]
