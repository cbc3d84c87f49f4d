"""Ordinary exports: every encoding, dialect and Parquet type that is accepted is read back exactly."""

import csv
import datetime as dt
import io
import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Literal

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from mcf_pipeline.errors import ContractError
from mcf_pipeline.reading import encoding
from mcf_pipeline.reading.export import Export, looks_like, read_export
from mcf_pipeline.settings import Limits

Rows = list[tuple[str | None, ...]]

HEADER = ("trimestre", "région", "nb_dossiers")
RECORDS = [["2024T1", "Île-de-France", "12"], ["2024T2", "Bretagne", ""]]
EXPECTED: Rows = [("2024T1", "Île-de-France", "12"), ("2024T2", "Bretagne", None)]


@pytest.fixture(scope="module")
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as opened:  # opening one takes longer than most tests here
        yield opened


def contents(con: duckdb.DuckDBPyConnection) -> Rows:
    """The table without its line numbers, which must count from 2 in the file's order."""
    rows = con.execute("SELECT * FROM export ORDER BY numero_ligne").fetchall()
    assert [row[0] for row in rows] == list(range(2, len(rows) + 2))
    return [row[1:] for row in rows]


def read(
    con: duckdb.DuckDBPyConnection,
    folder: Path,
    body: bytes,
    limits: Limits | None = None,
    *,
    records_count: int | None = None,
) -> Export:
    path = folder / "export.csv"
    path.write_bytes(body)
    return read_export(con, path, "csv", limits or Limits(), records_count=records_count)


def written(
    records: list[list[str]],
    *,
    delimiter: str = ";",
    line_end: str = "\r\n",
    quoting: Literal[0, 1, 2] = csv.QUOTE_MINIMAL,
) -> str:
    """As the csv module writes; with CRLF first, since only then it quotes CR and LF in a field alike."""
    lines = []
    for record in records:
        line = io.StringIO()
        csv.writer(line, delimiter=delimiter, lineterminator="\r\n", quoting=quoting).writerow(record)
        lines.append(line.getvalue().removesuffix("\r\n") + line_end)
    return "".join(lines)


@pytest.mark.parametrize(("line_end", "line_end_name"), [("\n", "LF"), ("\r\n", "CRLF"), ("\r", "CR")])
@pytest.mark.parametrize(
    ("delimiter", "quoting"),
    [(";", csv.QUOTE_MINIMAL), (",", csv.QUOTE_ALL), ("\t", csv.QUOTE_MINIMAL), ("|", csv.QUOTE_ALL)],
)
@pytest.mark.parametrize(
    ("codec", "name", "boms"),
    [
        ("utf-8", "UTF-8", 0),
        ("utf-8-sig", "UTF-8", 1),
        ("utf-8-bom-twice", "UTF-8", 2),
        ("utf-16-le", "UTF-16-LE", 1),
        ("utf-16-be", "UTF-16-BE", 1),
        ("cp1252", "Windows-1252", 0),
        ("latin-1", "Windows-1252", 0),
    ],
)
def test_every_dialect_and_encoding(
    con: duckdb.DuckDBPyConnection,
    tmp_path: Path,
    codec: str,
    name: str,
    boms: int,
    delimiter: str,
    line_end: str,
    line_end_name: str,
    quoting: Literal[0, 1, 2],
) -> None:
    text = written([list(HEADER), *RECORDS], delimiter=delimiter, line_end=line_end, quoting=quoting)
    body = ("\ufeff" * boms + text).encode(codec.removesuffix("-sig").removesuffix("-bom-twice"))
    export = read(con, tmp_path, body, records_count=2)
    assert contents(con) == EXPECTED
    assert export.columns == HEADER
    assert (export.rows, export.encoding, export.boms) == (2, name, boms)
    assert (export.delimiter, export.line_end, export.final_line_end) == (delimiter, line_end_name, True)
    assert bool(export.warnings) == (name == "Windows-1252" or boms == 2)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        pytest.param(b'a;b\n1;"x\r\ny;z\n""q"""\n', [("1", 'x\r\ny;z\n"q"')], id="line ends inside quotes"),
        pytest.param(b'"a\r\nA";"b;B"\r\n1;2\r\n', [("1", "2")], id="line end inside a column name"),
        pytest.param(b"a;b\n1;2\r\n3;4\r5;6", [("1", "2"), ("3", "4"), ("5", "6")], id="mixed line ends"),
        pytest.param(b"a;b\n1;2\n\n\r\n\n", [("1", "2")], id="blank lines at the end"),
        pytest.param(b"a;b\n1;2\n;\n3;4\n", [("1", "2"), (None, None), ("3", "4")], id="only delimiters"),
        pytest.param(b"a;b\n#1;2\n--;x\n", [("#1", "2"), ("--", "x")], id="no comments"),
        pytest.param(b'a;b\n"";x\n;""\n', [(None, "x"), (None, None)], id="quoted empty"),
        pytest.param(b"a;b\n 1 ;\tx\n", [(" 1 ", "\tx")], id="blanks kept"),
        pytest.param(b"a;b\nNULL;NA\n\\N;nan\n", [("NULL", "NA"), ("\\N", "nan")], id="no null words"),
        pytest.param(b"a;b\n1;2\\\n3;'4\n", [("1", "2\\"), ("3", "'4")], id="no other escapes"),
        pytest.param(b"a;b\na;b\n1;2\n", [("a", "b"), ("1", "2")], id="header repeated as a record"),
        pytest.param("a;b\ne\u0301;\u2028\u0085\x0b\n".encode(), [("e\u0301", "\u2028\u0085\x0b")], id="unicode"),
        pytest.param(b"a;b\n<script>;=cmd()\n", [("<script>", "=cmd()")], id="hostile text"),
        pytest.param(b"a;b\n1;2", [("1", "2")], id="no final line end"),
        pytest.param(b'a;b\n1;"2"', [("1", "2")], id="no final line end, quoted"),
        pytest.param(b"a;b\n1;", [("1", None)], id="no final line end, last field empty"),
        pytest.param(b"a,b,c;d\n1,2,3;4\n", [("1", "2", "3;4")], id="another delimiter in a name"),
        pytest.param(b"a, x;b, y\n1;2,3\n", [("1", "2,3")], id="most columns, evenly"),
    ],
)
def test_read_as_written(con: duckdb.DuckDBPyConnection, tmp_path: Path, body: bytes, expected: Rows) -> None:
    read(con, tmp_path, body)
    assert contents(con) == expected


