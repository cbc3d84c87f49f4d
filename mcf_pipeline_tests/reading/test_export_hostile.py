"""Hostile bytes: each file ends in one named rule and one clear line, and no other error gets out."""

import csv
import io
import re
import zlib
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mcf_pipeline.errors import ContractError, SourceError
from mcf_pipeline.reading.export import read_export
from mcf_pipeline.settings import Limits

ROWS = 40
GOOD = "trimestre;région;nb_dossiers\r\n" + "".join(f"2024T1;Réunion {n};{n}00\r\n" for n in range(ROWS))
NOISE = zlib.compress(bytes(range(256)) * 300)[2:] * 40  # bytes without a signature


@pytest.fixture(scope="module")
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as opened:
        yield opened


def refused(
    con: duckdb.DuckDBPyConnection,
    path: Path,
    *,
    kind: str = "csv",
    limits: Limits | None = None,
    records_count: int | None = None,
) -> ContractError:
    """The refusal of a file: one line that names the file, with no word of DuckDB's; no table is left."""
    with pytest.raises(ContractError) as caught:
        read_export(con, path, kind, limits or Limits(), records_count=records_count)  # type: ignore[arg-type]
    message = str(caught.value)
    assert len(message.splitlines()) == 1
    assert message.startswith(path.name)
    assert "duckdb" not in message.lower()
    assert len(message) < 300
    assert con.execute("SHOW TABLES").fetchall() == []
    return caught.value


