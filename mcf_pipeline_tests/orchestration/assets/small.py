"""Successive small releases: four to six quarters of some two hundred lines, and lines changed by hand.

They end in 2021, since what a run costs is mostly so much per quarter.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path

from mcf_pipeline.quarter import Quarter
from mcf_pipeline.sample.synthetic import SyntheticRelease

FIRST = SyntheticRelease(Quarter(2020, 4), scale=0.05)
"""The release of 2021-01-08: 2020-T1 to 2020-T4. Each one after it adds a quarter and revises two."""


def write_releases(folder: Path, count: int) -> list[Path]:
    """The first releases as CSV, oldest first."""
    folder.mkdir(parents=True, exist_ok=True)
    files, release = [], FIRST
    for _ in range(count):
        files.append(folder / release.file_name)
        release.write_csv(files[-1])
        release = release.next()
    return files


def rewrite(
    source: Path,
    target: Path,
    edits: Iterable[tuple[str, Mapping[str, str]]] = (),
    *,
    day: str | None = None,
    without: str | None = None,
    blank: tuple[str, str] | None = None,
) -> Path:
    """Write a release with some lines changed.

    Args:
        source: a release.
        target: where the new one goes.
        edits: a quarter, and the fields to write into one of its lines; each edit takes another line, and
            never a masked one.
        day: another day of publication.
        without: a quarter to leave out.
        blank: a quarter, and a column to leave blank in all its lines.
    """
    header, *lines = source.read_text(encoding="utf-8-sig").splitlines()
    names = header.split(";")
    waiting = list(edits)
    kept = []
    for line in lines:
        record = dict(zip(names, line.split(";"), strict=True))
        if record["trimestre"] == without:
            continue
        mine = next((edit for edit in waiting if edit[0] == record["trimestre"]), None)
        if mine and record["nb_dossiers"]:
            waiting.remove(mine)
            record |= mine[1]
        if blank and record["trimestre"] == blank[0]:
            record[blank[1]] = ""
        if day:
            record["date_chargement"] = day
        kept.append(";".join(record.values()))
    assert not waiting, "the release has not that many lines that are not masked"
    target.write_bytes("\r\n".join([header, *kept, ""]).encode("utf-8-sig"))
    return target
