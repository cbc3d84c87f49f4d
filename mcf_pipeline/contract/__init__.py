"""The contract with a source that nobody controls: what its columns, modalities and figures mean.

`reading` makes text of bytes, `recognition` finds the columns, `modalities` and `parsing` understand the cells,
`lines` types a quarter and quarantines what breaks a rule, `rules` lists every rule there is.
"""

from __future__ import annotations
