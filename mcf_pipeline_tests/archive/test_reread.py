"""Reading archived exports again: what ingest accepted is accepted, what it would refuse by now is refused."""

from __future__ import annotations

import dataclasses
import json

import pytest

from mcf_pipeline.archive.manifest import FILE_NAME, _checksum
from mcf_pipeline.archive.reread import reread
from mcf_pipeline.archive.split import BATCH_LINES, split
from mcf_pipeline.archive.store import Archive
from mcf_pipeline.contract.source import SourceField
from mcf_pipeline.contract.source_map import SourceMap
from mcf_pipeline.errors import ArchiveError, ContractError
from mcf_pipeline_tests.exports import LABELS, LEAN, archive_in, csv_bytes, ingest, lean, lean_quarter, listing, sender

LINES = [*lean_quarter("2024-T1"), *lean_quarter("2024-T2"), lean("2024-T2", region="Breizh", nb_dossiers="99")]
CODES = {name: f"c_{place:03}" for place, name in enumerate(LEAN)}
FIELDS = tuple(
    SourceField(CODES[name], LABELS.get(name, "Montant financé par l'État"), f"Colonne {place}")
    for place, name in enumerate(LEAN)
)
"""Technical names that say nothing: only the portal's labels tell what the columns are."""


@pytest.fixture
def archive(tmp_path) -> Archive:
    found = archive_in(tmp_path / "data")
    ingest(found, LINES, "2026-07-08")
    return found


def mapped(archive: Archive, tmp_path, toml: str) -> Archive:
    """The same archive under a source map."""
    path = tmp_path / "map.toml"
    path.write_text(toml, encoding="utf-8")
    return Archive(archive.data_dir, source_map=SourceMap.load(path))


BREIZH = '[modalities.region]\n"Breizh" = "53"\n'
"""Makes two lines of one region of 2024-T2 one key; their figures differ."""


def test_reading_again_by_the_same_rules_changes_nothing(archive):
    before = listing(archive.data_dir.root)
    assert reread(archive) == []
    assert listing(archive.data_dir.root) == before


@pytest.mark.parametrize("header", [CODES, LABELS | {"part_etat": "Montant financé par l'État"}])
def test_a_release_that_was_recognised_by_the_portals_labels_can_be_read_again(tmp_path, header):
    """Version 0.1 archived such a release and could not rebuild from it."""
    archive = archive_in(tmp_path)
    manifest = archive.ingest(sender(csv_bytes(LINES, names=header), fields=FIELDS)).manifest
    assert {c.canonical for c in manifest.columns} == set(LEAN)
    assert [c.description for c in manifest.columns] == [f"Colonne {place}" for place in range(len(LEAN))]
    before = listing(tmp_path)
    assert reread(archive) == []
    assert listing(tmp_path) == before


def test_a_release_that_version_0_1_archived_by_its_labels_can_be_read_again(tmp_path):
    archive = archive_in(tmp_path)
    manifest = archive.ingest(sender(csv_bytes(LINES, names=CODES), fields=FIELDS)).manifest
    path = archive.data_dir.releases / manifest.release_id / FILE_NAME
    old = json.loads(path.read_text())
    del old["checksum"]
    old["manifest_format"] = 1
    for column in old["columns"]:
        del column["label"], column["description"]
    path.write_text(json.dumps(old | {"checksum": _checksum(old)}))
    before = listing(tmp_path)
    assert reread(archive) == []
    assert listing(tmp_path) == before


FUNDED = [entry | {"zz_42": "5"} for entry in LINES]
EMPLOYERS = '[columns]\npart_entreprises = "zz_42"\n'


def test_a_column_that_is_mapped_later_counts_for_the_past(tmp_path):
    archive = archive_in(tmp_path / "data")
    before = ingest(archive, FUNDED).manifest
    other = mapped(archive, tmp_path, EMPLOYERS)
    assert reread(other) == ["2026-10-08"]
    assert reread(other) == []
    (after,) = other.manifests()
    assert after.quarters.keys() == before.quarters.keys()
    assert not {c.sha256 for c in after.quarters.values()} & {c.sha256 for c in before.quarters.values()}
    assert after == dataclasses.replace(
        before, columns=after.columns, quarters=after.quarters, lines_sha256=after.lines_sha256
    )
    assert other.damaged(after) == []