def test_column_names_are_cleaned_of_marks_and_blanks_only(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    export = read(con, tmp_path, '"\ufeff Région ";\xa0b \n1;2\n'.encode())
    assert export.columns == ("Région", "b")
    assert [row[0] for row in con.execute("DESCRIBE export").fetchall()] == ["numero_ligne", "Région", "b"]
    assert {row[1] for row in con.execute("DESCRIBE export").fetchall()} == {"BIGINT", "VARCHAR"}


def test_a_name_with_quotes_is_a_name(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    name = 'x" AS y, (SELECT 1) --; DROP TABLE'
    body = written([[name, "b'"], ["1", "2"]]).encode()
    assert read(con, tmp_path, body).columns == (name, "b'")
    assert contents(con) == [("1", "2")]


@pytest.mark.parametrize("name", ["a*.csv", "[ab].csv", "a?.csv", "l'été.csv", "x.csv.gz", "-"])
def test_the_file_s_name_means_nothing(con: duckdb.DuckDBPyConnection, tmp_path: Path, name: str) -> None:
    for other, text in (
        ("a1.csv", b"a;b\nwrong;1\n"),
        ("b.csv", b"a;b\nwrong;1\n"),
        (name, b"a;b\nright;1\n"),
    ):
        (tmp_path / other).write_bytes(text)
    read_export(con, tmp_path / name, "csv", Limits())
    assert contents(con) == [("right", "1")]
    for other, value in (("a1.parquet", "wrong"), (name, "right")):
        pq.write_table(pa.table({"a": [value]}), tmp_path / other)
    read_export(con, tmp_path / name, "parquet", Limits())
    assert contents(con) == [("right",)]


def test_order_is_kept_and_the_connection_left_as_it_was(tmp_path: Path) -> None:
    con = duckdb.connect(config={"preserve_insertion_order": False})
    lines = "".join(f"{n};{n % 7}\n" for n in range(2, 200_002))
    read(con, tmp_path, ("n;m\n" + lines).encode())
    assert con.execute("SELECT count(*) FROM export WHERE numero_ligne::VARCHAR <> n").fetchone() == (0,)
    assert con.execute("SELECT current_setting('preserve_insertion_order')").fetchone() == (False,)


def test_a_second_export_replaces_the_first_and_a_refused_one_leaves_none(
    con: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    read(con, tmp_path, b"a;b\n1;2\n")
    read(con, tmp_path, b"c;d\n3;4\n")
    assert contents(con) == [("3", "4")]
    with pytest.raises(ContractError):
        read(con, tmp_path, b"c;d\n3;4\n", records_count=2)
    assert con.execute("SHOW TABLES").fetchall() == []


@pytest.mark.parametrize(
    ("values", "texts"),
    [
        pytest.param(pa.array([1, -2, None], pa.int64()), ["1", "-2", None], id="int"),
        pytest.param(pa.array([2**64 - 1], pa.uint64()), ["18446744073709551615"], id="uint"),
        pytest.param(
            pa.array([1234.5, 0.1, 1e20, float("nan"), float("inf"), 123456789012.25]),
            ["1234.5", "0.1", "1e+20", "nan", "inf", "123456789012.25"],
            id="double",
        ),
        pytest.param(pa.array([0.1, 1.5], pa.float32()), ["0.1", "1.5"], id="float"),
        pytest.param(
            pa.array([Decimal("1.20"), Decimal("-12345678901234567.89")], pa.decimal128(19, 2)),
            ["1.20", "-12345678901234567.89"],
            id="decimal",
        ),
        pytest.param(pa.array([dt.date(2024, 7, 1)]), ["2024-07-01"], id="date"),
        pytest.param(
            pa.array([dt.datetime(2024, 7, 1), dt.datetime(2024, 7, 1, 8, 30)], pa.timestamp("ms")),
            ["2024-07-01", "2024-07-01 08:30:00"],
            id="timestamp",
        ),
        pytest.param(
            pa.array([dt.datetime(2024, 7, 1)], pa.timestamp("us", tz="Europe/Paris")),
            ["2024-07-01"],
            id="timestamp with zone, in UTC",
        ),
        pytest.param(pa.array(["é", "", None, "é"]).dictionary_encode(), ["é", None, None, "é"], id="dictionary"),
        pytest.param(pa.array(["x", None], pa.large_string()), ["x", None], id="large string"),
        pytest.param(pa.array([True, False, None]), ["true", "false", None], id="boolean"),
        pytest.param(pa.nulls(2), [None, None], id="null"),
    ],
)
def test_parquet_scalars_become_text(
    con: duckdb.DuckDBPyConnection, tmp_path: Path, values: pa.Array, texts: list[str | None]
) -> None:
    path = tmp_path / "export.parquet"
    pq.write_table(pa.table({" Nb dossiers ": values, "file_row_number": ["k"] * len(values)}), path)
    export = read_export(con, path, "parquet", Limits(), records_count=len(values))
    assert export == Export(("Nb dossiers", "file_row_number"), len(values))
    assert contents(con) == [(text, "k") for text in texts]


@pytest.mark.parametrize(
    ("head", "name"),
    [
        (b"\xef\xbb\xbf \n<!DOCTYPE html><html>", "HTML"),
        (b"<html lang=fr>", "HTML"),
        ("\ufeff<html>".encode("utf-16"), "HTML"),
        (b'<?xml version="1.0"?><error/>', "XML"),
        (b'{"error_code": "ForbiddenAccess"}', "JSON"),
        (b'[{"trimestre": "2024T1"}]', "JSON"),
        (b"%PDF-1.7", "PDF"),
        (b"PK\x03\x04rest", "ZIP"),
        (b"\x1f\x8b\x08", "gzip"),
        (b"\x89PNG\r\n", "PNG"),
        (b"PAR1", "Parquet"),
        (bytes(range(256)), "binary data"),
        (b"", None),
        (b"trimestre;region\n2024T1;x\n", None),
        ("\ufefftrimestre;région\n".encode("utf-16"), None),
        ("trimestre;région\n".encode("cp1252"), None),
        (b"a;b\n1;\x00\n", None),
    ],
)
def test_looks_like(head: bytes, name: str | None) -> None:
    assert looks_like(head) == name


# What any csv writer may write: delimiters of every kind, quotes, line ends, accents, marks.
TEXTS = st.text(st.sampled_from("ab01 ;,\t|\"'\r\n#\\éÉ€œ"), max_size=6) | st.text(
    st.characters(codec="cp1252", exclude_characters="\0"), max_size=5
)
NAMES = st.text(st.sampled_from("abcdeé \"'\n_"), min_size=1, max_size=6)


def ambiguous(body: bytes) -> bool:
    """Whether Windows-1252 bytes hold a valid UTF-8 sequence or a control character."""
    return bool(re.search(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]", body)) or any(
        ord(c) > 127 for c in body.decode("utf-8", "ignore")
    )


@st.composite
def tables(draw: st.DrawFn) -> list[list[str]]:
    columns = draw(st.integers(2, 4))
    prefixes = [f"c{n} " for n in range(columns)]  # apart from each other, and no blank
    header = [prefix + draw(NAMES).strip() + "." for prefix in prefixes]
    records = draw(st.lists(st.lists(TEXTS, min_size=columns, max_size=columns), min_size=1, max_size=6))
    return [header, *records]


def test_any_table_is_read_back_exactly(
    con: duckdb.DuckDBPyConnection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    @settings(max_examples=150, deadline=None)
    @given(
        table=tables(),
        delimiter=st.sampled_from(";,\t|"),
        line_end=st.sampled_from(["\n", "\r\n", "\r"]),
        quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC]),
        codec=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "cp1252"]),
        chunk=st.sampled_from([1, 2, 3, 7, 1 << 20]),
    )
    def check(
        table: list[list[str]],
        delimiter: str,
        line_end: str,
        quoting: Literal[0, 1, 2],
        codec: str,
        chunk: int,
    ) -> None:
        body = written(table, delimiter=delimiter, line_end=line_end, quoting=quoting).encode(codec)
        if codec == "cp1252":  # nobody can tell "Ã©" from an é in UTF-8, and control characters are refused
            assume(body.isascii() or not ambiguous(body))
        with monkeypatch.context() as patch:
            patch.setattr(encoding, "CHUNK", chunk)  # every way of cutting a quote, a CRLF or a character in two
            read(con, tmp_path, body, records_count=len(table) - 1)
        assert contents(con) == [tuple(field or None for field in record) for record in table[1:]]

    check()  # within, for Hypothesis keeps the arguments of a test, and a connection must not outlive it
