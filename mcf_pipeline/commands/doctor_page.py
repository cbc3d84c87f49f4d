"""A diagnosis as a page for the terminal; every text of the source is shown as plain text.

What does not belong here: anything that is found out (`contract.doctor`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from mcf_pipeline.contract.columns import COLUMNS
from mcf_pipeline.contract.doctor import Diagnosis
from mcf_pipeline.contract.text import clean

if TYPE_CHECKING:
    from rich.console import Console


def render(diagnosis: Diagnosis, console: Console) -> None:
    """Print a diagnosis."""
    from rich.table import Table
    from rich.text import Text

    def plain(text: str | None) -> Text:
        return Text(clean(text or "", 80))

    facts = diagnosis.facts
    summary = Table(show_header=False, box=None, title="Source", title_justify="left")
    for name, value in (
        ("origin", facts.origin),
        ("reachable", "yes" if facts.reachable else f"no: {facts.error or ''}"),
        ("quota left", facts.quota_left),
        ("licence", facts.licence),
        ("data_processed", facts.data_processed),
        ("lines announced", facts.records_count),
        ("lines read", facts.lines_read),
        ("quarters", _span(diagnosis.quarters)),
    ):
        summary.add_row(name, Text("not told" if value is None else clean(str(value), 200)))
    console.print(summary)

    if diagnosis.columns:
        table = Table("column of the source", "became", "by", title="Columns", title_justify="left")
        for column in diagnosis.columns:
            table.add_row(plain(column.source), plain(column.canonical or "not used"), plain(column.rule))
        console.print(table)
        used = {column.canonical for column in diagnosis.columns}
        absent = [rule.name for rule in COLUMNS.values() if rule.name not in used and not rule.required]
        console.print(Text(f"optional and not in the source: {', '.join(absent) or 'none'}"))
    if diagnosis.modalities:
        table = Table("dimension", "text", "means", "known", "lines", title="Modalities", title_justify="left")
        for m in diagnosis.modalities:
            known = Text("yes") if m.known else Text("no", style="yellow")
            table.add_row(m.dimension, plain(m.text), plain(f"{m.id} ({m.libelle})"), known, str(m.lines))
        console.print(table)
    if diagnosis.formats:
        table = Table("measure", "how its values are written", title="Numbers", title_justify="left")
        for name, counts in diagnosis.formats.items():
            table.add_row(name, Text(", ".join(f"{form}: {lines}" for form, lines in sorted(counts.items()))))
        console.print(table)
    for title, texts, style in (
        ("Problems", diagnosis.problems, "red"),
        ("Notes", diagnosis.notes, "yellow"),
    ):
        if texts:
            console.print(Text(title, style=f"bold {style}"))
            for text in texts:
                console.print(Text(f"  - {clean(text, 500)}"))
    if diagnosis.toml:
        optional = " (optional)" if diagnosis.ready else ""
        console.print(Text(f"Write into a file and name it in MCF_SOURCE_MAP{optional}:", style="bold"))
        # Not wrapped, so that it can be pasted as it is.
        console.print(Text(diagnosis.toml), soft_wrap=True)
    console.print(Text("ready", style="bold green") if diagnosis.ready else Text("not ready", style="bold red"))


def _span(quarters: Sequence[str]) -> str | None:
    if not quarters:
        return None
    return f"{len(quarters)}, from {quarters[0]} to {quarters[-1]}"
