"""Small pictures for the Dagster UI: a figure quarter by quarter, as an SVG inside Markdown.

A few hundred bytes each, drawn without any library: a materialization is an event that Dagster stores for good.
What is drawn follows from a mart's model, so that a new mart has its picture without a line here.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mcf_pipeline.duck import literal, quoted
from mcf_pipeline.schemas.base import Table, describe

if TYPE_CHECKING:
    import duckdb

    from mcf_pipeline.quarter import Quarter
    from mcf_pipeline.tables.snapshot import Snapshot

MEASURES = ("nb_dossiers", "montant", "lignes_ajoutees", "nb_lignes_recues")
"""What a mart is drawn by: the first of these columns that it has."""

MAX_BARS = 60
"""The most bars that stay distinguishable; of more values the last ones are drawn."""

WIDTH, HEIGHT = 360, 72
_GAP = 0.2
"""Part of a bar's room that stays empty."""

_INK = "#0067a5"
_FRESH = "#83b6da"


def of_quarters(
    con: duckdb.DuckDBPyConnection, model: type[Table], snapshot: Snapshot, quarters: Sequence[Quarter]
) -> dict[str, str]:
    """The pictures of some quarters of a quarterly mart, by the quarter's id; see `pictures`."""
    spec = describe(model)
    # How a quarter is made up needs its own file alone; quarters in time need those before it.
    drawn = quarters if len(spec.key) > 1 else snapshot.timeline.quarters[-MAX_BARS:]
    files = {quarter.id: snapshot.current_file(spec.name, quarter) for quarter in drawn}
    return pictures(con, model, {quarter: file for quarter, file in files.items() if file and file.is_file()})


def pictures(con: duckdb.DuckDBPyConnection, model: type[Table], files: Mapping[str, Path]) -> dict[str, str]:
    """A mart's pictures, by quarter: how it is made up by its last key; the quarters in time where it has no other key.

    Args:
        con: any connection; nothing is written to it.
        model: the mart.
        files: its file of each quarter, by the quarter's id.

    Returns:
        Markdown by quarter; empty for a mart without any of `MEASURES`.
    """
    spec = describe(model)
    measure = next((name for name in MEASURES if name in {column.name for column in spec.columns}), None)
    if measure is None or not files:
        return {}
    last = spec.key[-1]
    listed = ", ".join(literal(path) for path in files.values())
    rows = con.execute(
        f"SELECT trimestre_id, {quoted(last)}, sum({quoted(measure)})::DOUBLE FROM read_parquet([{listed}]) "
        "GROUP BY ALL ORDER BY ALL"
    ).fetchall()
    if last == "trimestre_id":
        drawn = bars(f"{spec.name}: {measure} by quarter", [value for _, _, value in rows], newest_is_paler=True)
        return dict.fromkeys(files, drawn)
    by_quarter: dict[str, list[float | None]] = {}
    for quarter, _, value in rows:
        by_quarter.setdefault(quarter, []).append(value)
    return {quarter: bars(f"{spec.name}: {measure} by {last}", values) for quarter, values in by_quarter.items()}


def bars(label: str, values: Sequence[float | None], *, newest_is_paler: bool = False) -> str:
    """A Markdown image of values, as bars from zero.

    Args:
        label: what is shown, for whoever cannot see it; plain text of ours, never from the data.
        values: from left to right; None leaves a gap, so that what is masked or missing is never drawn as zero.
        newest_is_paler: whether the last one stands for a quarter that will be revised.
    """
    values = values[-MAX_BARS:]
    known = [abs(value) for value in values if value is not None]
    top, step = max(known, default=0) or 1, WIDTH / max(len(values), 1)
    # Below the line only where something is negative, such as a revision.
    below = max((-value for value in values if value is not None and value < 0), default=0) / top
    zero = HEIGHT / (1 + below)
    paler = f' fill="{_FRESH}"' if newest_is_paler else ""
    shapes = []
    for place, value in enumerate(values):
        if value is None:
            continue
        height = abs(value) / top * zero
        shapes.append(
            f'<rect x="{(place + _GAP / 2) * step:.1f}" y="{zero - height if value >= 0 else zero:.1f}" '
            f'width="{step * (1 - _GAP):.1f}" height="{height:.1f}"'
            f"{paler if place == len(values) - 1 else ''}/>"
        )
    image = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}">'
        f'<g fill="{_INK}">{"".join(shapes)}</g><path d="M0 {zero:.1f}H{WIDTH}" stroke="#6b7785"/></svg>'
    )
    return f"![{label}](data:image/svg+xml;base64,{base64.b64encode(image.encode()).decode('ascii')})"
