import datetime as dt
import subprocess
import sys
from dataclasses import dataclass, replace
from itertools import pairwise

from mcf_pipeline.sample.synthetic import SCHEMA, SyntheticRelease
from mcf_pipeline.settings import DataDir, Settings
from mcf_pipeline.sources.base import Source
from mcf_pipeline.sources.sample import SampleSource
from mcf_pipeline.workspace import Workspace


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


def test_the_two_releases_before_the_newest_are_offered_too():
    source = SampleSource()
    days = [each.peek().data_processed.date().isoformat() for each in (*source.earlier(), source)]
    assert days == ["2026-04-08", "2026-07-08", "2026-10-08"]
    assert SampleSource(SyntheticRelease(scale=0.01)).earlier() == ()


@dataclass(frozen=True)
class Small(SampleSource):
    """The same three releases, a hundredth of their size."""

    def earlier(self):
        return tuple(SampleSource(replace(each.release, scale=0.01)) for each in SampleSource().earlier())


def test_one_intake_archives_each_release_once(tmp_path, monkeypatch):
    space = Workspace(Settings(DataDir(tmp_path), source="sample"))
    monkeypatch.setattr(space, "source", lambda: Small(SyntheticRelease(scale=0.01)))
    # As if an earlier run had been killed after the first of them.
    first, *_ = space.source().earlier()
    space.archive.ingest(lambda folder: first.fetch(folder, lambda *_: None))
    kept = space.archive.manifests()[0]
    newest = space.ingest()
    assert newest.is_new
    manifests = space.archive.manifests()
    assert [m.release_id for m in manifests] == ["2026-04-08", "2026-07-08", "2026-10-08"]
    assert manifests[0] == kept
    assert manifests[-1] == newest.manifest
    changed = [
        {q for q, held in after.quarters.items() if before.quarters.get(q) != held}
        for before, after in pairwise(manifests)
    ]
    assert changed == [{"2025-T4", "2026-T1", "2026-T2"}, {"2026-T1", "2026-T2", "2026-T3"}]
    assert not space.ingest().is_new
    assert space.archive.manifests() == manifests


def test_the_same_release_twice_is_the_same_file(tmp_path):
    source = SampleSource(SyntheticRelease(scale=0.01))
    assert fetch(source, tmp_path, []).path.read_bytes() == fetch(source, tmp_path, []).path.read_bytes()


def test_naming_the_source_loads_no_numpy():
    """The command line imports it for every command, help included."""
    code = "import sys, mcf_pipeline.sources.sample; assert not {'numpy', 'pyarrow'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
