"""The warehouse: writing it quarter by quarter, its history, and its publication.

`build.duckdb` is the pipeline's own file. Each quarter of each table is replaced in one transaction, which also
marks what it was built from; `plan` compares the marks with the timeline, and that is all that decides what a
run has to do: a new release, a late one, a killed run and a change of the rules are one case.
"""

from __future__ import annotations
