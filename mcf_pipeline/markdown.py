"""Markdown tables, written in one place, and a stranger's text in them that cannot become markup."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

MAX_TEXT = 120
"""Characters of a stranger's text that are shown."""

# Everything that Markdown or HTML could take for its own.
_ENTITIES = {ord(c): f"&#{ord(c)};" for c in "&<>|\\`*[]~#"} | {ord(c): " " for c in "\r\n\t"}


def text(value: object) -> str:
    """Any value as plain text; empty for None."""
    if value is None:
        return ""
    shown = str(value)
    return (shown if len(shown) <= MAX_TEXT else shown[: MAX_TEXT - 1] + "…").translate(_ENTITIES)


def table(columns: Sequence[str], rows: Iterable[Sequence[object]], *, numbers: Collection[str] = ()) -> str:
    """A table; its cells are Markdown already (`text` makes them so).

    Args:
        columns: the header.
        rows: the cells.
        numbers: columns that are aligned to the right.
    """
    rules = ["---:" if name in numbers else "---" for name in columns]
    lines = [columns, rules, *rows]
    return "\n".join(f"| {' | '.join(_cell(cell) for cell in line)} |" for line in lines)


def _cell(value: object) -> str:
    return str(value).replace("|", "\\|").replace("\n", " ")
