import datetime as dt
import gzip
import os
import tempfile
from contextlib import contextmanager
from pathlib import Path

import pytest

from mcf_pipeline.errors import ContractError, UsageError
from mcf_pipeline.files import sha256_of
from mcf_pipeline.settings import Limits
from mcf_pipeline.sources.base import Source
from mcf_pipeline.sources.file import FileSource

CSV = b"\xef\xbb\xbftrimestre;nb_dossiers\r\n2024-T1;7\r\n"


def packed(content: bytes) -> bytes:
    """Gzipped, the same bytes at any time: they are part of the tests' names."""
    return gzip.compress(content, mtime=0)


def ignore(done, total):
    pass


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "given" / "export été.csv"
    path.parent.mkdir()
    path.write_bytes(CSV)
    os.utime(path, (1_700_000_000, 1_700_000_000))
    return path


def test_the_file_is_copied_and_left_as_it_was(file, tmp_path):
    steps = []
    source: Source = FileSource(file)
    before = file.stat()
    received = source.fetch(tmp_path / "in", lambda done, total: steps.append((done, total)))
    assert received.path == tmp_path / "in" / "export.csv"
    assert received.path.read_bytes() == CSV == file.read_bytes()
    assert (received.format, received.origin) == ("csv", str(file))
    assert received.suggested_day == dt.date(2023, 11, 14)
    assert (received.data_processed, received.records_count, received.fields) == (None, None, ())
    assert steps == [(len(CSV), len(CSV))]
    assert (file.stat().st_mtime, file.stat().st_ino) == (before.st_mtime, before.st_ino)
    assert list((tmp_path / "in").iterdir()) == [received.path]


def test_peek_is_the_hash_of_what_fetch_gives(file, tmp_path):
    target = tmp_path / "export.csv.gz"
    target.write_bytes(packed(CSV))
    for path in (file, target):
        source = FileSource(path)
        assert source.peek().sha256 == sha256_of(source.fetch(tmp_path / "in", ignore).path)


def test_the_format_is_told_by_the_bytes(tmp_path):
    path = tmp_path / "looks-like.csv"
    path.write_bytes(b"PAR1....PAR1")
    received = FileSource(str(path)).fetch(tmp_path / "in", ignore)
    assert (received.format, received.path.name) == ("parquet", "export.parquet")


def test_gzip_is_unpacked_whatever_its_name(tmp_path):
    path = tmp_path / "export.csv"
    path.write_bytes(packed(CSV[:20]) + packed(CSV[20:]) + b"\0" * 512)
    assert FileSource(path).fetch(tmp_path / "in", ignore).path.read_bytes() == CSV


def test_a_link_to_a_file_is_a_file(file, tmp_path):
    link = tmp_path / "link"
    link.symlink_to(file)
    assert FileSource(link).fetch(tmp_path / "in", ignore).path.read_bytes() == CSV


@pytest.mark.parametrize("kind", ["missing", "directory", "link to a directory", "dangling", "device", "pipe", "nul"])
def test_what_is_no_file_is_refused(tmp_path, kind):
    path = tmp_path / "thing"
    match kind:
        case "directory":
            path.mkdir()
        case "link to a directory":
            path.symlink_to(tmp_path)
        case "dangling":
            path.symlink_to(tmp_path / "nowhere")
        case "device":
            path.symlink_to("/dev/zero")
        case "pipe":
            os.mkfifo(path)
        case "nul":
            path = tmp_path / "a\0b"
    for ask in (FileSource(path).peek, lambda: FileSource(path).fetch(tmp_path / "in", ignore)):
        with pytest.raises(UsageError, match=r"cannot be used as a source .*: name a CSV or Parquet file"):
            ask()
    assert not list((tmp_path / "in").iterdir())


@contextmanager
def as_nobody():
    """As a user who may not read everything; root may."""
    user = os.geteuid()
    if user == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(user)


def test_what_cannot_be_read_is_refused():
    # Nobody may enter pytest's own folders.
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o777)
        path = Path(folder) / "export.csv"
        path.write_bytes(CSV)
        path.chmod(0)
        with as_nobody(), pytest.raises(UsageError, match="Permission denied"):
            FileSource(path).fetch(Path(folder), ignore)


@pytest.mark.parametrize(
    ("content", "limits", "rule", "fragment"),
    [
        (b"", {}, "export_vide", "is empty (0 bytes)"),
        (packed(b""), {}, "export_vide", "unpacks to nothing"),
        (CSV, {"max_bytes": 10}, "limite_depassee", "MCF_LIMIT_MAX_BYTES"),
        (packed(b" " * 2_000_000), {}, "limite_depassee", "MCF_LIMIT_MAX_RATIO"),
        (
            packed(b" " * 2_000_000),
            {"max_ratio": 9999, "max_bytes": 10**6},
            "limite_depassee",
            "MAX_BYTES",
        ),
        (packed(CSV * 9)[:-1], {}, "export_tronque", "in the middle of its gzip"),
        (packed(CSV * 9)[:-8] + b"\0" * 8, {}, "export_tronque", "damaged gzip"),
        (packed(CSV) + b"not gzip", {}, "export_tronque", "damaged gzip"),
        (b"\x1f\x8b and then no gzip", {}, "pas_un_export", "declared as gzip"),
    ],
)
def test_what_is_no_whole_export_is_refused(tmp_path, content, limits, rule, fragment):
    path = tmp_path / "export.csv"
    path.write_bytes(content)
    for ask in (
        FileSource(path, Limits(**limits)).peek,
        lambda: FileSource(path, Limits(**limits)).fetch(tmp_path / "in", ignore),
    ):
        with pytest.raises(ContractError) as caught:
            ask()
        assert caught.value.rule == rule
        assert fragment in str(caught.value)
        assert str(path) in str(caught.value)
    assert not list((tmp_path / "in").iterdir())
