"""The rules on the published file: it opens, and it holds what the tables' files hold."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import duckdb

from mcf_pipeline.duck import literal, one
from mcf_pipeline.quality.finding import SAMPLE_ROWS, Finding
from mcf_pipeline.schemas.base import Table, describe
from mcf_pipeline.schemas.documentation import DOCUMENTATION
from mcf_pipeline.tables.snapshot import Snapshot
from mcf_pipeline.warehouse.assembly import PUBLISHED, PUBLISHED_VIEWS, quarterly_sources

READABLE = "fichier_publie_lisible"
CONFORMS = "fichier_publie_conforme"
_CATALOG = "publie"


def readable(connect: Callable[[], AbstractContextManager[duckdb.DuckDBPyConnection]], path: Path) -> Finding:
    """Whether the published file opens, read-only, and each of its tables and views can be queried.

    Args:
        connect: opens it as a reader does.
        path: the file.
    """
    models = (*PUBLISHED, *DOCUMENTATION, *PUBLISHED_VIEWS)
    problems: list[tuple[str, str]] = []
    if not path.is_file():
        problems.append((path.name, "absent"))
    else:
        try:
            with connect() as con:
                problems += [(describe(model).name, problem) for model in models if (problem := _problem(con, model))]
        except duckdb.Error as error:
            problems.append((path.name, _first_line(error)))
    return Finding(
        rule=READABLE,
        count=len(problems),
        total=len(models),
        unit="tables et vues",
        columns=("table", "problème"),
        sample=tuple(problems[:SAMPLE_ROWS]),
        note="`mcf-pipeline rebuild` refait l'entrepôt." if problems else "",
    )


def _problem(con: duckdb.DuckDBPyConnection, model: type[Table]) -> str:
    spec = describe(model)
    try:
        con.execute(f"SELECT {', '.join(spec.column_names)} FROM {spec.name} LIMIT 1").fetchall()
    except duckdb.Error as error:
        return _first_line(error)
    return ""


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__


def conforms(con: duckdb.DuckDBPyConnection, path: Path, snapshot: Snapshot) -> Finding:
    """Whether the published file is made from what it should be, quarter by quarter, row by row count.

    Args:
        con: any database; the file is attached to it for the while.
        path: the published file.
        snapshot: what it should be made from.
    """
    problems: list[tuple[object, ...]] = []
    rows = 0
    sources = quarterly_sources(snapshot)
    try:
        if not path.is_file():
            # Attaching would say so too, in words of its own.
            raise duckdb.IOException(f"{path.name} : absent")
        con.execute(f"ATTACH {literal(path)} AS {_CATALOG} (READ_ONLY)")
        try:
            (found,) = one(con, f"SELECT max(etat) FROM {_CATALOG}.meta_publication")
            if found != snapshot.state:
                problems.append(("meta_publication", "état", str(found)[:12], snapshot.state[:12]))
            marks = set(con.execute(f"SELECT * FROM {_CATALOG}.meta_fichiers").fetchall())
            for source in sources:
                name = describe(source.model).name
                wanted = {(name, quarter.id, mark) for quarter, mark in source.marks.items()}
                if wanted != {row for row in marks if row[0] == name}:
                    problems.append((name, "marques", len(marks), len(wanted)))
                theirs, ours = (
                    one(con, f"SELECT count(*) FROM {table} WHERE trimestre_id IS NOT NULL")[0]
                    for table in (f"{_CATALOG}.{name}", source.rows(list(source.marks)))
                )
                rows += theirs
                if theirs != ours:
                    problems.append((name, "lignes", theirs, ours))
        finally:
            con.execute(f"DETACH {_CATALOG}")
    except duckdb.Error as error:
        problems.append((path.name, "lecture", _first_line(error), ""))
    return Finding(
        rule=CONFORMS,
        count=len(problems),
        total=len(sources) + 1,
        unit="tables",
        columns=("table", "quoi", "fichier publié", "attendu"),
        sample=tuple(problems[:SAMPLE_ROWS]),
        note=f"{rows} lignes publiées." if not problems else "Matérialiser `warehouse` publie à nouveau.",
    )
