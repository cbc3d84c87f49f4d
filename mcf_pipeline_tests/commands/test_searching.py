"""The search for the key finds it: a search that finds nothing anywhere would prove nothing."""

import base64
import contextlib
import gzip
import sqlite3
import zipfile
import zlib
from urllib.parse import quote

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mcf_pipeline_tests.commands.searching import places_of, texts_with

SECRET = "Kx7/s3cr+t\\'\"=9zQ%20w"
LONG = "x" * 10_000


def in_parquet(path):
    pq.write_table(pa.table({"a": ["b", SECRET] * 1000}), path, compression="zstd")


def in_parquet_metadata(path):
    pq.write_table(pa.table({"a": ["b"]}).replace_schema_metadata({"k": SECRET}), path)


def in_sqlite(path):
    with contextlib.closing(sqlite3.connect(path)) as con:
        con.execute("CREATE TABLE t (a TEXT)")
        con.execute("INSERT INTO t VALUES (?)", [LONG + SECRET + LONG])
        con.commit()


def packed_in_sqlite(path):
    with contextlib.closing(sqlite3.connect(path)) as con:
        con.execute("CREATE TABLE t (a BLOB)")
        con.execute("INSERT INTO t VALUES (?)", [zlib.compress((LONG + SECRET).encode())])
        con.commit()


def in_duckdb(path):
    with duckdb.connect(path) as con:
        con.execute("CREATE TABLE t AS SELECT ? || (i % 7) AS a FROM range(100000) AS r(i)", [SECRET])


def in_a_comment_of_duckdb(path):
    with duckdb.connect(path) as con:
        con.execute("CREATE TABLE t (a INTEGER)")
        con.execute(f"COMMENT ON COLUMN t.a IS '{SECRET.replace(chr(39), chr(39) * 2)}'")


def in_zip(path):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.xml", LONG + SECRET)


PLACES = {
    "text": lambda path: path.write_text(f"a {SECRET.swapcase()} b"),
    "URL": lambda path: path.write_text(f"http://x/?key={quote(SECRET, safe='')}"),
    "repr": lambda path: path.write_text(repr({"key": SECRET})),
    "base64 of the header": lambda path: path.write_bytes(base64.b64encode(f"Apikey {SECRET}".encode())),
    "gzip": lambda path: path.write_bytes(gzip.compress(SECRET.encode() * 100)),
    "zip": in_zip,
    "parquet": in_parquet,
    "parquet metadata": in_parquet_metadata,
    "sqlite": in_sqlite,
    "sqlite packed": packed_in_sqlite,
    "duckdb": in_duckdb,
    "duckdb comment": in_a_comment_of_duckdb,
    "name": lambda path: path.with_name(f"{quote(SECRET, safe='')}.txt").touch(),
}


@pytest.mark.parametrize("name", PLACES)
def test_it_is_found_in(tmp_path, name):
    (tmp_path / "below").mkdir()
    PLACES[name](tmp_path / "below" / "file")
    assert places_of(SECRET, tmp_path)
    assert not places_of("another-secret-0123456789", tmp_path)


def test_it_is_found_in_what_was_printed():
    assert texts_with(SECRET, "a", f"b {SECRET!r}", quote(SECRET)) == [f"b {SECRET!r}", quote(SECRET)]
