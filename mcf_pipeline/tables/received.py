"""The archived lines of some quarters as received, with their numbers in the release they came with."""

from __future__ import annotations

from collections.abc import Iterable

from mcf_pipeline.archive.split import is_intact
from mcf_pipeline.archive.store import Archive
from mcf_pipeline.duck import literal
from mcf_pipeline.errors import ArchiveError
from mcf_pipeline.tables.snapshot import QuarterState


def by_columns(archive: Archive, states: Iterable[QuarterState]) -> list[list[QuarterState]]:
    """States whose archived lines have the same columns, together.

    Raises:
        ArchiveError: archived lines are missing or damaged.
    """
    import pyarrow.parquet as pq

    groups: dict[tuple[str, ...], list[QuarterState]] = {}
    for quarter, state in states:
        path = archive.quarter_file(quarter, state.sha256)
        if not is_intact(path):
            raise _damaged(path)
        groups.setdefault(tuple(pq.read_schema(path).names), []).append((quarter, state))
    return list(groups.values())


def received_sql(archive: Archive, states: Iterable[QuarterState]) -> str:
    """SQL: the lines of some states, whose columns are the same (`by_columns`).

    They have `release_id`, `trimestre_id`, `numero_ligne`, `rang`, and each column as received.

    Raises:
        ArchiveError: a release's line numbers are missing or damaged.
    """
    by_release: dict[str, list[str]] = {}
    for quarter, state in states:
        by_release.setdefault(state.since, []).append(literal(archive.quarter_file(quarter, state.sha256)))
    queries = []
    for release_id, files in by_release.items():
        numbers = archive.lines_file(release_id)
        if not archive.lines_are_intact(release_id):
            raise _damaged(numbers)
        queries.append(
            f"SELECT {literal(release_id)} AS release_id, trimestre_id, numero_ligne, "
            f"lignes.* EXCLUDE (trimestre_id) FROM read_parquet([{', '.join(files)}]) AS lignes "
            f"JOIN read_parquet({literal(numbers)}) AS numeros USING (trimestre_id, rang)"
        )
    return " UNION ALL ".join(queries)


def _damaged(path: object) -> ArchiveError:
    return ArchiveError(
        f"{path} is missing or damaged: `mcf-pipeline rebuild` rebuilds it from the archived export "
        "(`mcf-pipeline verify` lists all such files)"
    )
