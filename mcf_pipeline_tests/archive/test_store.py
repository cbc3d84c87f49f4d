"""Ingesting releases: what is kept, what is recognised as known, what is refused and leaves no trace."""

from __future__ import annotations

import datetime as dt
import gzip
import json
import shutil
from pathlib import Path

import pytest

from mcf_pipeline.archive.store import Archive
from mcf_pipeline.errors import ArchiveError, ContractError, HeldReleaseError, SourceError, UsageError
from mcf_pipeline.files import sha256_of
from mcf_pipeline.quarter import Quarter
from mcf_pipeline_tests.exports import (
    TODAY,
    Line,
    archive_in,
    csv_bytes,
    ingest,
    lean,
    lean_quarter,
    listing,
    parquet_bytes,
    sender,
)

FIRST: list[Line] = [*lean_quarter("2024-T1"), *lean_quarter("2024-T2")]
SECOND: list[Line] = [*FIRST, *lean_quarter("2024-T3")]
REVISED: list[Line] = [*lean_quarter("2024-T1"), *lean_quarter("2024-T2", statut_dossier="Rejeté")]


def ids(archive: Archive) -> list[str]:
    return [manifest.release_id for manifest in archive.manifests()]


def applied(archive: Archive) -> list[str]:
    return [manifest.release_id for manifest in archive.timeline().releases]


@pytest.fixture
def archive(tmp_path) -> Archive:
    return archive_in(tmp_path)


