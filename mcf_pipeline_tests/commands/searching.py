"""Looking for a text in everything that a folder holds, whatever the form: opened, unpacked and decoded."""

from __future__ import annotations

import base64
import contextlib
import gzip
import html
import json
import sqlite3
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, quote_plus

import duckdb
import pyarrow.parquet as pq


def forms(secret: str) -> dict[bytes, str]:
    """How a text may be written, in lower case, and what each form is called."""
    found = {secret: "raw", quote(secret, safe=""): "URL", quote(secret): "path", quote_plus(secret): "query"}
    found |= {repr(secret)[1:-1]: "repr", json.dumps(secret)[1:-1]: "JSON", html.escape(secret): "HTML"}
    for before in ("", "A", "AB", "Apikey "):
        # Without the ends, which depend on what stands beside it.
        found[base64.b64encode((before + secret).encode()).decode()[4 + len(before) :][:-4]] = "base64"
    found[secret.encode().hex()] = "hexadecimal"
    return {text.lower().encode(): name for text, name in found.items()}


def places_of(secret: str, *folders: Path) -> list[str]:
    """Where the text stands below the folders, names of files included; each place as ``file: form``."""
    wanted = forms(secret)
    found = []
    for path in sorted(path for folder in folders for path in folder.rglob("*")):
        for part, content in _contents(path):
            text = content.lower()
            found += [f"{path} ({part}): {name}" for form, name in wanted.items() if form in text]
    return found


def texts_with(secret: str, *texts: str) -> list[str]:
    """Those of the texts that hold it."""
    return [text for text in texts if any(form in text.lower().encode() for form in forms(secret))]


def _contents(path: Path) -> Iterator[tuple[str, bytes]]:
    yield "name", path.name.encode()
    if not path.is_file():
        return
    raw = path.read_bytes()
    yield "bytes", raw
    if raw.startswith(b"\x1f\x8b"):
        yield "gzip", gzip.decompress(raw)
    elif raw.startswith(b"PK\x03\x04"):
        with zipfile.ZipFile(path) as archive:
            for name in archive.namelist():
                yield name, archive.read(name)
    elif raw.startswith(b"PAR1"):
        table = pq.read_table(path)
        yield "schema", f"{table.schema.to_string(show_schema_metadata=True)} {table.schema.metadata}".encode()
        for name, column in zip(table.column_names, table.columns, strict=True):
            yield name, "\n".join(map(str, column.to_pylist())).encode()
    elif raw.startswith(b"SQLite format 3\0"):
        yield from _of_sqlite(path)
    elif raw[8:12] == b"DUCK":
        yield from _of_duckdb(path)


def _of_sqlite(path: Path) -> Iterator[tuple[str, bytes]]:
    with contextlib.closing(sqlite3.connect(path)) as con:
        con.text_factory = bytes
        names = [name.decode() for (name,) in con.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for name in names:
            for row in con.execute(f'SELECT * FROM "{name}"').fetchall():
                for cell in row:
                    content = cell if isinstance(cell, bytes) else str(cell).encode()
                    yield name, content
                    with contextlib.suppress(zlib.error):
                        yield f"{name}, unpacked", zlib.decompress(content)


def _of_duckdb(path: Path) -> Iterator[tuple[str, bytes]]:
    with duckdb.connect(path, read_only=True) as con:
        yield "columns", repr(con.execute("SELECT * FROM duckdb_columns()").fetchall()).encode()
        yield "tables", repr(con.execute("SELECT * FROM duckdb_tables()").fetchall()).encode()
        yield "views", repr(con.execute("SELECT * FROM duckdb_views()").fetchall()).encode()
        for (name,) in con.execute("SELECT table_name FROM duckdb_tables() WHERE NOT internal").fetchall():
            yield name, "\n".join(map(str, con.execute(f'SELECT * FROM "{name}"').fetchall())).encode()
