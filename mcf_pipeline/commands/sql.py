"""``sql``: one read-only query of the published warehouse.

The answer goes to standard output; what to cite with it, or that it is made up, to standard error: a file that the
answer is written into stays clean, and nobody has seen a figure without its source.
"""

from __future__ import annotations

import csv
import json
import sys

from mcf_pipeline.commands.console import err, out
from mcf_pipeline.errors import PipelineError, UsageError
from mcf_pipeline.settings import Settings

MIN_TEXT = 8
"""Characters of a column of texts below which folding them is no help."""
MAX_TABLE_ROWS = 200
"""Rows that a table on the terminal shows; CSV and JSON show all."""


def sql(settings: Settings, query: str, form: str) -> None:
    """Run the query and print its rows.

    The file is opened read-only and DuckDB may touch no other file, so that a query can neither change nor
    reach anything else.

    Raises:
        UsageError: there is no warehouse yet, or the query is wrong.
    """
    import duckdb

    from mcf_pipeline.duck import one

    if settings.store:
        from mcf_pipeline.workspace import Workspace

        Workspace(settings).pull_product("warehouse")
    path = settings.data_dir.published_database
    if not path.is_file():
        raise UsageError(
            f"there is no warehouse at {path} yet: `mcf-pipeline run` builds it; for the sample, add `--source sample`"
        )
    try:
        with duckdb.connect(path, read_only=True) as con:
            (mention,) = one(con, "SELECT mention FROM meta_publication")
            con.execute("SET enable_external_access = false; SET lock_configuration = true")
            result = con.execute(query)
            if result is None:
                raise UsageError("the query contains no statement")
            names = [column[0] for column in result.description or []]
            if form == "table":
                _table(names, result.fetchmany(MAX_TABLE_ROWS + 1))
            else:
                rows = result.fetchall()
                _csv(names, rows) if form == "csv" else _json(names, rows)
            err.print(mention, style="dim", markup=False, soft_wrap=True)
    except duckdb.IOException as error:
        raise PipelineError(f"{path} cannot be read: {error}") from error
    except duckdb.Error as error:
        raise UsageError(f'{error}; tables are listed by `mcf-pipeline sql "SHOW TABLES"`') from error


def _table(names: list[str], rows: list[tuple[object, ...]]) -> None:
    from rich.table import Table

    cells = [[_cell(value) for value in row] for row in rows[:MAX_TABLE_ROWS]]
    table, needed = Table(), 1
    for index, name in enumerate(names):
        is_number = any(isinstance(row[index], (int, float)) or type(row[index]).__name__ == "Decimal" for row in rows)
        # A number broken over two lines would be read as two; a text can be folded.
        table.add_column(name, justify="right" if is_number else "left", overflow="fold", no_wrap=is_number)
        longest = max((len(row[index]) for row in cells), default=0)
        needed += 3 + (max(longest, len(name)) if is_number else min(max(longest, len(name)), MIN_TEXT))
    if needed > out.width:
        _one_by_one(names, cells)
    else:
        for row in cells:
            table.add_row(*row)
        out.print(table, soft_wrap=False)
    if len(rows) > MAX_TABLE_ROWS:
        out.print(f"Only the first {MAX_TABLE_ROWS} rows are shown; --format csv gives all.")


def _one_by_one(names: list[str], rows: list[list[str]]) -> None:
    """Rows too wide for a table: each column on a line of its own."""
    width = max(map(len, names))
    for number, row in enumerate(rows, start=1):
        out.print(f"── row {number} ──", style="dim")
        for name, cell in zip(names, row, strict=True):
            out.print(f"{name:<{width}}  {cell}")
    err.print("Too wide for a table: select the columns you need, or add --format csv.", style="dim")


def _cell(value: object) -> str:
    from rich.markup import escape

    if value is None:
        return ""
    return escape(f"{value:.4f}" if isinstance(value, float) else str(value))


def _csv(names: list[str], rows: list[tuple[object, ...]]) -> None:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(names)
    writer.writerows(rows)


def _json(names: list[str], rows: list[tuple[object, ...]]) -> None:
    # Decimals stay exact as text would; as numbers they are what every reader expects.
    json.dump(
        [dict(zip(names, row, strict=True)) for row in rows],
        sys.stdout,
        ensure_ascii=False,
        indent=2,
        default=lambda value: float(value) if type(value).__name__ == "Decimal" else str(value),
    )
    sys.stdout.write("\n")
