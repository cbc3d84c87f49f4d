"""The fifteen questions: each result in the page is what its SQL gives on the synthetic sample.

The page is written by hand, but for what stands between ``<!-- résultat : <warehouse> -->`` and ``<!-- fin -->``
after each SQL block. What does not belong here: how the warehouses are built (`examples`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

from mcf_pipeline.duck import one

if TYPE_CHECKING:
    import duckdb

FILE_NAME = "questions.md"

RESULT = re.compile(
    r"(?P<sql>```sql\n(?P<query>.*?)```)\n\n<!-- résultat : (?P<warehouse>\w+) -->\n(?P<result>.*?)<!-- fin -->",
    re.DOTALL,
)
_THIN_SPACE = "\u202f"


def answered(page: str, warehouses: Mapping[str, Path]) -> str:
    """The page with every result computed again.

    Args:
        page: Markdown.
        warehouses: the published files that its questions are asked of, by name.

    Raises:
        KeyError: a question names a warehouse that is not there.
        duckdb.Error: a query is wrong.
    """

    def again(found: re.Match[str]) -> str:
        name = found["warehouse"]
        result = _ask(warehouses[name], found["query"])
        return f"{found['sql']}\n\n<!-- résultat : {name} -->\n\n{result}\n\n<!-- fin -->"

    return RESULT.sub(again, page)


def _ask(warehouse: Path, query: str) -> str:
    import duckdb

    with duckdb.connect(warehouse, read_only=True) as con:
        return f"{_caption(con)}\n\n{_table(con, query)}"


def _caption(con: duckdb.DuckDBPyConnection) -> str:
    release, is_synthetic = one(con, "SELECT release_id, est_synthetique FROM meta_publication")
    if is_synthetic:
        return f"*Résultat sur l'échantillon **SYNTHÉTIQUE** ({release}) : il ne dit rien du monde réel.*"
    return f"*Résultat, publication {release}.*"


def _table(con: duckdb.DuckDBPyConnection, query: str) -> str:
    result = con.execute(query)
    names = [column[0] for column in result.description or []]
    rows = result.fetchall()
    numeric = [any(isinstance(row[i], (int, float, Decimal)) for row in rows) for i in range(len(names))]
    decimals = [max((_decimals(row[i]) for row in rows), default=0) for i in range(len(names))]
    lines = [
        "| " + " | ".join(names) + " |",
        "| " + " | ".join("---:" if is_number else "---" for is_number in numeric) + " |",
    ]
    for row in rows:
        cells = (_cell(name, value, places) for name, value, places in zip(names, row, decimals, strict=True))
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _decimals(value: object) -> int:
    return len(str(value).partition(".")[2]) if isinstance(value, (float, Decimal)) else 0


def _cell(name: str, value: object, decimals: int) -> str:
    """A value as French readers expect it; one that is not there is said, not left blank."""
    match value:
        case None:
            return "*vide*"
        case bool():
            return "oui" if value else "non"
        case int() | float() | Decimal() if name != "annee":
            return f"{value:,.{decimals}f}".replace(",", _THIN_SPACE).replace(".", ",")
        case _:
            return str(value).replace("|", "\\|")
