"""The releases of a simulated portal, and the ODSQL questions asked of the one that it serves.

What does not belong here: addresses and formats.
"""

from __future__ import annotations

import datetime as dt
import re
import threading
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

_TIME_OF_DAY = dt.time(4, 12, tzinfo=dt.UTC)

_TOKEN = re.compile(
    r"""\s*(?:
        (?P<text>'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")
      | `(?P<field>[^`]+)`
      | (?P<number>\d+(?:\.\d+)?)
      | (?P<word>[^\W\d]\w*)
      | (?P<sign><=|>=|!=|[=<>+*/(),-])
    )""",
    re.VERBOSE,
)
_CLAUSES = ("select", "where", "group_by", "order_by")
_WORDS = frozenset(["and", "or", "not", "in", "is", "null", "like", "as", "asc", "desc", "true", "false"])
_FUNCTIONS = frozenset(["count", "sum", "avg", "min", "max", "year", "month", "day", "lower", "upper", "length"])


class Release(Protocol):
    """What the portal serves at one time."""

    @property
    def day(self) -> dt.date:
        """The day it is published."""
        ...

    def table(self) -> pa.Table:
        """Its lines."""
        ...


class OdsqlError(Exception):
    """A question that the portal answers with status 400."""


class Store:
    """The release that is served; its lines are made at the first question.

    Args:
        release: the release.
    """

    def __init__(self, release: Release) -> None:
        self.release = release
        self._lock = threading.Lock()

    @property
    def data_processed(self) -> dt.datetime:
        """The release's own time, else its day at an hour at which portals work."""
        found = getattr(self.release, "data_processed", None)
        return found if isinstance(found, dt.datetime) else dt.datetime.combine(self.release.day, _TIME_OF_DAY)

    @property
    def schema(self) -> pa.Schema:
        """Columns and types."""
        return self._lines.schema

    @property
    def records_count(self) -> int:
        """Lines."""
        return int(self._lines.num_rows)

    @cached_property
    def _lines(self) -> pa.Table:
        return self.release.table()

    @cached_property
    def _database(self) -> duckdb.DuckDBPyConnection:
        import duckdb

        con = duckdb.connect(config={"threads": "2"})
        lines = self._lines
        con.register("received", lines)
        con.execute("CREATE TABLE lines AS SELECT * FROM received")
        con.unregister("received")
        con.execute("SET enable_external_access = false")
        con.execute("SET lock_configuration = true")
        return con

    def warm(self) -> None:
        """Make the lines now, so that no request has to wait for them."""
        with self._lock:
            _ = self._lines

    def close(self) -> None:
        """Let go of the database; questions fail from now on."""
        with self._lock:
            database = self.__dict__.pop("_database", None)
            if database is not None:
                database.close()

    def query(self, params: Mapping[str, str], limit: int | None = None, offset: int = 0) -> pa.Table:
        """Answer `select`, `where`, `group_by` and `order_by`; other parameters are ignored.

        Raises:
            OdsqlError: the question cannot be understood.
        """
        import duckdb

        if not any(params.get(name) for name in _CLAUSES):
            return self._lines.slice(offset, limit)
        with self._lock:
            database = self._database
        columns = frozenset(self.schema.names)
        aliases = frozenset(re.findall(r"(?i)\bas\s+`?(\w+)`?", params.get("select", "")))
        groups = to_sql(params.get("group_by", ""), columns)
        chosen = to_sql(params.get("select", ""), columns, aliases)
        if groups:
            chosen = f"{groups}, {chosen}" if chosen else f"{groups}, count(*)"
        sql = f"SELECT {chosen or '*'} FROM lines"
        if where := to_sql(params.get("where", ""), columns):
            sql += f" WHERE {where}"
        if groups:
            sql += f" GROUP BY {groups}"
        if order := to_sql(params.get("order_by", ""), columns, aliases):
            sql += f" ORDER BY {order}"
        if limit is not None:
            sql += f" LIMIT {limit}"
        try:
            return database.cursor().sql(f"{sql} OFFSET {offset}").to_arrow_table()
        except duckdb.Error as error:
            raise OdsqlError(f"ODSQL query is malformed: {str(error).splitlines()[0]}") from error

    def count(self, where: str) -> int:
        """Lines that meet a condition."""
        if not where:
            return self.records_count
        counted = self.query({"select": "count(*) as n", "where": where})
        return int(counted["n"][0].as_py())


def to_sql(odsql: str, columns: frozenset[str], aliases: frozenset[str] = frozenset()) -> str:
    """The SQL of an ODSQL clause; only known words, columns and functions pass.

    Raises:
        OdsqlError: it holds anything else.
    """
    parts: list[str] = []
    position = 0
    while odsql[position:].strip():
        match = _TOKEN.match(odsql, position)
        if match is None:
            raise OdsqlError(f"ODSQL query is malformed: unexpected {odsql[position : position + 20].strip()!r}")
        position = match.end()
        parts.append(_sql_token(match, columns, aliases))
    return " ".join(parts)


def _sql_token(match: re.Match[str], columns: frozenset[str], aliases: frozenset[str]) -> str:
    kind, token = str(match.lastgroup), match[str(match.lastgroup)]
    if kind == "text":
        return "'" + re.sub(r"\\(.)", r"\1", token[1:-1]).replace("'", "''") + "'"
    if kind in {"number", "sign"}:
        return token
    if token in columns or token in aliases:
        return '"' + token.replace('"', '""') + '"'
    if kind == "word" and token.lower() in _WORDS | _FUNCTIONS:
        return token
    raise OdsqlError(f"Unknown field: {token}")


def rows_of(table: pa.Table) -> list[dict[str, Any]]:
    """Lines as JSON values: numbers are doubles, as the portal has no other."""
    names: Sequence[str] = table.schema.names
    columns = [[_json(value) for value in table[name].to_pylist()] for name in names]
    return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]


def _json(value: Any) -> Any:
    import decimal

    if isinstance(value, decimal.Decimal):
        return float(value)
    return value.isoformat() if isinstance(value, (dt.date, dt.datetime)) else value
