"""A validator of data packages that knows `datapackage.json` and nothing of this project, for any size.

`frictionless` reads row by row, in Python, and the rows of a CSV only: 77 s of processor time for the sample at real
size. This one asks DuckDB the same questions of CSV and Parquet alike, in two. Each validator is held against the
other in `test_validation`.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import duckdb

# What a text must look like, and what DuckDB makes of it; `TRY_CAST` alone takes "1.5" for an integer.
_TYPES = {
    "string": ("", "VARCHAR"),
    "integer": (r"[+-]?\d+", "HUGEINT"),
    "number": (r"[+-]?\d+(\.\d+)?([eE][+-]?\d+)?", "DOUBLE"),
    "boolean": ("true|false", "BOOLEAN"),
    "date": (r"\d{4}-\d\d-\d\d", "DATE"),
    "datetime": (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "TIMESTAMP"),
}
_STORED = {
    "string": {"VARCHAR"},
    "integer": {"INTEGER", "BIGINT"},
    "number": {"DECIMAL(18,2)", "DECIMAL(18,4)", "DECIMAL(28,4)", "DOUBLE"},
    "boolean": {"BOOLEAN"},
    "date": {"DATE"},
    "datetime": {"TIMESTAMP"},
}


class Fault(NamedTuple):
    """What does not hold, named as `frictionless` names it."""

    kind: str
    resource: str
    field: str
    detail: str


def faults(folder: Path) -> list[Fault]:
    """Everything in a package that is not as its ``datapackage.json`` says."""
    package = json.loads((folder / "datapackage.json").read_text(encoding="utf-8"))
    with duckdb.connect() as con:
        found = list(_of_files(folder, package["resources"]))
        unreadable = set()
        for resource in package["resources"]:
            try:
                _open(con, folder, resource)
            except duckdb.Error as error:
                unreadable.add(resource["name"])
                found.append(Fault("source-error", resource["name"], "", str(error).splitlines()[0]))
        readable = [resource for resource in package["resources"] if resource["name"] not in unreadable]
        names = {resource["name"] for resource in readable}
        for resource in readable:
            labels = list(_of_labels(con, resource))
            found += labels or [
                *_of_cells(con, resource),
                *_of_keys(con, resource),
                *_of_references(con, resource, names),
            ]
    return found


def _of_files(folder: Path, resources: Sequence[dict[str, Any]]) -> Iterator[Fault]:
    for resource in resources:
        path = folder / resource["path"]
        if not path.is_file():
            yield Fault("scheme-error", resource["name"], "", "no such file")
            continue
        content = path.read_bytes()
        if len(content) != resource["bytes"]:
            yield Fault("byte-count", resource["name"], "", f"{len(content)}, not {resource['bytes']}")
        if f"sha256:{hashlib.sha256(content).hexdigest()}" != resource["hash"]:
            yield Fault("hash-count", resource["name"], "", "another sha256")


def _open(con: duckdb.DuckDBPyConnection, folder: Path, resource: dict[str, Any]) -> None:
    path = folder / resource["path"]
    if resource["format"].lower() == "parquet":
        reader = "SELECT * FROM read_parquet($path)"
    else:
        dialect = resource["dialect"]
        reader = (
            "SELECT * FROM read_csv($path, all_varchar = true, header = true, auto_detect = false, nullstr = '', "
            f"delim = '{dialect['delimiter']}', quote = '{dialect['quoteChar']}', escape = '{dialect['quoteChar']}', "
            "encoding = 'utf-8', strict_mode = true, columns = "
            + _struct(path, dialect["delimiter"], resource.get("compression"))
            + ")"
        )
    con.execute(f'CREATE TABLE "{resource["name"]}" AS {reader}', {"path": str(path)})


def _struct(path: Path, delimiter: str, compression: str | None) -> str:
    """The columns that the file itself names: only then is a wrong header told from a wrong cell."""
    try:
        with gzip.open(path) if compression else path.open("rb") as file:
            header = next(csv.reader([file.readline().decode()], delimiter=delimiter), [])
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise duckdb.IOException(str(error)) from error
    return "{" + ", ".join("'" + name.replace("'", "''") + "': 'VARCHAR'" for name in header) + "}"


def _of_labels(con: duckdb.DuckDBPyConnection, resource: dict[str, Any]) -> Iterator[Fault]:
    told = [field["name"] for field in resource["schema"]["fields"]]
    found = [row[0] for row in con.execute(f'DESCRIBE "{resource["name"]}"').fetchall()]
    if told != found:
        yield Fault("incorrect-label", resource["name"], "", f"{found}, not {told}")


def _of_cells(con: duckdb.DuckDBPyConnection, resource: dict[str, Any]) -> Iterator[Fault]:
    is_text = resource["format"].lower() != "parquet"
    stored = dict(con.execute(f'SELECT column_name, column_type FROM (DESCRIBE "{resource["name"]}")').fetchall())
    wanted: list[tuple[str, str, str]] = []
    for field in resource["schema"]["fields"]:
        name, limits = field["name"], field.get("constraints", {})
        pattern, target = _TYPES[field["type"]]
        cell, value = f'"{name}"', f'"{name}"'
        if is_text:
            value = f"TRY_CAST({cell} AS {target})"
            wrong = f"{value} IS NULL" + (f" OR NOT regexp_full_match({cell}, '{pattern}')" if pattern else "")
            wanted.append(("type-error", name, f"{cell} IS NOT NULL AND ({wrong})"))
        elif stored[name] not in _STORED[field["type"]]:
            yield Fault("type-error", resource["name"], name, stored[name])
            continue
        if limits.get("required"):
            wanted.append(("constraint-error", name, f"{cell} IS NULL"))
        if "minimum" in limits:
            wanted.append(("constraint-error", name, f"{value} < {limits['minimum']}"))
        if "maximum" in limits:
            wanted.append(("constraint-error", name, f"{value} > {limits['maximum']}"))
        if "enum" in limits:
            options = ", ".join(f"'{option}'" for option in limits["enum"])
            wanted.append(("constraint-error", name, f"CAST({cell} AS VARCHAR) NOT IN ({options})"))
        if "pattern" in limits:
            wanted.append(("constraint-error", name, f"NOT regexp_full_match({cell}, '{limits['pattern']}')"))
        if limits.get("unique"):
            twice = f'SELECT count({cell}) - count(DISTINCT {cell}) FROM "{resource["name"]}"'
            if con.execute(twice).fetchall() != [(0,)]:
                yield Fault("unique-error", resource["name"], name, "twice the same")
    if wanted:
        counts = ", ".join(f"count(*) FILTER (WHERE {condition})" for _, _, condition in wanted)
        (row,) = con.execute(f'SELECT {counts} FROM "{resource["name"]}"').fetchall()
        for (kind, name, condition), count in zip(wanted, row, strict=True):
            if count:
                yield Fault(kind, resource["name"], name, f"{count} x {condition}")


def _of_keys(con: duckdb.DuckDBPyConnection, resource: dict[str, Any]) -> Iterator[Fault]:
    schema = resource["schema"]
    keys = [("primary-key", schema["primaryKey"])] if "primaryKey" in schema else []
    keys += [("unique-key", key) for key in schema.get("uniqueKeys", [])]
    for kind, key in keys:
        columns = ", ".join(f'"{name}"' for name in key)
        if kind == "primary-key":
            empty = " OR ".join(f'"{name}" IS NULL' for name in key)
            if con.execute(f'SELECT 1 FROM "{resource["name"]}" WHERE {empty} LIMIT 1').fetchall():
                yield Fault(kind, resource["name"], "", "an empty cell")
        if con.execute(
            f'SELECT {columns} FROM "{resource["name"]}" GROUP BY ALL HAVING count(*) > 1 LIMIT 1'
        ).fetchall():
            yield Fault(kind, resource["name"], "", f"twice the same {key}")


def _of_references(con: duckdb.DuckDBPyConnection, resource: dict[str, Any], names: set[str]) -> Iterator[Fault]:
    for key in resource["schema"].get("foreignKeys", []):
        (own,), (theirs,) = key["fields"], key["reference"]["fields"]
        target = key["reference"]["resource"]
        # A text of a CSV may carry the apostrophe of a formula, so Parquet is held against Parquet.
        if resource["format"].lower() == "parquet":
            target += ".parquet"
        if target not in names:
            yield Fault("foreign-key", resource["name"], own, f"no resource {target}")
            continue
        try:
            orphans = con.execute(
                f'SELECT DISTINCT "{own}" FROM "{resource["name"]}" WHERE "{own}" IS NOT NULL '
                f'AND "{own}" NOT IN (SELECT "{theirs}" FROM "{target}" WHERE "{theirs}" IS NOT NULL) LIMIT 1'
            ).fetchall()
        except duckdb.Error as error:
            yield Fault("foreign-key", resource["name"], own, str(error).splitlines()[0])
            continue
        if orphans:
            yield Fault("foreign-key", resource["name"], own, f"{orphans[0][0]!r} is not in {target}")
