"""Verification: the archive against its hashes, and the published warehouse against the archive.

Every problem is one sentence that says which file or quarter, and what to do. Nothing is changed.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import duckdb

from mcf_pipeline.archive.manifest import Manifest
from mcf_pipeline.archive.reread import unpack
from mcf_pipeline.archive.split import content_of, is_intact
from mcf_pipeline.archive.store import Archive
from mcf_pipeline.archive.timeline import State, Timeline, timeline
from mcf_pipeline.contract.lines import TypedLines, read_lines
from mcf_pipeline.duck import literal, one, scratch
from mcf_pipeline.errors import ArchiveError
from mcf_pipeline.files import sha256_of
from mcf_pipeline.progress import report
from mcf_pipeline.quarter import Quarter
from mcf_pipeline.schemas.base import Table, describe
from mcf_pipeline.schemas.ddl import query, typed
from mcf_pipeline.schemas.marts import QUARTERLY_MARTS
from mcf_pipeline.schemas.warehouse import FACTS, HISTORIES
from mcf_pipeline.tables.facts import fact_sql
from mcf_pipeline.tables.received import by_columns, received_sql
from mcf_pipeline.tables.snapshot import QuarterState, Snapshot
from mcf_pipeline.tables.staged import is_refused
from mcf_pipeline.warehouse.assembly import has_structure

_PUBLISHED = "publie"
_REBUILD = "`mcf-pipeline rebuild` builds the warehouse again"
_AGAIN = "`mcf-pipeline rebuild` rebuilds it from the archived export"


def verify_archive(archive: Archive) -> Iterator[str]:
    """Problems of the archive: damaged or missing manifests, exports, line numbers and quarters."""
    manifests: list[Manifest] = []
    for folder in archive.release_folders():
        try:
            manifests.append(Manifest.read(folder))
        except ArchiveError as error:
            yield str(error)
    contents: set[tuple[str, str]] = set()
    for done, manifest in enumerate(manifests):
        report("verify the releases", done, len(manifests))
        yield from _verify_release(archive, manifest)
        contents |= {(quarter, content.sha256) for quarter, content in manifest.quarters.items()}
    report("verify the releases", len(manifests), len(manifests))
    for done, (quarter, sha256) in enumerate(sorted(contents)):
        report("verify the quarters", done, len(contents))
        yield from _verify_quarter(archive, Quarter.parse(quarter), sha256)
    report("verify the quarters", len(contents), len(contents))


def _verify_release(archive: Archive, manifest: Manifest) -> Iterator[str]:
    folder = archive.data_dir.releases / manifest.release_id
    for path in archive.damaged(manifest):
        yield f"{path} is missing or damaged: {_AGAIN}"
    if manifest.export is None:
        return
    with tempfile.TemporaryDirectory(prefix="mcf-verify-") as work:
        try:
            export = unpack(folder / manifest.export, Path(work) / "export")
        except ArchiveError as error:
            yield str(error)
            return
        if sha256_of(export) != manifest.sha256:
            yield f"{folder / manifest.export} is not what was archived: restore it from a copy"


def _verify_quarter(archive: Archive, quarter: Quarter, sha256: str) -> Iterator[str]:
    path = archive.quarter_file(quarter, sha256)
    if not is_intact(path):
        state = "damaged" if path.is_file() else "missing"
        yield f"{path} is {state}: {_AGAIN}"
        return
    with scratch() as con:
        con.execute(f"CREATE TEMP TABLE lignes AS SELECT * FROM read_parquet({literal(path)})")
        if content_of(con) != sha256:
            yield f"{path} does not match the checksum in its name: remove it, then {_AGAIN}"


def verify_warehouse(archive: Archive, snapshot: Snapshot) -> Iterator[str]:
    """Problems of the published warehouse: states, facts and marts that are not what the archive says."""
    path = archive.data_dir.published_database
    if not path.is_file():
        yield f"there is no warehouse at {path}: `mcf-pipeline run` builds it"
        return
    with scratch() as con:
        try:
            con.execute(f"ATTACH {literal(path)} AS {_PUBLISHED} (READ_ONLY)")
        except duckdb.Error as error:
            yield f"{path} cannot be opened ({str(error).splitlines()[0]}): {_REBUILD}"
            return
        try:
            if _is_of_this_version(con):
                yield from _compare(con, archive, snapshot)
            else:
                yield f"{path} was published by another version: `mcf-pipeline run` publishes it again"
        finally:
            con.execute(f"DETACH {_PUBLISHED}")


def _is_of_this_version(con: duckdb.DuckDBPyConnection) -> bool:
    """Whether the published file has today's tables, views and macros, which the comparison asks."""
    try:
        return has_structure(con, _PUBLISHED)
    except duckdb.Error:
        return False


