"""The contract with a source that nobody controls: what its columns, modalities and figures mean.

`reading` makes a table of text of bytes (`delimited` with `encoding`, `dialect` and `fields`; or `parquet`),
`recognition` finds the columns (`columns`, `financers`), `keys`, `modalities` and `parsing` understand the cells,
`lines` types a quarter and quarantines what breaks a rule, `rules` lists every rule there is.
"""

from __future__ import annotations
