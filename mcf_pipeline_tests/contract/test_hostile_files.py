"""Hostile files through the whole intake: what each comes to, exactly.

**Refused**: the class of the error, its rule and a fragment of its one line; the archive is byte for byte as it was.
**Read**: the content is that of the same lines in a plain file.

What does not belong here: the reader alone (`test_reading_hostile`).
"""

from __future__ import annotations

import datetime as dt
import os
from pathlib import Path

import pytest

from mcf_pipeline.archive.manifest import Manifest
from mcf_pipeline.archive.store import Archive
from mcf_pipeline.errors import ContractError, UsageError
from mcf_pipeline.settings import DataDir
from mcf_pipeline_tests.contract.hostile_files import (
    GOOD,
    HEADER,
    LINES,
    READ_FILES,
    RECORDS,
    REFUSED_FILES,
    ROWS,
    SMALL,
    from_file,
)
from mcf_pipeline_tests.contract.outcomes import refused
from mcf_pipeline_tests.exports import csv_bytes, parquet_bytes, sender

# -- a file that is refused ------------------------------------------------------------------------------


@pytest.mark.parametrize("name", REFUSED_FILES)
def test_a_file_is_refused_and_the_archive_stays(archive: Archive, tmp_path: Path, name: str) -> None:
    content, rule, says = REFUSED_FILES[name]
    path = tmp_path / "export.csv"
    path.write_bytes(content)
    refused(archive, from_file(path), ContractError, rule, says)


@pytest.mark.parametrize("tenth", range(10))
def test_a_file_cut_at_every_tenth_is_refused(archive: Archive, tmp_path: Path, tenth: int) -> None:
    path = tmp_path / "export.csv"
    size = len(GOOD) * tenth // 10
    path.write_bytes(GOOD[:size])
    is_header_alone = size <= len(HEADER)
    says = "0 bytes" if size == 0 else "no line after the header" if is_header_alone else "cut"
    rule = "export_vide" if is_header_alone else "export_tronque"
    refused(archive, from_file(path), ContractError, rule, says)


def test_a_file_cut_at_any_byte_of_its_last_line_but_in_the_last_field_is_refused(
    archive: Archive, tmp_path: Path
) -> None:
    path = tmp_path / "export.csv"
    for size in range(len(GOOD) - len(RECORDS[-1].encode()) - 1, GOOD.rindex(b";") + 1):
        path.write_bytes(GOOD[:size])
        refused(archive, from_file(path), ContractError, "export_tronque", "cut")


@pytest.mark.parametrize("cut", [len(RECORDS[-1].encode()) + 2, 3])
def test_nothing_shows_a_cut_between_two_lines_or_within_the_last_field(tmp_path: Path, cut: int) -> None:
    """What a file by path cannot tell, and the portal's number of lines can (but for the last digits of all)."""
    found = Archive(DataDir(tmp_path)).ingest(sender(GOOD[:-cut])).manifest
    assert found.rows == (ROWS if cut == 3 else ROWS - 1)
    if cut != 3:
        other = Archive(DataDir(tmp_path / "other"))
        refused(other, sender(GOOD[:-cut], records_count=ROWS), ContractError, "export_tronque", "is truncated")


@pytest.mark.parametrize(("announced", "rule"), [(ROWS + 1, "export_tronque"), (ROWS - 1, "lignes_en_trop")])
@pytest.mark.parametrize("format", ["csv", "parquet"])
def test_another_number_of_lines_than_announced_is_refused(
    archive: Archive, announced: int, rule: str, format: str
) -> None:
    content = GOOD if format == "csv" else parquet_bytes(LINES)
    fetch = sender(content, format=format, records_count=announced)  # type: ignore[arg-type]
    refused(archive, fetch, ContractError, rule, f"has {ROWS} lines, the source announces")


# -- a file that is read as if it were plain -------------------------------------------------------------


