"""DuckDB statements made from the models and the list of macros: tables, comments, and a view's or mart's query.

What does not belong here: any table's name or column.
"""

from __future__ import annotations

from importlib import resources

from mcf_pipeline.duck import literal
from mcf_pipeline.schemas.base import Table, TableSpec, describe
from mcf_pipeline.schemas.macros import Macro


def create_table(model: type[Table], *, catalog: str = "") -> str:
    """``CREATE TABLE IF NOT EXISTS`` of a model's table."""
    spec = describe(model)
    columns = ", ".join(f"{c.name} {c.duckdb_type}{'' if c.nullable else ' NOT NULL'}" for c in spec.columns)
    return f"CREATE TABLE IF NOT EXISTS {catalog}{spec.name} ({columns})"


def comments(model: type[Table], *, kind: str = "TABLE", catalog: str = "", licence: str = "") -> list[str]:
    """``COMMENT ON`` of a model's table or view (`kind`) and of each of its columns."""
    spec = describe(model)
    name = f"{catalog}{spec.name}"
    columns = [f"COMMENT ON COLUMN {name}.{c.name} IS {literal(c.comment)}" for c in spec.columns]
    return [table_comment(model, kind=kind, catalog=catalog, licence=licence), *columns]


def table_comment(model: type[Table], *, kind: str = "TABLE", catalog: str = "", licence: str = "") -> str:
    """``COMMENT ON`` of a model's table or view itself."""
    spec = describe(model)
    text = " ".join(filter(None, [spec.description, licence]))
    return f"COMMENT ON {kind} {catalog}{spec.name} IS {literal(text)}"


def macro_comment(macro: Macro) -> str:
    """``COMMENT ON`` of a macro."""
    kind = "MACRO TABLE" if macro.is_table else "MACRO"
    return f"COMMENT ON {kind} {macro.name} IS {literal(macro.comment)}"


def query(name: str) -> str:
    """The text of a file of ``sql/``, without its final semicolon or line end."""
    text = resources.files("mcf_pipeline").joinpath("sql", f"{name}.sql").read_text(encoding="utf-8")
    return text.rstrip().rstrip(";")


def typed(spec: TableSpec, source: str) -> str:
    """Select a table's columns from a query or table, by name, cast to the types of its model."""
    columns = ", ".join(f"CAST({c.name} AS {c.duckdb_type}) AS {c.name}" for c in spec.columns)
    return f"SELECT {columns} FROM {source}"
