"""The data dictionary and the list of tables, made from the Pandera models; only the examples come from data."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from mcf_pipeline.duck import one
from mcf_pipeline.schemas.base import Table, TableSpec, describe

if TYPE_CHECKING:
    import duckdb

MAX_EXAMPLE = 120
"""Characters of an example; a rejected line can be as long as the source makes it."""
FIRST_ROWS = 200
"""Rows that are looked at for examples before all are."""
LARGE = ("fct_", "stg_", "v_dossiers", "v_financements")
"""Tables and views of lines, by how their names begin."""


def dictionary_rows(
    con: duckdb.DuckDBPyConnection, tables: Sequence[type[Table]], views: Sequence[type[Table]]
) -> Iterator[dict[str, Any]]:
    """One row of `dictionnaire` per column."""
    known: dict[str, dict[str, str]] = {}
    for model in (*tables, *views):
        spec = describe(model)
        known[spec.name] = examples = _examples(con, spec, _inherited(model, known))
        for rank, column in enumerate(spec.columns, start=1):
            yield {
                "nom_table": spec.name,
                "nom_colonne": column.name,
                "rang": rank,
                "type": column.duckdb_type,
                "unite": column.unit,
                "description": column.description,
                "calcul": column.computed,
                "masquage": column.masking,
                "est_cle": column.name in spec.key,
                "est_facultative": column.nullable,
                "reference": column.references,
                "exemple": examples.get(column.name),
            }


def table_rows(
    con: duckdb.DuckDBPyConnection, tables: Sequence[type[Table]], views: Sequence[type[Table]]
) -> Iterator[dict[str, Any]]:
    """One row of `meta_tables` per table and view."""
    for model in (*tables, *views):
        spec = describe(model)
        is_stored = model in tables
        yield {
            "nom_table": spec.name,
            "nature": "table" if is_stored else "vue",
            "description": spec.description,
            "cle": ", ".join(spec.key),
            "nb_lignes": one(con, f"SELECT count(*) FROM {spec.name}")[0] if is_stored else None,
        }


def _inherited(model: type[Table], known: dict[str, dict[str, str]]) -> dict[str, str]:
    """The examples of the table that a view shows in clear: the same rows by the same key, so the same examples."""
    if describe(model).name.startswith(LARGE):
        return {}
    names = (getattr(base.Config, "name", None) for base in model.__mro__[1:] if issubclass(base, Table))
    return next((known[name] for name in names if name in known), {})


def _examples(con: duckdb.DuckDBPyConnection, spec: TableSpec, inherited: dict[str, str]) -> dict[str, str]:
    """The first value of each column, in the order of the key; the same in whatever order the rows are stored."""
    found = dict(inherited)
    if "trimestre_id" in spec.key and spec.name.startswith(LARGE):
        # The first quarter nearly always has them, and the whole table can be large.
        found |= _firsts(
            con, spec, spec.column_names, f"WHERE trimestre_id = (SELECT min(trimestre_id) FROM {spec.name})"
        )
    missing = [name for name in spec.column_names if name not in found]
    return found | (_firsts(con, spec, missing) if missing else {})


def _firsts(con: duckdb.DuckDBPyConnection, spec: TableSpec, columns: Sequence[str], where: str = "") -> dict[str, str]:
    texts = ", ".join(f"CAST({name} AS VARCHAR)" for name in columns)
    # A few rows nearly always have them all. Looking for the first value of each column in all rows costs much more.
    rows = con.execute(
        f"SELECT {texts} FROM {spec.name} {where} ORDER BY {', '.join(spec.key)} LIMIT {FIRST_ROWS}"
    ).fetchall()
    by_column = zip(*rows, strict=True) if rows else [()] * len(columns)
    found = {
        name: next((value for value in values if value is not None), None)
        for name, values in zip(columns, by_column, strict=True)
    }
    missing = [name for name, value in found.items() if value is None]
    if missing and len(rows) == FIRST_ROWS:
        key = f"({', '.join(spec.key)})"
        firsts = [f"arg_min(CAST({name} AS VARCHAR), {key}) FILTER ({name} IS NOT NULL)" for name in missing]
        values = one(con, f"SELECT {', '.join(firsts)} FROM {spec.name} {where}")
        found |= dict(zip(missing, values, strict=True))
    return {name: str(value)[:MAX_EXAMPLE] for name, value in found.items() if value is not None}