def test_lines_that_an_override_makes_contradict_each_other_are_refused_and_the_archive_stays(archive, tmp_path):
    """The later line was dropped as an exact duplicate of the first, though its figures differ."""
    before = listing(archive.data_dir.root)
    with pytest.raises(ContractError, match=r"lines 7 and 12 have the same quarter.*different figures") as caught:
        reread(mapped(archive, tmp_path, BREIZH))
    assert caught.value.rule == "doublons_en_conflit"
    assert listing(archive.data_dir.root) == before


def test_the_same_override_refuses_them_at_ingest(archive, tmp_path):
    other = mapped(archive, tmp_path, BREIZH)
    before = listing(archive.data_dir.root)
    with pytest.raises(ContractError, match=r"lines 7 and 12 have the same quarter"):
        ingest(other, LINES, "2026-10-08")
    assert listing(archive.data_dir.root) == before


def test_lines_that_an_override_makes_equal_are_no_contradiction(tmp_path):
    archive = archive_in(tmp_path / "data")
    ingest(archive, [lean(), lean(region="Breizh"), lean(region="Corse")])
    # No error; and the release is known to be read differently, by what its manifest says of each region.
    assert reread(mapped(archive, tmp_path, BREIZH)) == ["2026-10-08"]


@pytest.mark.parametrize("remove", ["*.parquet", "*.sha256"])
def test_quarters_that_were_lost_are_written_again(archive, remove):
    before = listing(archive.data_dir.root)
    for path in archive.data_dir.quarters.rglob(remove):
        path.unlink()
    assert reread(archive) == []
    assert listing(archive.data_dir.root) == before


def test_line_numbers_that_were_damaged_are_written_again(archive):
    before = listing(archive.data_dir.root)
    archive.lines_file("2026-07-08").write_bytes(b"PAR1")
    assert reread(archive) == []
    assert listing(archive.data_dir.root) == before


@pytest.mark.parametrize("damage", [lambda kept: kept.unlink(), lambda kept: kept.write_bytes(kept.read_bytes()[:-9])])
def test_an_export_that_is_lost_or_damaged_cannot_be_read_again(archive, damage):
    damage(archive.data_dir.releases / "2026-07-08" / "export.csv.gz")
    with pytest.raises(ArchiveError, match="restore it from a copy"):
        reread(archive)


def test_an_export_that_is_another_one_cannot_be_read_again(archive, tmp_path):
    other = archive_in(tmp_path / "other")
    ingest(other, LINES[:-1], "2026-07-08")
    place = ("2026-07-08", "export.csv.gz")
    archive.data_dir.releases.joinpath(*place).write_bytes(other.data_dir.releases.joinpath(*place).read_bytes())
    with pytest.raises(ArchiveError, match="is not what was archived"):
        reread(archive)


def test_a_release_that_repeats_the_one_before_it_follows_it(tmp_path):
    archive = archive_in(tmp_path / "data")
    before = ingest(archive, FUNDED, "2026-08-08").manifest
    assert ingest(archive, FUNDED, "2026-09-08").manifest.export is None
    other = mapped(archive, tmp_path, EMPLOYERS)
    assert reread(other) == ["2026-08-08", "2026-09-08"]
    first, second = other.manifests()
    assert second.same_content(first)
    assert not second.same_content(before)


@pytest.mark.parametrize("most", [1, BATCH_LINES])
def test_a_contradiction_in_a_later_quarter_leaves_nothing_of_the_earlier_ones(tmp_path, monkeypatch, most):
    monkeypatch.setattr("mcf_pipeline.archive.understanding.split", lambda *args: split(*args, most=most))
    archive = archive_in(tmp_path)
    conflict = [*lean_quarter("2024-T1"), *lean_quarter("2024-T2"), lean("2024-T2", nb_dossiers="99")]
    with pytest.raises(ContractError, match="lines 7 and 12"):
        ingest(archive, conflict)
    assert listing(tmp_path) == {}
