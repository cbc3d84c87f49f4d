"""A manifest reads back as what was written, or not at all."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mcf_pipeline.archive.manifest import FILE_NAME, Manifest, ManifestColumn, QuarterContent, _checksum
from mcf_pipeline.contract.source import SourceField
from mcf_pipeline.errors import ArchiveError
from mcf_pipeline_tests.archive.manifests import manifest

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
HASHES = st.text("0123456789abcdef", min_size=64, max_size=64)
MOMENTS = st.datetimes(dt.datetime(2020, 1, 1), dt.datetime(2100, 1, 1), timezones=st.just(dt.UTC))
COUNTS = st.integers(0, 2**70)
MANIFESTS = st.builds(
    Manifest,
    release_id=st.dates(dt.date(2020, 1, 1)).map(str),
    url=TEXTS,
    retrieved_at=MOMENTS,
    data_processed=st.none() | MOMENTS,
    export=st.none() | TEXTS,
    format=st.sampled_from(["csv", "parquet"]),
    rows=COUNTS,
    bytes=COUNTS,
    sha256=HASHES,
    lines_sha256=HASHES,
    columns=st.lists(st.builds(ManifestColumn, TEXTS, *[st.none() | TEXTS] * 4), max_size=4).map(tuple),
    quarters=st.dictionaries(TEXTS, st.builds(QuarterContent, HASHES, COUNTS, COUNTS), max_size=4),
    unreadable_rows=COUNTS,
    licence=st.none() | TEXTS,
    is_synthetic=st.booleans(),
)


def written(folder, found: Manifest):
    path = folder / FILE_NAME
    path.write_bytes(found.to_json())
    return path


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(MANIFESTS)
def test_every_manifest_reads_back_as_it_was(tmp_path, found):
    written(tmp_path, found)
    assert Manifest.read(tmp_path) == found


def test_a_flipped_bit_anywhere_is_found(tmp_path):
    """In every byte: names, numbers, texts, hashes, punctuation, blanks and the checksum itself."""
    path = written(tmp_path, manifest("2026-10-08", at="04:00", quarters="ab"))
    whole = path.read_bytes()
    unseen = []
    for position in range(len(whole)):
        damaged = bytearray(whole)
        damaged[position] ^= 1 << position % 8
        path.write_bytes(damaged)
        try:
            Manifest.read(tmp_path)
            unseen.append(position)
        except ArchiveError:
            pass
    assert unseen == []


@pytest.mark.parametrize("part", range(10))
def test_a_manifest_that_is_cut_is_found(tmp_path, part):
    path = written(tmp_path, manifest("2026-10-08", quarters="a"))
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) * part // 10])
    with pytest.raises(ArchiveError, match=r"manifest\.json is damaged"):
        Manifest.read(tmp_path)


@pytest.mark.parametrize("text", ["null", "1", '"text"', "[]", "{}", '{"checksum": 1}', "\xff"])
def test_anything_but_a_manifest_is_found(tmp_path, text):
    (tmp_path / FILE_NAME).write_text(text, encoding="latin-1")
    with pytest.raises(ArchiveError, match="restore it from a copy"):
        Manifest.read(tmp_path)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("rows", 11),
        ("release_id", "2026-10-09"),
        ("is_synthetic", True),
        ("export", None),
        ("quarters", {}),
        ("manifest_format", 1),
    ],
)
def test_a_value_that_was_edited_by_hand_is_found(tmp_path, name, value):
    path = written(tmp_path, manifest("2026-10-08", quarters="a"))
    path.write_text(json.dumps(json.loads(path.read_text()) | {name: value}))
    with pytest.raises(ArchiveError, match="its checksum does not match"):
        Manifest.read(tmp_path)


def test_layout_and_order_of_the_file_mean_nothing(tmp_path):
    found = manifest("2026-10-08", quarters="ab")
    path = written(tmp_path, found)
    path.write_text(json.dumps(dict(reversed(json.loads(path.read_text()).items()))))
    assert Manifest.read(tmp_path) == found


def test_a_missing_manifest_says_what_to_do(tmp_path):
    with pytest.raises(ArchiveError, match="is missing: restore the folder, or remove it"):
        Manifest.read(tmp_path)


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        (manifest("2026-07-08"), manifest("2026-10-08")),
        (manifest("2026-10-08"), manifest("2026-10-08-2")),
        (manifest("2026-10-08-9"), manifest("2026-10-08-10")),
        (manifest("2026-10-08-2", at="04:00"), manifest("2026-10-08", at="05:00")),
        (manifest("2026-10-08"), manifest("2026-10-08-2", at="04:00")),
        (manifest("2026-10-08-2", at="23:59"), manifest("2026-10-09")),
    ],
)
def test_releases_are_ordered_by_day_then_the_portals_time_then_number(earlier, later):
    assert earlier.time_order < later.time_order


def test_the_same_quarters_are_the_same_content_whatever_the_file():
    other = manifest("2026-10-08", quarters="ab", sha256="0" * 64, format="parquet", bytes=1)
    assert manifest("2026-07-08", quarters="ab").same_content(other)


@pytest.mark.parametrize("quarters", ["ac", "a", "ab-d", "-b", ""])
def test_another_content_of_any_quarter_is_another_content(quarters):
    assert not manifest("2026-07-08", quarters="ab").same_content(manifest("2026-10-08", quarters=quarters))


# -- format 1, of version 0.1 ---------------------------------------------------------------------------------

FORMAT_1 = Path(__file__).parent / "format_1"
"""As version 0.1 wrote it."""


def test_a_manifest_of_format_1_is_read():
    columns = (
        ManifestColumn("Région", "region", "synonym"),
        ManifestColumn("c_007", "situation", "label"),
        ManifestColumn("inconnue", None, None),
    )
    found = Manifest.read(FORMAT_1)
    assert found == manifest("2026-10-08", at="04:00", quarters="ab", columns=columns)
    # What the portal's labels had said is not lost: a column that was recognised by one keeps its meaning.
    assert found.fields == (SourceField("Région"), SourceField("c_007", "situation"), SourceField("inconnue"))


def test_it_is_written_again_in_format_3(tmp_path):
    path = written(tmp_path, Manifest.read(FORMAT_1))
    assert json.loads(path.read_text())["manifest_format"] == 3
    assert Manifest.read(tmp_path) == Manifest.read(FORMAT_1)


def test_a_manifest_of_format_1_that_was_changed_is_found(tmp_path):
    content = json.loads((FORMAT_1 / FILE_NAME).read_text()) | {"rows": 11}
    (tmp_path / FILE_NAME).write_text(json.dumps(content))
    with pytest.raises(ArchiveError, match="its checksum does not match"):
        Manifest.read(tmp_path)


def test_a_manifest_of_a_format_to_come_is_left_alone(tmp_path):
    content = json.loads((FORMAT_1 / FILE_NAME).read_text()) | {"manifest_format": 4}
    del content["checksum"]
    (tmp_path / FILE_NAME).write_text(json.dumps(content | {"checksum": _checksum(content)}))
    with pytest.raises(ArchiveError, match="a newer version of mcf-pipeline"):
        Manifest.read(tmp_path)


def test_labels_and_descriptions_are_kept(tmp_path):
    columns = (ManifestColumn("c1", "region", "label", "Région", "de résidence"),)
    found = manifest("2026-10-08", columns=columns)
    written(tmp_path, found)
    assert Manifest.read(tmp_path).fields == (SourceField("c1", "Région", "de résidence"),)
