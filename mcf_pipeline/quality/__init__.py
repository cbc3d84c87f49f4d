"""What the asset checks compute: pure functions, a connection or manifests in, a `Finding` out.

`lines` looks at the staged lines, `releases` at the archive's manifests, `facts` and `marts` at those tables,
`published` at the published file. What only looks at data decides none of it: no check is part of `tables.rules`.
"""

from __future__ import annotations

from mcf_pipeline.quality.finding import SAMPLE_ROWS, Finding, grouped, total_of

__all__ = ["SAMPLE_ROWS", "Finding", "grouped", "total_of"]