@pytest.mark.parametrize(
    ("body", "rule", "line"),
    [
        # Nothing, or too little
        pytest.param(b"", "export_vide", None, id="0 bytes"),
        pytest.param(b"\xef\xbb\xbf", "export_vide", None, id="only a BOM"),
        pytest.param(b"\r\n\r\n", "export_vide", None, id="only line ends"),
        pytest.param(b"a;b\r\n", "export_vide", None, id="header and no line"),
        pytest.param(b"a;b", "export_vide", None, id="header cut"),
        pytest.param(b"a;b\n\n\n", "export_vide", None, id="header and blank lines"),
        pytest.param(b"a;b;c\n1;2;3\n4;5", "export_tronque", 3, id="last record short"),
        pytest.param(b"a;b;c\n1;2;3\n4;5\n\n", "export_tronque", 3, id="last record short, line end"),
        pytest.param(b'a;b\n1;2\n3;"4\n5;6\n', "export_tronque", 3, id="quote never closed"),
        pytest.param(b'a;"b\n1;2\n', "export_tronque", 1, id="quote never closed in the header"),
        pytest.param("a;b\n1;é\n2;é".encode()[:-1], "export_tronque", None, id="cut within a character"),
        pytest.param("\ufeffa;b\n1;é\n".encode("utf-16")[:-1], "export_tronque", None, id="UTF-16 cut"),
        # Records of another width
        pytest.param(b"a;b\n1;2\n3\n4;5\n", "ligne_irreguliere", 3, id="short record"),
        pytest.param(b"a;b\n1;2\n3;4;5\n6;7\n", "ligne_irreguliere", 3, id="long record"),
        pytest.param(b"a;b\n1;2\n3;4;5", "ligne_irreguliere", 3, id="last record long"),
        pytest.param(b"a;b\n1;2\n\n3;4\n", "ligne_irreguliere", 3, id="blank line inside"),
        pytest.param(b"a;b\r\n1;2\r\r\n3;4\r\n", "ligne_irreguliere", 3, id="CR CR LF"),
        pytest.param(b'a;b\n1;"2\n2"\n3\n4;5\n', "ligne_irreguliere", 3, id="counted in records"),
        pytest.param(b'a;b\n1;x"y\n3;4\n', "ligne_irreguliere", 2, id="quote inside a field"),
        pytest.param(b'a;b\n1;x"y"\n3;4\n', "ligne_irreguliere", 2, id="quotes inside a field"),
        pytest.param(b'a;b\n1;2\n"x"y;4\n', "ligne_irreguliere", 3, id="text after a quote"),
        pytest.param(b'a;b\n1;2\n"x" ;4\n', "ligne_irreguliere", 3, id="blank after a quote"),
        pytest.param(b'a;b\n1; "2"\n', "ligne_irreguliere", 2, id="blank before a quote"),
        # Something else
        pytest.param(b"<!DOCTYPE html>\n<html><body>a;b;c</body></html>", "pas_un_export", None, id="HTML"),
        pytest.param(b'{"error_code": "ForbiddenAccess", "message": "a;b"}', "pas_un_export", None, id="JSON"),
        pytest.param(b'[{"a": 1}, {"a": 2}]', "pas_un_export", None, id="JSON records"),
        pytest.param(b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", "pas_un_export", None, id="PDF"),
        pytest.param(b"PK\x03\x04" + NOISE, "pas_un_export", None, id="ZIP"),
        pytest.param(b"\x1f\x8b\x08\0" + NOISE, "pas_un_export", None, id="gzip"),
        pytest.param(b"PAR1" + NOISE, "pas_un_export", None, id="Parquet"),
        pytest.param(NOISE, "pas_un_export", None, id="binary"),
        pytest.param(bytes(10_000), "pas_un_export", None, id="zeros"),
        pytest.param(b"Service Unavailable", "pas_un_export", None, id="one line of text"),
        pytest.param(b"a\n1\n2\n", "pas_un_export", None, id="a single column"),
        pytest.param(b"a:b\n1:2\n", "pas_un_export", None, id="another delimiter"),
        pytest.param(b"\na;b\n1;2\n", "pas_un_export", None, id="blank line before the header"),
        # Names
        pytest.param(b"a;b;a\n1;2;3\n", "entete_en_double", None, id="columns twice"),
        pytest.param("Région;b;RÉGION\n1;2;3\n".encode(), "entete_en_double", None, id="twice but for case"),
        pytest.param(b"a; a \n1;2\n", "entete_en_double", None, id="twice but for blanks"),
        pytest.param("e\u0301;\u00e9\n1;2\n".encode(), "entete_en_double", None, id="twice but for composition"),
        pytest.param(b"a;Numero_Ligne\n1;2\n", "entete_en_double", None, id="our own name"),
        pytest.param(b"a;b;c\n1;2;3\nSource : CDC\n", "ligne_irreguliere", 3, id="a footnote"),
        pytest.param(b"Les usagers;;\na;b;c\n1;2;3\n", "nom_de_colonne_vide", None, id="a title"),
        pytest.param(b"a;;c\n1;2;3\n", "nom_de_colonne_vide", None, id="no name"),
        pytest.param(b'a;" "\n1;2\n', "nom_de_colonne_vide", None, id="blank name"),
        pytest.param(b"a;b;\n1;2;\n", "nom_de_colonne_vide", None, id="a delimiter too many everywhere"),
        # Bytes
        pytest.param(b"a;b\n1;2\n3;\0\n", "octet_nul", 3, id="NUL"),
        pytest.param(b"a\0;b\n1;2\n", "octet_nul", 1, id="NUL in the header"),
        pytest.param(b"a;b\n1;\xe9\n3;\0\n", "octet_nul", 3, id="NUL in Windows-1252"),
        pytest.param("\ufeffa;b\n1;\0\n".encode("utf-16-le"), "octet_nul", 2, id="NUL in UTF-16"),
        pytest.param(b"a;b\n1;\xe9\n3;\x81\n", "encodage_illisible", 3, id="no Windows-1252"),
        pytest.param(b"a;b\n1;\xe9\x01\n", "encodage_illisible", 2, id="control character, not UTF-8"),
        pytest.param("a;b\n1;ééé\n".encode() + b"2;\xe9!\n", "encodage_illisible", None, id="damaged UTF-8"),
        pytest.param(b"\xef\xbb\xbfa;b\n1;\xe9!\n", "encodage_illisible", None, id="BOM, but no UTF-8"),
        pytest.param(b"\xff\xfea\0;\0b\0\n\0\x00\xd8;\0x\0\n\0", "encodage_illisible", None, id="lone surrogate"),
        # Limits
        pytest.param(b"a;b\n1;" + b"x" * 10**7 + b"\n", "limite_depassee", 2, id="10 MB field"),
        pytest.param(b'a;b\n1;"' + b"\n" * 10**7 + b'"\n', "limite_depassee", 2, id="10 MB quoted field"),
        pytest.param(b"a" * 2 * 10**6 + b";b\n1;2\n", "limite_depassee", None, id="2 MB name"),
        pytest.param(
            b";".join(b"c%d" % n for n in range(5000)) + b"\n" + b";" * 4999 + b"\n",
            "limite_depassee",
            None,
            id="5,000 columns",
        ),
    ],
)
def test_refused(con: duckdb.DuckDBPyConnection, tmp_path: Path, body: bytes, rule: str, line: int | None) -> None:
    path = tmp_path / "export.csv"
    path.write_bytes(body)
    error = refused(con, path)
    assert error.rule == rule
    found = re.search(r", line (\d+):", str(error))
    if line is not None:
        assert found is not None
        assert int(found[1]) == line


@pytest.mark.parametrize("tenth", range(10))
def test_a_body_cut_at_every_tenth(con: duckdb.DuckDBPyConnection, tmp_path: Path, tenth: int) -> None:
    path = tmp_path / "export.csv"
    whole = GOOD.encode()
    path.write_bytes(whole[: len(whole) * tenth // 10])
    error = refused(con, path, records_count=ROWS)
    assert error.rule == ("export_vide" if tenth == 0 else "export_tronque")


@pytest.mark.parametrize("tenth", range(10))
def test_a_parquet_cut_at_every_tenth(con: duckdb.DuckDBPyConnection, tmp_path: Path, tenth: int) -> None:
    path = tmp_path / "export.parquet"
    pq.write_table(pa.table({"a": list(range(1000)), "b": ["x"] * 1000}), path)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) * tenth // 10])
    assert refused(con, path, kind="parquet").rule == ("export_vide" if tenth == 0 else "pas_un_export")


@pytest.mark.parametrize(
    ("announced", "rule"),
    [
        (ROWS + 1, "export_tronque"),
        (ROWS - 1, "lignes_en_trop"),
        (0, "lignes_en_trop"),
        (10**12, "export_tronque"),
    ],
)
@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_another_number_of_lines_than_announced(
    con: duckdb.DuckDBPyConnection, tmp_path: Path, kind: str, announced: int, rule: str
) -> None:
    path = tmp_path / "export"
    path.write_bytes(GOOD.encode())
    if kind == "parquet":
        pq.write_table(pa.table({"a": list(range(ROWS))}), path)
    assert refused(con, path, kind=kind, records_count=announced).rule == rule


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_announced_but_empty(con: duckdb.DuckDBPyConnection, tmp_path: Path, kind: str) -> None:
    path = tmp_path / "export"
    path.write_bytes(b"a;b\r\n")
    if kind == "parquet":
        pq.write_table(pa.table({"a": pa.array([], pa.int32())}), path)
    error = refused(con, path, kind=kind, records_count=4000)
    assert error.rule == "export_vide"
    assert "4,000" in str(error)


def test_larger_limits_let_a_large_field_through(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    path = tmp_path / "export.csv"
    path.write_bytes(b'a;b\r\n1;"' + b"\r\n" * 5_000_000 + b'"\r\n2;3\r\n')
    read_export(con, path, "csv", Limits(max_field_bytes=10**7 + 2))
    assert con.execute("SELECT numero_ligne, strlen(b) FROM export").fetchall() == [(2, 10**7), (3, 1)]
    con.execute("DROP TABLE export")


@pytest.mark.parametrize("line_end", ["\n", "\r\n", ""])
def test_the_limit_of_a_field_is_exact(con: duckdb.DuckDBPyConnection, tmp_path: Path, line_end: str) -> None:
    path = tmp_path / "export.csv"
    path.write_text(f"a;b\n1;123456{line_end}", newline="")
    assert read_export(con, path, "csv", Limits(max_field_bytes=6)).rows == 1
    assert con.execute("DROP TABLE export") is not None
    assert refused(con, path, limits=Limits(max_field_bytes=5)).rule == "limite_depassee"


def test_more_bytes_than_the_limit(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    path = tmp_path / "export.csv"
    path.write_bytes(GOOD.encode())
    assert refused(con, path, limits=Limits(max_bytes=1000)).rule == "limite_depassee"


def wide(columns: int) -> pa.Table:
    return pa.table({f"c{n}": [n] for n in range(columns)})


@pytest.mark.parametrize(
    ("table", "limits", "rule"),
    [
        pytest.param(pa.table({"a": [[1]], "b": [2]}), Limits(), "type_inattendu", id="list"),
        pytest.param(pa.table({"a": [{"x": 1}], "b": [2]}), Limits(), "type_inattendu", id="struct"),
        pytest.param(
            pa.table({"a": pa.array([[("k", 1)]], pa.map_(pa.string(), pa.int32()))}),
            Limits(),
            "type_inattendu",
            id="map",
        ),
        pytest.param(pa.table({"a": [b"\xff"], "b": [2]}), Limits(), "type_inattendu", id="binary"),
        pytest.param(
            pa.table({"a": pa.array([Decimal("1.20")], pa.decimal256(60, 2))}),
            Limits(),
            "type_inattendu",
            id="decimals that DuckDB would round",
        ),
        pytest.param(
            pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["a", "A "]),
            Limits(),
            "entete_en_double",
            id="columns twice",
        ),
        pytest.param(pa.table({"a": [1], " ": [2]}), Limits(), "nom_de_colonne_vide", id="no name"),
        pytest.param(pa.table({"a": ["x\0"]}), Limits(), "octet_nul", id="NUL"),
        pytest.param(wide(5000), Limits(), "limite_depassee", id="5,000 columns"),
        pytest.param(pa.table({"a": ["x" * 10**7]}), Limits(), "limite_depassee", id="10 MB field"),
        pytest.param(
            pa.table({"a": ["x" * 50_000] * 300}),
            Limits(max_bytes=10**7),
            "limite_depassee",
            id="dictionary bomb",
        ),
        pytest.param(
            pa.table({f"c{n}": pa.nulls(10**6, pa.string()) for n in range(20)}),
            Limits(max_bytes=10**7),
            "limite_depassee",
            id="bomb of rows without bytes",
        ),
        pytest.param(
            pa.table({"a": ["".join(map(str, range(n, n + 9000))) for n in range(100)]}),
            Limits(max_bytes=3 * 10**6),
            "limite_depassee",
            id="bomb of compression",
        ),
    ],
)
def test_parquet_refused(
    con: duckdb.DuckDBPyConnection, tmp_path: Path, table: pa.Table, limits: Limits, rule: str
) -> None:
    path = tmp_path / "export.parquet"
    pq.write_table(table, path, compression="zstd")
    assert refused(con, path, kind="parquet", limits=limits).rule == rule
    assert path.stat().st_size < limits.max_bytes


@pytest.mark.parametrize(
    "body",
    [
        GOOD.encode(),
        b"PAR1",
        b"PAR1PAR1",
        b"PAR1" + bytes(100) + b"PAR1",
        b"PAR1" + NOISE + b"\xff\xff\xff\x7fPAR1",
        b'{"errorcode": 10002}',
        b"PK\x03\x04",
    ],
)
def test_no_parquet(con: duckdb.DuckDBPyConnection, tmp_path: Path, body: bytes) -> None:
    path = tmp_path / "export.parquet"
    path.write_bytes(body)
    assert refused(con, path, kind="parquet").rule == "pas_un_export"


def test_what_is_no_file_cannot_be_read(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    for path in (tmp_path, tmp_path / "nothing", tmp_path / "loop"):
        with pytest.raises(SourceError, match="cannot be read"):
            read_export(con, path, "csv", Limits())


def independent_reading(body: bytes) -> list[list[str]]:
    """The csv module's, with the encoding that the contract decides, without blank lines at the end."""
    text = ""
    for codec in ("utf-8", "cp1252"):
        try:
            text = body.decode(codec)
            break
        except UnicodeDecodeError:
            continue
    rows = list(csv.reader(io.StringIO(text.lstrip("\ufeff"), newline=""), delimiter=";"))
    while rows and not rows[-1]:
        rows.pop()
    return rows


ORIGINALS = [
    GOOD.encode(),
    b"\xef\xbb\xbf" + GOOD.encode(),
    GOOD.encode("cp1252"),
    GOOD.replace("\r\n", "\n").encode(),
    'a;b;"c;C"\n"1";"2\r\n""é""";\n4;;"6"\n;"";"é"\n'.encode(),
]
DAMAGE = st.tuples(st.sampled_from(["cut", "flip", "insert", "remove", "repeat"]), st.floats(0, 1), st.integers(0, 255))


def test_a_damaged_file_is_refused_or_read_as_the_csv_module_reads_it(
    con: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    @settings(max_examples=250, deadline=None)
    @given(original=st.sampled_from(ORIGINALS), damages=st.lists(DAMAGE, min_size=1, max_size=4))
    def check(original: bytes, damages: list[tuple[str, float, int]]) -> None:
        body = original
        for kind, where, byte in damages:
            at = int(where * len(body))
            body = {
                "cut": body[:at],
                "flip": body[:at] + bytes(b ^ (1 << byte % 8) for b in body[at : at + 1]) + body[at + 1 :],
                "insert": body[:at] + b';"\r\n\xc3\xe9\0a'[byte % 8 :][:1] + body[at:],
                "remove": body[:at] + body[at + 1 :],
                "repeat": body[:at] + body[at // 2 :],
            }[kind]
        path = tmp_path / "export.csv"
        path.write_bytes(body)
        try:
            export = read_export(con, path, "csv", Limits())
        except ContractError:
            return
        header, *records = independent_reading(body)
        rows = con.execute("SELECT * EXCLUDE (numero_ligne) FROM export ORDER BY numero_ligne").fetchall()
        assert rows == [tuple(field or None for field in record) for record in records]
        if export.delimiter == ";":
            assert export.columns == tuple(name.strip("\ufeff").strip() for name in header)

    check()  # within, for Hypothesis keeps the arguments of a test, and a connection must not outlive it


def test_a_damaged_parquet_is_refused_or_read(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    @settings(max_examples=100, deadline=None)
    @given(damages=st.lists(st.tuples(st.floats(0, 1), st.integers(1, 255)), min_size=1, max_size=3))
    def check(damages: list[tuple[float, int]]) -> None:
        path = tmp_path / "export.parquet"
        table = pa.table({"a": [f"é{n % 7}" for n in range(50)], "b": [n / 4 for n in range(50)], "c": range(50)})
        pq.write_table(table, path, compression="zstd")
        body = bytearray(path.read_bytes())
        for where, flip in damages:
            body[int(where * (len(body) - 1))] ^= flip
        path.write_bytes(body)
        try:
            export = read_export(con, path, "parquet", Limits())
        except ContractError:
            return
        assert con.execute("SELECT count(*) FROM export").fetchone() == (export.rows,)

    check()  # within, for Hypothesis keeps the arguments of a test, and a connection must not outlive it