@pytest.fixture(scope="module")
def filled_once(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("filled")
    ingest(archive_in(folder), FIRST, "2026-07-08")
    return folder


@pytest.fixture
def filled(filled_once, tmp_path) -> Archive:
    """An archive with one release."""
    shutil.copytree(filled_once, tmp_path, dirs_exist_ok=True)
    return archive_in(tmp_path)


# -- what is kept ----------------------------------------------------------------------------------------


def test_a_release_is_kept_as_received_with_everything_that_is_known_of_it(archive):
    content = csv_bytes(FIRST)
    intake = archive.ingest(sender(content, day="2026-10-08", at="04:12", records_count=10))
    folder = archive.data_dir.releases / "2026-10-08"
    assert intake.is_new
    assert sorted(path.name for path in folder.iterdir()) == ["export.csv.gz", "lignes.parquet", "manifest.json"]
    assert gzip.decompress((folder / "export.csv.gz").read_bytes()) == content
    found = intake.manifest
    assert (found.release_id, found.rows, found.bytes) == ("2026-10-08", 10, len(content))
    assert found.data_processed == dt.datetime(2026, 10, 8, 4, 12, tzinfo=dt.UTC)
    assert (found.retrieved_at, found.url, found.licence) == (
        TODAY,
        "https://portail.invalid/exports",
        "Licence Ouverte v2.0",
    )
    assert found.lines_sha256 == sha256_of(folder / "lignes.parquet")
    assert [(c.source, c.canonical) for c in found.columns][:2] == [("trimestre", "trimestre"), ("region", "region")]
    assert {quarter: content.rows for quarter, content in found.quarters.items()} == {"2024-T1": 5, "2024-T2": 5}
    assert archive.manifests() == [found]


def test_every_quarter_of_a_release_lies_where_its_hash_says(filled):
    (manifest,) = filled.manifests()
    for quarter, content in manifest.quarters.items():
        assert filled.quarter_file(Quarter.parse(quarter), content.sha256).is_file()


def test_a_parquet_export_is_kept_byte_for_byte(archive):
    content = parquet_bytes(FIRST)
    intake = archive.ingest(sender(content, format="parquet"))
    assert (archive.data_dir.releases / "2026-10-08" / "export.parquet").read_bytes() == content
    assert intake.manifest.format == "parquet"


def test_nothing_is_left_of_the_intake(filled):
    assert not filled.data_dir.incoming.exists()


def test_the_next_release_adds_its_quarter_and_leaves_the_rest_as_it_was(filled):
    before = listing(filled.data_dir.root)
    ingest(filled, SECOND, "2026-10-08")
    after = listing(filled.data_dir.root)
    assert {name: after[name] for name in before} == before
    quarters = [name for name in after.keys() - before.keys() if name.startswith("raw/quarters")]
    assert {name.split("/")[2] for name in quarters} == {"2024-T3"}
    assert applied(filled) == ["2026-07-08", "2026-10-08"]


NO_DAYS = ("", "hier", "infinity", "10000-1-1", "9999-12-31", "1999-12-31", "../../etc")


@pytest.mark.parametrize(
    ("data_processed", "loaded", "modified", "expected"),
    [
        ("2026-10-08", ["2026-09-30"], dt.date(2026, 9, 1), "2026-10-08"),
        (None, ["2026-09-29T00:00:00+00:00", *NO_DAYS, "2026-09-30"], dt.date(2026, 9, 1), "2026-09-30"),
        (None, ["30/09/2026"], dt.date(2026, 9, 1), "2026-09-30"),
        (None, NO_DAYS, dt.date(2026, 9, 1), "2026-09-01"),
        (None, NO_DAYS, None, "2026-11-02"),
    ],
    ids=["the portal's", "of loading", "of loading, in French", "the file's", "today's"],
)
def test_the_day_that_a_release_is_known_by(archive, data_processed, loaded, modified, expected):
    content = csv_bytes([lean(region=f"R{i}", date_chargement=day) for i, day in enumerate(loaded)])
    intake = archive.ingest(sender(content, day=data_processed, suggested_day=modified))
    assert intake.manifest.release_id == expected
    assert ids(archive) == [expected]


# -- what is known already -------------------------------------------------------------------------------


def test_the_same_bytes_again_change_nothing(filled):
    before = listing(filled.data_dir.root)
    assert not ingest(filled, FIRST, "2026-07-08").is_new
    assert listing(filled.data_dir.root) == before


def test_the_same_content_in_another_order_at_the_same_time_changes_nothing(filled):
    before = listing(filled.data_dir.root)
    intake = ingest(filled, FIRST[::-1], "2026-07-08")
    assert (intake.is_new, intake.manifest.release_id) == (False, "2026-07-08")
    assert listing(filled.data_dir.root) == before


def test_the_same_file_by_hand_again_changes_nothing(archive):
    fetch = sender(csv_bytes(FIRST), day=None, suggested_day=dt.date(2026, 7, 8))
    assert archive.ingest(fetch).is_new
    before = listing(archive.data_dir.root)
    assert not archive.ingest(fetch).is_new
    assert listing(archive.data_dir.root) == before


@pytest.mark.parametrize(
    ("day", "at", "release_id"), [("2026-10-08", "04:00", "2026-10-08"), ("2026-07-08", "09:00", "2026-07-08-2")]
)
def test_the_same_content_at_another_time_of_the_portal_is_remembered_and_tells_nothing(filled, day, at, release_id):
    """Remembered, so that the next look at the portal need not fetch it again."""
    intake = ingest(filled, FIRST[::-1], day, at)
    assert (intake.is_new, intake.manifest.release_id, intake.manifest.export) == (True, release_id, None)
    kept = sorted(path.name for path in (filled.data_dir.releases / release_id).iterdir())
    assert kept == ["lignes.parquet", "manifest.json"]
    assert (ids(filled), applied(filled)) == (["2026-07-08", release_id], ["2026-07-08"])


def test_a_content_taken_back_on_the_same_day_stands_again(filled):
    for at, lines in (("09:00", REVISED), ("10:00", FIRST)):
        ingest(filled, lines, "2026-07-08", at)
    line = filled.timeline()
    assert applied(filled) == ["2026-07-08", "2026-07-08-2", "2026-07-08-3"]
    assert line.latest.same_content(line.releases[0])


def test_a_second_content_on_one_day_gets_a_number(filled):
    assert ingest(filled, REVISED, "2026-07-08", at="09:00").manifest.release_id == "2026-07-08-2"
    assert ingest(filled, SECOND, "2026-07-08", at="10:00").manifest.release_id == "2026-07-08-3"
    assert applied(filled) == ["2026-07-08", "2026-07-08-2", "2026-07-08-3"]


def test_an_older_release_takes_its_place_in_time(filled):
    ingest(filled, REVISED, "2026-04-08")
    assert applied(filled) == ["2026-04-08", "2026-07-08"]


# -- what is refused -------------------------------------------------------------------------------------


def unreachable(folder):
    (folder / "export.part").write_bytes(b"trim")
    raise SourceError("the portal does not answer")


SYNTHETIC = [entry | {"donnees_synthetiques": "oui"} for entry in FIRST]
CONFLICT = [*FIRST, FIRST[0] | {"nb_dossiers": "99"}]
REFUSED = [
    pytest.param(unreachable, SourceError, 3, id="not reachable"),
    pytest.param(sender(b"<html><body>503</body></html>"), ContractError, 4, id="a page"),
    pytest.param(sender(csv_bytes(FIRST).splitlines()[0]), ContractError, 4, id="a header alone"),
    pytest.param(sender(csv_bytes(SECOND), records_count=99), ContractError, 4, id="cut"),
    pytest.param(
        sender(csv_bytes([{n: c for n, c in e.items() if n != "genre"} for e in SECOND])),
        ContractError,
        4,
        id="a missing column",
    ),
    pytest.param(sender(csv_bytes([lean("2019-T1")])), ContractError, 4, id="no quarter"),
    pytest.param(sender(csv_bytes(CONFLICT)), ContractError, 4, id="lines that contradict each other"),
    pytest.param(sender(csv_bytes(SYNTHETIC)), UsageError, 2, id="made-up data beside real data"),
]


@pytest.mark.parametrize(("fetch", "error", "exit_code"), REFUSED)
def test_what_is_refused_leaves_the_archive_as_it_was(filled, fetch, error, exit_code):
    before = listing(filled.data_dir.root)
    with pytest.raises(error) as caught:
        filled.ingest(fetch)
    assert type(caught.value).exit_code == exit_code
    assert listing(filled.data_dir.root) == before
    assert not filled.data_dir.incoming.exists()


def test_real_data_beside_made_up_data_is_refused(archive):
    ingest(archive, SYNTHETIC, "2026-07-08")
    with pytest.raises(UsageError, match="this release is real and the data directory holds synthetic ones"):
        ingest(archive, SECOND, "2026-10-08")
    assert ids(archive) == ["2026-07-08"]


def test_a_data_directory_that_is_a_file_is_refused_before_anything_is_fetched(tmp_path):
    (tmp_path / "data").write_text("")
    with pytest.raises(UsageError, match="cannot be written"):
        archive_in(tmp_path / "data").ingest(unreachable)


def test_what_a_killed_intake_left_behind_is_removed(filled):
    left = filled.data_dir.incoming / "tmpabc" / "release"
    left.mkdir(parents=True)
    (left / "export.csv.gz").write_bytes(b"half")
    before = [name for name in listing(filled.data_dir.root) if "incoming" not in name]
    ingest(filled, FIRST, "2026-07-08")
    assert list(listing(filled.data_dir.root)) == before


def test_a_release_killed_before_its_rename_is_taken_in_whole_the_next_time(filled):
    """Its quarters are stored, its folder is not: the state just before the one rename."""
    whole = archive_in(filled.data_dir.root / "other")
    ingest(whole, SECOND, "2026-10-08")
    orphan = whole.data_dir.quarters / "2024-T3"
    orphan.rename(filled.data_dir.quarters / "2024-T3")
    assert ingest(filled, SECOND, "2026-10-08").is_new
    assert applied(filled) == ["2026-07-08", "2026-10-08"]


def test_a_damaged_manifest_stops_every_reading(filled):
    path = filled.data_dir.releases / "2026-07-08" / "manifest.json"
    path.write_bytes(path.read_bytes()[:-10])
    for reading in (filled.manifests, filled.timeline, lambda: ingest(filled, SECOND, "2026-10-08")):
        with pytest.raises(ArchiveError, match="is damaged"):
            reading()


def test_two_lines_without_a_readable_quarter_cannot_contradict_each_other(archive):
    lines = [
        *(lean(region=f"R{i}") for i in range(198)),
        lean("2019-T1", nb_dossiers="1"),
        lean("2019-T2", nb_dossiers="2"),
    ]
    assert ingest(archive, lines).manifest.unreadable_rows == 2


# -- what is held ----------------------------------------------------------------------------------------

VANISHED = [entry for entry in SECOND if entry["trimestre"] != "2024-T1"]
FEWER_LINES = [
    entry
    for entry in SECOND
    if (entry["trimestre"], entry["region"]) not in {("2024-T1", "Bretagne"), ("2024-T1", "Corse")}
]
FEWER_DOSSIERS = [entry | ({"nb_dossiers": "6"} if entry["trimestre"] == "2024-T2" else {}) for entry in SECOND]


@pytest.mark.parametrize(
    ("lines", "rule", "shrunk"),
    [
        pytest.param(VANISHED, "trimestre_disparu", r"2024-T1 vanished \(5 lines before\)", id="a quarter"),
        pytest.param(FEWER_LINES, "trimestre_retreci", r"2024-T1 lost 40% of its lines \(5 to 3\)", id="lines"),
        pytest.param(
            FEWER_DOSSIERS, "trimestre_retreci", r"2024-T2 lost 40% of its dossiers \(50 to 30\)", id="dossiers"
        ),
    ],
)
def test_a_release_that_lost_known_data_is_archived_and_waits_until_it_is_accepted(filled, lines, rule, shrunk):
    with pytest.raises(HeldReleaseError, match=shrunk) as caught:
        ingest(filled, lines, "2026-10-08")
    assert (caught.value.rule, caught.value.release_id, caught.value.exit_code) == (rule, "2026-10-08", 4)
    assert "--accept-release 2026-10-08" in str(caught.value)
    assert (ids(filled), applied(filled)) == (["2026-07-08", "2026-10-08"], ["2026-07-08"])
    filled.accept("2026-10-08")
    assert (filled.held(), applied(filled)) == ({}, ["2026-07-08", "2026-10-08"])


@pytest.fixture(scope="module")
def holding_once(filled_once, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("holding")
    shutil.copytree(filled_once, folder, dirs_exist_ok=True)
    with pytest.raises(HeldReleaseError):
        ingest(archive_in(folder), VANISHED, "2026-10-08")
    return folder


@pytest.fixture
def holding(holding_once, tmp_path) -> Archive:
    """An archive with a held release."""
    shutil.copytree(holding_once, tmp_path, dirs_exist_ok=True)
    return archive_in(tmp_path)


def test_a_held_release_sent_again_waits_still(holding):
    before = listing(holding.data_dir.root)
    with pytest.raises(HeldReleaseError, match="2026-10-08 is archived but not applied"):
        ingest(holding, VANISHED, "2026-10-08")
    assert listing(holding.data_dir.root) == before


def test_an_accepted_release_sent_again_stays_accepted(holding):
    holding.accept("2026-10-08")
    assert not ingest(holding, VANISHED, "2026-10-08").is_new
    assert applied(holding) == ["2026-07-08", "2026-10-08"]


def test_the_release_after_a_held_one_is_compared_with_the_last_that_was_applied(holding):
    ingest(holding, SECOND, "2026-10-15")
    assert applied(holding) == ["2026-07-08", "2026-10-15"]


def test_accepting_a_release_that_is_not_held_changes_nothing(filled):
    before = listing(filled.data_dir.root)
    filled.accept("2026-07-08")
    assert listing(filled.data_dir.root) == before


@pytest.mark.parametrize("release_id", ["2026-10-08", "", ".", "../releases/2026-07-08"])
def test_accepting_what_is_no_release_is_refused_with_what_there_is(filled, release_id):
    with pytest.raises(UsageError, match=r"no release .* it holds: 2026-07-08"):
        filled.accept(release_id)


def test_what_a_release_was_accepted_in_spite_of_is_kept_with_it(holding):
    assert [str(entry) for entry in holding.held()["2026-10-08"]] == ["2024-T1 vanished (5 lines before)"]
    holding.accept("2026-10-08")
    note = json.loads((holding.data_dir.releases / "2026-10-08" / "accepted.json").read_text())
    assert note == {"accepted_in_spite_of": ["2024-T1 vanished (5 lines before)"]}


def test_a_release_taken_in_late_can_hold_a_newer_one(filled):
    """Just as if it had come in its turn; accepting the newer one applies it again."""
    ingest(filled, SECOND, "2026-10-08")
    grown = [*lean_quarter("2024-T1", 7), *lean_quarter("2024-T2")]
    with pytest.raises(HeldReleaseError, match=r"2026-10-08 .* 2024-T1 lost 29% of its lines \(7 to 5\)"):
        ingest(filled, grown, "2026-09-08")
    assert applied(filled) == ["2026-07-08", "2026-09-08"]
    filled.accept("2026-10-08")
    assert applied(filled) == ["2026-07-08", "2026-09-08", "2026-10-08"]


def test_a_release_taken_in_late_can_let_a_newer_one_apply(filled):
    half = [entry for entry in SECOND if entry["trimestre"] != "2024-T1"]
    with pytest.raises(HeldReleaseError):
        ingest(filled, half, "2026-10-08")
    # An older release without the quarter, accepted by hand: what came after it lost nothing of it.
    with pytest.raises(HeldReleaseError):
        ingest(filled, [entry | {"nb_titulaires": "5"} for entry in half], "2026-09-08")
    filled.accept("2026-09-08")
    assert applied(filled) == ["2026-07-08", "2026-09-08", "2026-10-08"]
