"""``run`` with files that change the history and not the current figures: its summary says which of the two it did."""

from __future__ import annotations

from pathlib import Path

import pytest

from mcf_pipeline_tests.commands.terminal import mcf_here
from mcf_pipeline_tests.conftest import made_once
from mcf_pipeline_tests.exports import csv_bytes, lean_quarter, parquet_bytes


def lines(day: str, **changes: str) -> list[dict[str, str]]:
    """A release of a day; `changes` are cells of its first quarter."""
    entries = [*lean_quarter("2024-T1", **changes), *lean_quarter("2024-T2")]
    return [entry | {"date_chargement": day} for entry in entries]


@pytest.fixture(scope="module")
def said(tmp_path_factory) -> dict[str, str]:
    """What each of some runs printed, one after the other on one data directory."""
    return made_once(tmp_path_factory, "history", told)


def told(folder: Path) -> dict[str, str]:
    files = {
        "first": ("a.csv", csv_bytes(lines("2026-07-08"))),
        "again": ("a.csv", csv_bytes(lines("2026-07-08"))),
        "other format": ("a.parquet", parquet_bytes(lines("2026-07-08"))),
        "other day": ("b.csv", csv_bytes(lines("2026-08-08"))),
        "older": ("c.csv", csv_bytes(lines("2026-04-08", nb_titulaires="8"))),
        "newer": ("d.csv", csv_bytes(lines("2026-10-08", nb_titulaires="7"))),
        "withdrawn": ("b.csv", csv_bytes(lines("2026-08-08"))),
    }
    found = {}
    for name, (file, content) in files.items():
        (folder / file).write_bytes(content)
        answer = mcf_here("run", "--source", folder / file, "--data-dir", folder / "data")
        assert answer.code == 0, answer.err
        found[name] = " ".join(answer.out.split())
    return found


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("first", "Release 2026-07-08: 2 quarters new, 0 changed, 0 unchanged."),
        ("again", "Nothing new: unchanged (sha256: the bytes are those of release 2026-07-08)."),
        ("other format", "Nothing new: the figures are those of release 2026-07-08, which is archived already."),
        ("other day", "Release 2026-08-08 has the same figures as release 2026-07-08: it was added to the history;"),
        (
            "older",
            "Older release 2026-04-08 added to the history; current figures unchanged: they are those of release",
        ),
        ("newer", "Release 2026-10-08: 0 quarters new, 1 changed, 1 unchanged."),
        (
            "withdrawn",
            "Nothing new: unchanged (sha256: the bytes are those of release 2026-08-08). Nothing was materialized. The "
            "source offers release 2026-08-08 again, which is older than the current release 2026-10-08.",
        ),
    ],
)
def test_the_first_line_says_what_happened(said, name, line):
    assert said[name].startswith(line)


def test_only_a_source_that_goes_back_is_said_to(said):
    assert [name for name, text in said.items() if "offers release" in text] == ["withdrawn"]