def _compare(con: duckdb.DuckDBPyConnection, archive: Archive, snapshot: Snapshot) -> Iterator[str]:
    """Read every state again from the archive, and compare; what staging says of a state is derived data, too."""
    states = [(quarter, state) for quarter, all_ in snapshot.reported.states.items() for state in all_]
    expected: dict[QuarterState, TypedLines] = {}
    refused: set[tuple[Quarter, str]] = set()
    for done, (quarter, state) in enumerate(states):
        report("read the quarters", done, len(states))
        try:
            by_columns(archive, [(quarter, state)])
            source = received_sql(archive, [(quarter, state)])
        except ArchiveError as error:
            yield str(error)
            continue
        lines = read_lines(con, source, archive.source_map)
        received = snapshot.rows([(quarter, state)])[quarter, state]
        if is_refused(lines, (state.since, quarter.id), received):
            refused.add((quarter, state.sha256))
        expected[quarter, state] = lines
    report("read the quarters", len(states), len(states))
    line = timeline(snapshot.reported.releases, refused)
    by_content = {(quarter, state.sha256, state.since): lines for (quarter, state), lines in expected.items()}
    found = set(
        con.execute(f"SELECT DISTINCT trimestre_id, valide_depuis FROM {_PUBLISHED}.fct_dossiers_historique").fetchall()
    )
    for quarter in line.quarters:
        for state in line.states[quarter]:
            found.discard((quarter.id, state.since))
            lines_of = by_content.get((quarter, state.sha256, state.since))
            if lines_of is not None:
                yield from _compare_state(con, quarter, state, lines_of)
    if found:
        yield f"the warehouse holds {len(found)} states of quarters that the archive does not have: {_REBUILD}"
    for model in QUARTERLY_MARTS:
        yield from _compare_mart(con, model, line)


def _compare_state(con: duckdb.DuckDBPyConnection, quarter: Quarter, state: State, lines: TypedLines) -> Iterator[str]:
    """Compare one state of a quarter, read again from the archive, with the published one."""
    con.register("lignes_attendues", lines.usagers)
    until = "NULL" if state.until is None else literal(state.until)
    for fact, model in zip(FACTS, HISTORIES, strict=True):
        spec = describe(model)
        names = [name for name in spec.column_names if name not in ("valide_depuis", "valide_jusqua")]
        attendues = fact_sql(fact, "lignes_attendues", list(lines.usagers.columns))
        found = (
            f"SELECT {', '.join(names)}, valide_jusqua FROM {_PUBLISHED}.{spec.name} "
            f"WHERE trimestre_id = {literal(quarter.id)} AND valide_depuis = {literal(state.since)}"
        )
        missing, surplus = _differences(con, f"SELECT {', '.join(names)}, {until} FROM ({attendues})", found)
        if missing or surplus:
            yield (
                f"{spec.name}, {quarter} as of {state.since}: {missing} rows of the archive are not in the warehouse, "
                f"{surplus} of the warehouse not in the archive: {_REBUILD}"
            )
    con.unregister("lignes_attendues")


def _compare_mart(con: duckdb.DuckDBPyConnection, model: type[Table], line: Timeline) -> Iterator[str]:
    """Compare a mart with its SQL over the published facts."""
    spec = describe(model)
    con.execute(f"USE {_PUBLISHED}")
    try:
        quarters = ", ".join(literal(quarter.id) for quarter in line.quarters)
        statement = query(spec.name).replace("$trimestres", f"[{quarters}]")
        missing, surplus = _differences(con, typed(spec, f"({statement})"), typed(spec, spec.name))
    finally:
        con.execute("USE memory")
    if missing or surplus:
        yield f"{spec.name}: {max(missing, surplus)} rows are not what the facts give: {_REBUILD}"


def _differences(con: duckdb.DuckDBPyConnection, expected: str, found: str) -> tuple[int, int]:
    """Rows of the first query that the second lacks, and the other way round; duplicates count."""
    missing = one(con, f"SELECT count(*) FROM (({expected}) EXCEPT ALL ({found}))")[0]
    surplus = one(con, f"SELECT count(*) FROM (({found}) EXCEPT ALL ({expected}))")[0]
    return int(missing), int(surplus)
