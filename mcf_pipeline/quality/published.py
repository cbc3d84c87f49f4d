"""The rules on the published file: it opens, and it holds what the build holds."""

from __future__ import annotations

from pathlib import Path

import duckdb

from mcf_pipeline.duck import literal, one
from mcf_pipeline.quality.finding import SAMPLE_ROWS, Finding
from mcf_pipeline.schemas.base import Table, describe
from mcf_pipeline.schemas.documentation import DOCUMENTATION
from mcf_pipeline.schemas.views import VIEWS
from mcf_pipeline.warehouse.publication import PUBLISHED

READABLE = "fichier_publie_lisible"
CONFORMS = "fichier_publie_conforme"
_CATALOG = "publie"


def readable(path: Path) -> Finding:
    """Whether the published file opens, read-only, and each of its tables and views can be asked."""
    models = (*PUBLISHED, *DOCUMENTATION, *VIEWS)
    problems: list[tuple[str, str]] = []
    if not path.is_file():
        problems.append((path.name, "absent"))
    else:
        try:
            # Not through `dagster_duckdb`: on a missing or damaged file its resource tries again for over a
            # minute and a half, and it leaves the connection open where what is done with it fails.
            with duckdb.connect(path, read_only=True) as con:
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


def conforms(build: duckdb.DuckDBPyConnection, path: Path, state: str) -> Finding:
    """Whether the published file is made from what it should be, and holds the build's very rows.

    Args:
        build: the open build.
        path: the published file.
        state: fingerprint of what it should be made from (`Workspace.state`).
    """
    problems: list[tuple[object, ...]] = []
    rows = 0
    try:
        if not path.is_file():
            # Attaching would say so too, in words of its own.
            raise duckdb.IOException(f"{path.name} : absent")
        build.execute(f"ATTACH {literal(path)} AS {_CATALOG} (READ_ONLY)")
        try:
            (found,) = one(build, f"SELECT max(etat) FROM {_CATALOG}.meta_publication")
            if found != state:
                problems.append(("meta_publication", "état", str(found)[:12], state[:12]))
            for model in PUBLISHED:
                theirs, ours = fingerprint(build, model, f"{_CATALOG}."), fingerprint(build, model)
                rows += theirs[0]
                if theirs != ours:
                    what = "lignes" if theirs[0] != ours[0] else "empreinte"
                    place = 0 if theirs[0] != ours[0] else 1
                    problems.append((describe(model).name, what, theirs[place], ours[place]))
        finally:
            build.execute(f"DETACH {_CATALOG}")
    except duckdb.Error as error:
        problems.append((path.name, "lecture", _first_line(error), ""))
    return Finding(
        rule=CONFORMS,
        count=len(problems),
        total=len(PUBLISHED) + 1,
        unit="tables",
        columns=("table", "quoi", "fichier publié", "attendu"),
        sample=tuple(problems[:SAMPLE_ROWS]),
        note=f"{rows} lignes publiées." if not problems else "Matérialiser `warehouse` publie à nouveau.",
    )


def fingerprint(con: duckdb.DuckDBPyConnection, model: type[Table], catalog: str = "") -> tuple[int, int]:
    """A table's rows and a checksum of them, whatever their order."""
    spec = describe(model)
    rows, checksum = one(
        con, f"SELECT count(*), coalesce(sum(hash({', '.join(spec.column_names)})), 0) FROM {catalog}{spec.name}"
    )
    return int(rows), int(checksum)