@pytest.mark.parametrize("name", READ_FILES)
def test_a_file_written_otherwise_says_the_same(tmp_path: Path, plain: Manifest, name: str) -> None:
    path = tmp_path / "export.csv"
    path.write_bytes(READ_FILES[name])
    archive = Archive(DataDir(tmp_path / "data"), SMALL)
    manifest = archive.ingest(from_file(path)).manifest
    assert (manifest.rows, manifest.quarters) == (ROWS, plain.quarters)
    assert {p.parent for p in (tmp_path).rglob("*.parquet")} <= {
        *((archive.data_dir.quarters / quarter) for quarter in plain.quarters),
        archive.data_dir.releases / manifest.release_id,
    }


def test_what_the_plain_file_says(plain: Manifest) -> None:
    """So that none of the above can agree in being wrong."""
    dossiers = {"2023-T4": 10 + 11 + 12, "2024-T1": sum(range(10, 20)), "2024-T2": 10}
    assert {q: (c.rows, c.dossiers) for q, c in plain.quarters.items()} == {
        "2023-T4": (4, dossiers["2023-T4"]),
        "2024-T1": (11, dossiers["2024-T1"]),
        "2024-T2": (1, dossiers["2024-T2"]),
    }


# -- a path that is no file ------------------------------------------------------------------------------


def test_a_link_to_a_file_is_followed_and_the_file_stays(tmp_path: Path, plain: Manifest) -> None:
    (tmp_path / "export.csv").write_bytes(GOOD)
    (tmp_path / "link.csv").symlink_to("export.csv")
    found = Archive(DataDir(tmp_path / "data")).ingest(from_file(tmp_path / "link.csv"))
    assert found.manifest.quarters == plain.quarters
    assert (tmp_path / "link.csv").is_symlink()
    assert (tmp_path / "export.csv").read_bytes() == GOOD
    kept = found.manifest.export
    assert kept
    assert not (tmp_path / "data" / "raw" / "releases" / found.manifest.release_id / kept).is_symlink()


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("folder", "it is a directory"),
        ("link to a folder", "it is a directory"),
        ("link to nothing", "No such file"),
        ("link to itself", "symbolic links"),
        ("pipe", "a device or a pipe"),
        ("nothing", "No such file"),
        ("folder/nothing", "No such file"),
        ("a\0b", "not a valid path"),
        ("x" * 5000, "File name too long"),
    ],
)
def test_what_is_no_file_is_no_source(archive: Archive, tmp_path: Path, name: str, says: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "link to a folder").symlink_to("folder")
    (tmp_path / "link to nothing").symlink_to("nowhere")
    (tmp_path / "link to itself").symlink_to("link to itself")
    os.mkfifo(tmp_path / "pipe")
    refused(archive, from_file(tmp_path / name), UsageError, None, says)


# -- the day of a file -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "release_id"),
    [
        ("2026-10-08", "2026-10-08"),
        ("2026-10-08T04:00:00+00:00", "2026-10-08"),
        ("../../../tmp/x", "2026-05-01"),
        ("2026/../..", "2026-05-01"),
        ("9999-12-31", "2026-05-01"),
        ("0001-01-01", "2026-05-01"),
        ("infinity", "2026-05-01"),
        ("-infinity", "2026-05-01"),
        ("=cmd()", "2026-05-01"),
        ("'; DROP TABLE lignes; --", "2026-05-01"),
        ("", "2026-05-01"),
    ],
)
def test_the_day_of_a_file_is_a_day_or_that_of_its_modification(tmp_path: Path, text: str, release_id: str) -> None:
    archive = Archive(DataDir(tmp_path))
    lines = [entry | {"date_chargement": text} for entry in LINES]
    found = archive.ingest(sender(csv_bytes(lines), day=None, suggested_day=dt.date(2026, 5, 1)))
    assert found.manifest.release_id == release_id
    assert [folder.name for folder in archive.data_dir.releases.iterdir()] == [release_id]
