"""Verification: the archive against its hashes, and the published warehouse against the archive.

Every problem is one sentence that says which file or quarter, and what to do. Nothing is changed.
"""

from __future__ import annotations

import tempfile
from collections.abc import Generator, Iterator
from pathlib import Path

import duckdb

from mcf_pipeline.archive.manifest import Manifest
from mcf_pipeline.archive.reread import unpack
from mcf_pipeline.archive.split import content_of, is_intact
from mcf_pipeline.archive.store import Archive
from mcf_pipeline.archive.timeline import State, Timeline
from mcf_pipeline.contract.lines import read_lines
from mcf_pipeline.duck import literal, one, scratch
from mcf_pipeline.errors import ArchiveError
from mcf_pipeline.files import sha256_of
from mcf_pipeline.progress import report
from mcf_pipeline.quarter import Quarter
from mcf_pipeline.schemas.base import Table, describe
from mcf_pipeline.schemas.marts import QUARTERLY_MARTS
from mcf_pipeline.schemas.warehouse import FctDossiersHistorique, FctFinancementsHistorique
from mcf_pipeline.tables.staging import is_refused, load_received
from mcf_pipeline.warehouse.ddl import query, typed

_REBUILD = "`mcf-pipeline rebuild` makes the warehouse anew"
_AGAIN = "`mcf-pipeline rebuild` makes it again from the archived export"


def verify_archive(archive: Archive) -> Iterator[str]:
    """Problems of the archive: damaged or missing manifests, exports, line numbers and quarters."""
    manifests: list[Manifest] = []
    folders = sorted(archive.data_dir.releases.glob("[0-9]*")) if archive.data_dir.releases.is_dir() else []
    for folder in folders:
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
            yield f"{path} does not hold what its name says: remove it, then {_AGAIN}"


def verify_warehouse(archive: Archive) -> Iterator[str]:
    """Problems of the published warehouse: states, facts and marts that are not what the archive says."""
    path = archive.data_dir.published_database
    if not path.is_file():
        yield f"there is no warehouse at {path}: `mcf-pipeline run` builds it"
        return
    published = "publie"
    line = archive.timeline(_refused(archive))
    with scratch() as con:
        try:
            con.execute(f"ATTACH {literal(path)} AS {published} (READ_ONLY)")
        except duckdb.Error as error:
            yield f"{path} cannot be opened ({str(error).splitlines()[0]}): {_REBUILD}"
            return
        try:
            yield from _compare(con, published, archive, line)
        finally:
            con.execute(f"DETACH {published}")


def _refused(archive: Archive) -> set[tuple[Quarter, str]]:
    """The contents with too many rejected lines, found out anew: what staging says of them is derived, too."""
    contents = {
        (quarter, state.sha256): state for quarter, states in archive.timeline().states.items() for state in states
    }
    found = set()
    for done, ((quarter, sha256), state) in enumerate(sorted(contents.items(), key=lambda item: item[0])):
        report("read the quarters", done, len(contents))
        with scratch() as con:
            try:
                load_received(con, archive, quarter, state)
            except ArchiveError:
                continue  # told where its state is compared
            (received,) = one(con, "SELECT count(*) FROM recues")
            lines = read_lines(con, "recues", quarter.id, state.since, archive.source_map)
        if is_refused(lines.rejected_lines, received):
            found.add((quarter, sha256))
    report("read the quarters", len(contents), len(contents))
    return found


def _compare(con: duckdb.DuckDBPyConnection, published: str, archive: Archive, line: Timeline) -> Iterator[str]:
    states = [(quarter, state) for quarter in line.quarters for state in line.states[quarter]]
    extra = one(con, f"SELECT count(DISTINCT (trimestre_id, valide_depuis)) FROM {published}.fct_dossiers_historique")
    told = 0
    for done, (quarter, state) in enumerate(states):
        report("verify the warehouse", done, len(states))
        try:
            told += yield from _compare_state(con, published, archive, quarter, state)
        except ArchiveError as error:
            yield str(error)
            told += 1
    report("verify the warehouse", len(states), len(states))
    if extra[0] > told:
        yield f"the warehouse holds {extra[0] - told} states of quarters that the archive does not tell of: {_REBUILD}"
    for model in QUARTERLY_MARTS:
        yield from _compare_mart(con, published, model, line)


def _compare_state(
    con: duckdb.DuckDBPyConnection, published: str, archive: Archive, quarter: Quarter, state: State
) -> Generator[str, None, int]:
    """Compare one state of a quarter, read anew from the archive; gives 1 if it has any line."""
    load_received(con, archive, quarter, state)
    lines = read_lines(con, "recues", quarter.id, state.since, archive.source_map)
    for model, frame in (
        (FctDossiersHistorique, lines.usagers),
        (FctFinancementsHistorique, lines.financements),
    ):
        spec = describe(model)
        con.register("attendues", frame)
        names = [c.name for c in spec.columns if c.name not in ("release_id", "valide_depuis", "valide_jusqua")]
        until = "NULL" if state.until is None else literal(state.until)
        expected = (
            f"SELECT {', '.join(names)}, {literal(state.since)} AS release_id, "
            f"{literal(state.since)} AS valide_depuis, {until} AS valide_jusqua FROM attendues"
        )
        found = (
            f"SELECT {', '.join(names)}, release_id, valide_depuis, valide_jusqua FROM {published}.{spec.name} "
            f"WHERE trimestre_id = {literal(quarter.id)} AND valide_depuis = {literal(state.since)}"
        )
        missing, surplus = _differences(con, expected, found)
        con.unregister("attendues")
        if missing or surplus:
            yield (
                f"{spec.name}, {quarter} as of {state.since}: {missing} rows of the archive are not in the warehouse, "
                f"{surplus} of the warehouse not in the archive: {_REBUILD}"
            )
    return 1 if len(lines.usagers) else 0


def _compare_mart(con: duckdb.DuckDBPyConnection, published: str, model: type[Table], line: Timeline) -> Iterator[str]:
    """Compare a mart with its SQL over the published facts."""
    spec = describe(model)
    con.execute(f"USE {published}")
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
