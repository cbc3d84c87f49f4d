"""A diagnosis as a page for the terminal; every text of the source is shown as plain text.

A source that is ready is shown column by column. Of one that is not, what there is to mend comes first and the page
fits a terminal; ``--json`` has the rest.

What does not belong here: anything that is found out (`contract.doctor`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from mcf_pipeline.contract.columns import COLUMNS
from mcf_pipeline.contract.doctor import Diagnosis
from mcf_pipeline.contract.text import clean, shorten

if TYPE_CHECKING:
    from rich.console import Console

MOST_PROBLEMS, MOST_NOTES = 8, 3
"""Of a source that is not ready, as many are shown."""
MOST_CHARACTERS = 500
"""Of one text."""


def render(diagnosis: Diagnosis, console: Console) -> None:
    """Print a diagnosis."""
    from rich.table import Table
    from rich.text import Text

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
        ("masked", diagnosis.masking),
    ):
        summary.add_row(name, Text("not given" if value is None else clean(str(value), MOST_CHARACTERS)))
    if diagnosis.ready:
        console.print(summary)
    else:
        given = [("lines announced", facts.records_count), ("lines read", facts.lines_read)]
        counts = [f"{name} {value:,}" for name, value in given if value is not None]
        known = [text for text in (*counts, _span(diagnosis.quarters)) if text]
        console.print(Text(f"Source: {clean(facts.origin, 200)}"))
        console.print(Text("; ".join(known) or "nothing was read"))

    if diagnosis.ready:
        _in_full(diagnosis, console)
    elif diagnosis.columns:
        console.print(Text(f"columns: {_summary(diagnosis)}"))
    _listed(diagnosis, console)
    if diagnosis.toml:
        console.print(Text(f"Put into the file that MCF_SOURCE_MAP names{_tried(diagnosis)}:", style="bold"))
        # Not wrapped, so that it can be pasted as it is.
        lines = diagnosis.toml.splitlines()
        kept = lines if diagnosis.ready else [line for line in lines if line.strip()]
        console.print(Text("\n".join(kept)), soft_wrap=True)
    console.print(Text("ready", style="bold green") if diagnosis.ready else Text("not ready", style="bold red"))


def _tried(diagnosis: Diagnosis) -> str:
    if diagnosis.ready:
        return " (optional)"
    if diagnosis.opens:
        return ", check it, and run again (tried: no other problem stops a run)"
    return ""


def _listed(diagnosis: Diagnosis, console: Console) -> None:
    """The problems, in the order in which one would mend them, and the notes."""
    from rich.text import Text

    for title, texts, style in (
        ("Problems, in the order to fix them", diagnosis.problems, "red"),
        ("Notes", diagnosis.notes, "yellow"),
    ):
        most = len(texts) if diagnosis.ready else (MOST_PROBLEMS if style == "red" else MOST_NOTES)
        # All of it where there is but one, and as much of each as fits a terminal where there are more.
        length = MOST_CHARACTERS if diagnosis.ready or (style == "red" and len(texts) == 1) else 230
        if texts:
            console.print(Text(title, style=f"bold {style}"))
            for number, text in enumerate(texts[:most], start=1):
                mark = f"{number}." if style == "red" else "-"
                console.print(Text(f"  {mark} {_both_ends(text, length)}"))
            if len(texts) > most:
                console.print(Text(f"  … and {len(texts) - most} more: --json lists them"))


def _both_ends(text: str, length: int) -> str:
    """A text without its middle where it is longer: a problem begins with what it is, and ends with what to do."""
    whole = clean(text, 4 * MOST_CHARACTERS)
    if len(whole) <= length:
        return whole
    end = length // 3
    return f"{whole[: length - end - 3].rstrip()} … {whole[-end:].lstrip()}"


def _summary(diagnosis: Diagnosis) -> str:
    """Which columns became what, in a line or two: those that are not plain to see."""
    known = [column for column in diagnosis.columns if column.canonical]
    shown = [
        f"{clean(column.source, 40)!r} is {column.canonical} ({column.rule})"
        for column in known
        if column.rule in ("grammar", "name and values", "fallback", "description")
    ]
    unused = [clean(column.source, 30) for column in diagnosis.columns if not column.canonical]
    summary = f"{len(known)} of {len(diagnosis.columns)} recognised"
    if shown:
        summary += f"; {shorten(shown, 160)}"
    if unused:
        summary += f"; not used: {shorten(unused, 100)}"
    return summary


def _in_full(diagnosis: Diagnosis, console: Console) -> None:
    from rich.table import Table
    from rich.text import Text

    def plain(text: str | None) -> Text:
        return Text(clean(text or "", 80))

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


def _span(quarters: Sequence[str]) -> str | None:
    if not quarters:
        return None
    return f"{len(quarters)}, from {quarters[0]} to {quarters[-1]}"
