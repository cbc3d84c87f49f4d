import datetime as dt
import subprocess
import sys

from mcf_pipeline.sample.synthetic import SCHEMA, SyntheticRelease
from mcf_pipeline.sources.base import Source
from mcf_pipeline.sources.sample import SampleSource


def fetch(source: Source, into, steps):
    return source.fetch(into, lambda done, total: steps.append((done, total)))


def test_fetch_puts_the_newest_release_on_disk(tmp_path):
    steps = []
    received = fetch(SampleSource(), tmp_path / "incoming", steps)
    assert received.path == tmp_path / "incoming" / "moncompteformation-les-usagers-synthetique-2026-10-08.csv"
    assert received.format == "csv"
    assert received.data_processed == dt.datetime(2026, 10, 8, 4, 12, tzinfo=dt.UTC)
    assert received.records_count == received.path.read_bytes().count(b"\r\n") - 1
    assert [field.name for field in received.fields] == SCHEMA.names
    assert "synthetique" in received.origin
    assert steps[-1] == (received.path.stat().st_size,) * 2


def test_fetch_gives_the_release_that_was_asked_for(tmp_path):
    release = SyntheticRelease(scale=0.01).next()
    received = fetch(SampleSource(release), tmp_path, [])
    assert received.path.name == release.file_name
    assert received.records_count == release.table().num_rows


def test_the_same_release_twice_is_the_same_file(tmp_path):
    source = SampleSource(SyntheticRelease(scale=0.01))
    assert fetch(source, tmp_path, []).path.read_bytes() == fetch(source, tmp_path, []).path.read_bytes()


def test_naming_the_source_loads_no_numpy():
    """The command line imports it for every command, help included."""
    code = "import sys, mcf_pipeline.sources.sample; assert not {'numpy', 'pyarrow'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
