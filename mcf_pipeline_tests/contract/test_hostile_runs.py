"""Hostile input through the whole intake: what each thing comes to, exactly.

Three outcomes. **Refused**: the class of the error, its rule and a fragment of its one line; the archive is byte
for byte as it was. **Read**: the content is that of the same lines in a plain file. **Quarantined or unknown**:
what stands in `stg_rejets` and in the published tables.

What does not belong here: the reader alone (`test_reading_hostile`) and the portal alone (`sources.test_portal`).
"""

from __future__ import annotations

import base64
import csv
import datetime as dt
import gzip
import io
import itertools
import json
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mcf_pipeline.config import DataDir, Limits, Settings
from mcf_pipeline.contract.rules import RULES
from mcf_pipeline.errors import ContractError, PipelineError, SourceError, UsageError
from mcf_pipeline.quarter import Quarter
from mcf_pipeline.releases.archive import Archive
from mcf_pipeline.releases.manifest import Manifest
from mcf_pipeline.sources.file import FileSource
from mcf_pipeline.sources.http import RateLimitedError
from mcf_pipeline.sources.portal import PortalSource
from mcf_pipeline.sources.simulated_portal import SimulatedPortal
from mcf_pipeline.warehouse.staging import refusal
from mcf_pipeline.workspace import Workspace
from mcf_pipeline_tests.exports import (
    Line,
    csv_bytes,
    lean,
    line,
    listing,
    masked,
    parquet_bytes,
    quarter_lines,
    sender,
    take_in,
    workspace_in,
)
from mcf_pipeline_tests.sources.conftest import IMPATIENT, KEY, TinyRelease
from mcf_pipeline_tests.warehouse.builds import build_all, published

BEFORE = [*quarter_lines("2023-T4", 3), masked("2023-T4", region="Mayotte")]
"""What the archive holds when something hostile comes."""

LINES = [
    *BEFORE,
    *quarter_lines("2024-T1", 10),
    masked("2024-T1", region="Mayotte", situation="Cadres et professions intellectuelles supérieures"),
    line("2024-T2", region="Provence-Alpes-Côte d'Azur", classe_age="50 ans et plus"),
]
"""What a good export holds, some of it beyond ASCII; in Windows-1252 and in UTF-8 alike."""

GOOD = csv_bytes(LINES)
HEADER, *RECORDS = GOOD.decode().split("\r\n")[:-1]
ROWS = len(LINES)

SMALL = Limits(max_bytes=4 * 1024**2, max_columns=200, max_field_bytes=64 * 1024)


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Archive:
    """An archive with one release; what is refused must leave it as it is, so all can share it."""
    found = Archive(DataDir(tmp_path_factory.mktemp("archive")), SMALL)
    take_in(found, BEFORE, "2024-01-08")
    return found


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    """What the good export says, taken in from a plain file."""
    found = Archive(DataDir(tmp_path_factory.mktemp("plain")))
    return found.take_in(sender(GOOD, records_count=ROWS)).manifest


def refused(archive: Archive, fetch: object, kind: type[PipelineError], rule: str | None, says: str) -> None:
    """Taking in fails as it should, in one line, and the archive is byte for byte as it was."""
    before = listing(archive.data_dir.root)
    with pytest.raises(PipelineError) as caught:
        archive.take_in(fetch)  # type: ignore[arg-type]
    error = caught.value
    assert isinstance(error, kind), repr(error)
    assert getattr(error, "rule", None) == rule, repr(error)
    assert rule is None or rule in RULES
    assert says in str(error)
    assert len(str(error).splitlines()) == 1
    assert KEY not in repr(error)
    assert listing(archive.data_dir.root) == before
    assert not archive.data_dir.incoming.exists()


def from_file(path: Path, limits: Limits = SMALL) -> object:
    return lambda folder: FileSource(path, limits).fetch(folder, lambda *_: None)


# -- a file that is refused ------------------------------------------------------------------------------


def encoded(codec: str) -> bytes:
    return GOOD.decode().encode(codec)


def with_header(*names: str) -> bytes:
    """The good export with more columns, all cells of which say ``x``."""
    more = "".join(f";{name}" for name in names)
    return "\r\n".join([HEADER + more, *(record + ";x" * len(names) for record in RECORDS), ""]).encode()


def with_cell(column: str, text: str, lines: Sequence[Line] = LINES) -> bytes:
    """The good export with one cell changed, in its last line."""
    return csv_bytes([*lines[:-1], lines[-1] | {column: text}])


REFUSED_FILES = {
    # nothing, or something else
    "0 bytes": (b"", "export_vide", "0 bytes"),
    "only a BOM": (b"\xef\xbb\xbf", "export_vide", "blank"),
    "a header and no line": (HEADER.encode() + b"\r\n", "export_vide", "no line after the header"),
    "a header without a line end": (HEADER.encode(), "export_vide", "no line after the header"),
    "HTML": (b"<!DOCTYPE html><html><body>503</body></html>", "pas_un_export", "is HTML"),
    "HTML after blanks": (b"\n\n  <html><body>503</body></html>", "pas_un_export", "is HTML"),
    "XML": (b'<?xml version="1.0"?><error>x</error>', "pas_un_export", "is XML"),
    "JSON": (b'{"error_code": "ForbiddenAccess", "message": "a;b"}', "pas_un_export", "is JSON"),
    "JSON lines": (b'[{"trimestre": "2024-T1"}]', "pas_un_export", "is JSON"),
    "an Excel file": (b"PK\x03\x04" + bytes(range(256)) * 9, "pas_un_export", "is ZIP"),
    "a text": (b"Service Unavailable", "pas_un_export", "a single column"),
    "another delimiter": (GOOD.replace(b";", b":"), "pas_un_export", "a single column"),
    # cut
    "cut within a line": (GOOD[: -len(RECORDS[-1]) // 2], "export_tronque", "the export is cut"),
    "cut within a character": (
        GOOD[: GOOD.rindex("ô".encode()) + 1], "export_tronque", "in the middle of a character"
    ),
    "cut within quotes": (with_cell("part_titulaire", 'a"b\nc')[:-5], "export_tronque", "never closed"),
    "a line too long": (GOOD + RECORDS[0].encode() + b";1\r\n", "ligne_irreguliere", "field(s)"),
    "a line too short": (GOOD + b"2024-T1;Corse\r\n" + RECORDS[0].encode(), "ligne_irreguliere", "2 field(s)"),
    "an empty line inside": (GOOD.replace(b"\r\n", b"\r\n\r\n", 2), "ligne_irreguliere", "an empty line"),
    "a footer": (GOOD + b"Total : 16 lignes\r\n", "export_tronque", "1 field(s)"),
    # bytes
    "NUL": (GOOD.replace(b"Mayotte", b"May\0tte"), "octet_nul", "NUL byte"),
    "NUL in a name": (GOOD.replace(b"genre", b"gen\0re"), "octet_nul", "line 1: a NUL byte"),
    "UTF-16 without a mark": (encoded("utf-16-le"), "pas_un_export", "binary data"),
    "a damaged character": (GOOD.replace("É".encode(), b"\xc3!").replace("é".encode(), b"\xa9", 1),
                            "encodage_illisible", "damaged character"),
    "a mark and other bytes": (b"\xef\xbb\xbf" + encoded("cp1252"), "encodage_illisible", "not UTF-8"),
    "Mac Roman": (encoded("mac-roman") + b"\x81", "encodage_illisible", "Windows-1252"),
    # quotes
    "a quote inside a field": (GOOD.replace(b"Mayotte", b'May"tte'), "ligne_irreguliere", "in the middle of a field"),
    # names
    "a column twice": (with_header("region"), "entete_en_double", "called 'region'"),
    "a column twice in another case": (with_header("REGION"), "entete_en_double", "'REGION'"),
    "two names of one column": (with_header("Sexe"), "colonne_ambigue", "could be genre"),
    "a column without a name": (with_header(""), "nom_de_colonne_vide", "has no name"),
    "a required column missing": (GOOD.replace(b"genre", b"zzz", 1), "colonne_manquante", "no column found for genre"),
    "5,000 columns": (with_header(*(f"c{n}" for n in range(5000))), "limite_depassee", "5,016 columns"),
    "a name of 2 MB": (with_header("a" * 2 * 10**6), "limite_depassee", "header"),
    # sizes
    "a field of 10 MB": (with_cell("situation", "x" * 10**7), "limite_depassee", "MAX_"),
    "a quoted field of 100 KB": (with_cell("situation", "\n" * 10**5), "limite_depassee", "MAX_FIELD_BYTES"),
    "more bytes than allowed": (GOOD + (RECORDS[0].encode() + b"\r\n") * 60_000, "limite_depassee", "MAX_BYTES"),
    "a gzip bomb": (gzip.compress(b"a;b\n" * 10**6 * 2, mtime=0), "limite_depassee", "MAX_RATIO"),
    "a gzip cut": (gzip.compress(GOOD, mtime=0)[:-9], "export_tronque", "cut within its gzip"),
    "a gzip damaged": (gzip.compress(GOOD, mtime=0)[:-8] + bytes(8), "export_tronque", "damaged gzip"),
    "no gzip after all": (b"\x1f\x8b\x08" + bytes(range(100)), "export_tronque", "gzip"),
    # quarters
    "no quarter that is one": (csv_bytes([line("janvier")]), "aucun_trimestre_valide", "'janvier'"),
    "a quarter before 2020": (csv_bytes([line("2019-T4")]), "aucun_trimestre_valide", "'2019-T4'"),
    "a quarter of the future": (csv_bytes([line("2027-T1")]), "aucun_trimestre_valide", "'2027-T1'"),
    "a path as a quarter": (csv_bytes([line("../../2024-T1")]), "aucun_trimestre_valide", "'../../2024-T1'"),
    "NaN as a quarter": (csv_bytes([line("NaN")]), "aucun_trimestre_valide", "'NaN'"),
    # figures
    "lines that contradict each other": (
        csv_bytes([*LINES, LINES[-1] | {"nb_dossiers": "99"}]), "doublons_en_conflit", "different figures"
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED_FILES)
def test_a_file_is_refused_and_the_archive_stays(archive: Archive, tmp_path: Path, name: str) -> None:
    content, rule, says = REFUSED_FILES[name]
    path = tmp_path / "export.csv"
    path.write_bytes(content)
    refused(archive, from_file(path), ContractError, rule, says)


@pytest.mark.parametrize("tenth", range(10))
def test_a_file_cut_at_every_tenth_is_refused(archive: Archive, tmp_path: Path, tenth: int) -> None:
    path = tmp_path / "export.csv"
    size = len(GOOD) * tenth // 10
    path.write_bytes(GOOD[:size])
    is_header_alone = size <= len(HEADER)
    says = "0 bytes" if size == 0 else "no line after the header" if is_header_alone else "cut"
    rule = "export_vide" if is_header_alone else "export_tronque"
    refused(archive, from_file(path), ContractError, rule, says)


@pytest.mark.parametrize("tenth", range(10))
def test_a_parquet_file_cut_at_every_tenth_is_refused(archive: Archive, tmp_path: Path, tenth: int) -> None:
    path, whole = tmp_path / "export.parquet", parquet_bytes(LINES)
    path.write_bytes(whole[: len(whole) * tenth // 10])
    rule = "export_vide" if tenth == 0 else "pas_un_export"
    refused(archive, from_file(path), ContractError, rule, "0 bytes" if tenth == 0 else "Parquet file that is cut")


def test_a_file_cut_at_any_byte_of_its_last_line_but_in_the_last_field_is_refused(
    archive: Archive, tmp_path: Path
) -> None:
    path = tmp_path / "export.csv"
    for size in range(len(GOOD) - len(RECORDS[-1].encode()) - 1, GOOD.rindex(b";") + 1):
        path.write_bytes(GOOD[:size])
        refused(archive, from_file(path), ContractError, "export_tronque", "cut")


@pytest.mark.parametrize("cut", [len(RECORDS[-1].encode()) + 2, 3])
def test_nothing_shows_a_cut_between_two_lines_or_within_the_last_field(tmp_path: Path, cut: int) -> None:
    """What a file by path cannot tell, and the portal's number of lines can (but for the last digits of all)."""
    found = Archive(DataDir(tmp_path)).take_in(sender(GOOD[:-cut])).manifest
    assert found.rows == (ROWS if cut == 3 else ROWS - 1)
    if cut != 3:
        other = Archive(DataDir(tmp_path / "other"))
        refused(other, sender(GOOD[:-cut], records_count=ROWS), ContractError, "export_tronque", "is cut")


@pytest.mark.parametrize(("announced", "rule"), [(ROWS + 1, "export_tronque"), (ROWS - 1, "lignes_en_trop")])
@pytest.mark.parametrize("format", ["csv", "parquet"])
def test_another_number_of_lines_than_announced_is_refused(
    archive: Archive, announced: int, rule: str, format: str
) -> None:
    content = GOOD if format == "csv" else parquet_bytes(LINES)
    fetch = sender(content, format=format, records_count=announced)  # type: ignore[arg-type]
    refused(archive, fetch, ContractError, rule, f"has {ROWS} lines, the source announces")


# -- a file that is read as if it were plain -------------------------------------------------------------


def written(
    lines: Sequence[Line], delimiter: str = ";", line_end: str = "\r\n", quoting: int = csv.QUOTE_MINIMAL
) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=delimiter, lineterminator=line_end, quoting=quoting)  # type: ignore[arg-type]
    writer.writerow(lines[0])
    writer.writerows(entry.values() for entry in lines)
    return text.getvalue().encode()


MIXED = "\n".join([HEADER, *RECORDS[:3]]) + "\n" + "\r\n".join(RECORDS[3:6]) + "\r\n" + "\r".join(RECORDS[6:])
BACKWARDS = list(reversed(HEADER.split(";")))
DECOMPOSED = GOOD.decode().replace("Île", "I\u0302le").replace("é", "e\u0301")

READ_FILES = {
    "UTF-8 with a mark": b"\xef\xbb\xbf" + GOOD,
    "a mark twice": b"\xef\xbb\xbf" * 2 + GOOD,
    "latin-1": encoded("latin-1"),
    "UTF-16, little end first": b"\xff\xfe" + encoded("utf-16-le"),
    "UTF-16, big end first": b"\xfe\xff" + encoded("utf-16-be"),
    "LF": GOOD.replace(b"\r\n", b"\n"),
    "CR": GOOD.replace(b"\r\n", b"\r"),
    "CRLF, LF and CR": MIXED.encode(),
    "no line end at the end": GOOD.removesuffix(b"\r\n"),
    "blank lines at the end": GOOD + b"\r\n\r\n",
    "commas": written(LINES, ","),
    "tabs": written(LINES, "\t"),
    "bars": written(LINES, "|"),
    "everything in quotes": written(LINES, quoting=csv.QUOTE_ALL),
    "commas, LF and quotes": written(LINES, ",", "\n", csv.QUOTE_ALL),
    "columns in another order": csv_bytes(LINES, columns=BACKWARDS),
    "lines in another order": csv_bytes(LINES[::-1]),
    "names in upper case": GOOD.replace(HEADER.encode(), HEADER.upper().encode()),
    "accents as marks of their own": DECOMPOSED.encode(),
    "180 columns more": with_header(*(f"colonne inconnue {n}" for n in range(180))),
    "columns called like paths and scripts": with_header(
        "../../etc/passwd", "C:\\Windows", "<script>alert(1)</script>", "=cmd()", "') DROP TABLE export --", "CON"
    ),
    "gzip": gzip.compress(GOOD, mtime=0),
    "gzip twice over": gzip.compress(GOOD[:500], mtime=0) + gzip.compress(GOOD[500:], mtime=0),
}


@pytest.mark.parametrize("name", READ_FILES)
def test_a_file_written_otherwise_says_the_same(tmp_path: Path, plain: Manifest, name: str) -> None:
    path = tmp_path / "export.csv"
    path.write_bytes(READ_FILES[name])
    archive = Archive(DataDir(tmp_path / "data"), SMALL)
    manifest = archive.take_in(from_file(path)).manifest  # type: ignore[arg-type]
    assert (manifest.rows, manifest.quarters) == (ROWS, plain.quarters)
    assert {p.parent for p in (tmp_path).rglob("*.parquet")} <= {
        *((archive.data_dir.quarters / quarter) for quarter in plain.quarters),
        archive.data_dir.releases / manifest.release_id,
    }


def test_what_the_plain_file_says(plain: Manifest) -> None:
    """So that none of the above can agree in being wrong."""
    dossiers = {"2023-T4": 10 + 11 + 12, "2024-T1": sum(range(10, 20)), "2024-T2": 10}
    assert {q: (c.rows, c.dossiers) for q, c in plain.quarters.items()} == {
        "2023-T4": (4, dossiers["2023-T4"]),
        "2024-T1": (11, dossiers["2024-T1"]),
        "2024-T2": (1, dossiers["2024-T2"]),
    }


# -- Parquet ---------------------------------------------------------------------------------------------

NUMBERS = {name: pa.int64() for name in ("nb_dossiers", "nb_titulaires", "nb_dossiers_a_duree_connue")}


@pytest.mark.parametrize(
    "types",
    [
        {},
        NUMBERS,
        dict.fromkeys(NUMBERS, pa.float64()),
        dict.fromkeys(NUMBERS, pa.uint8()),
        {"montant_engage": pa.decimal128(18, 2), "part_titulaire": pa.decimal128(38, 10)},
        {"prix_moyen": pa.float64(), "duree_moyenne": pa.float32()},
        {"region": pa.dictionary(pa.int8(), pa.string())},
        {"region": pa.large_string()},
    ],
    ids=str,
)
def test_parquet_of_other_types_says_the_same(tmp_path: Path, plain: Manifest, types: dict[str, pa.DataType]) -> None:
    manifest = Archive(DataDir(tmp_path), SMALL).take_in(sender(parquet_bytes(LINES, types), format="parquet")).manifest
    assert (manifest.rows, manifest.quarters) == (ROWS, plain.quarters)


@pytest.mark.parametrize("unit", ["date", "s", "us", "ns"])
def test_parquet_with_a_day_for_the_quarter_says_the_same(tmp_path: Path, plain: Manifest, unit: str) -> None:
    table = pq.read_table(io.BytesIO(parquet_bytes(LINES)))
    days = [Quarter.parse(text).first_day for text in table["trimestre"].to_pylist()]
    moments = [dt.datetime.combine(day, dt.time()) for day in days]
    column = pa.array(days) if unit == "date" else pa.array(moments, pa.timestamp(unit))
    sink = io.BytesIO()
    pq.write_table(table.set_column(0, "trimestre", column), sink)
    manifest = Archive(DataDir(tmp_path), SMALL).take_in(sender(sink.getvalue(), format="parquet")).manifest
    assert manifest.quarters == plain.quarters


def parquet_of(**columns: pa.Array) -> bytes:
    """The good export with columns replaced or added."""
    table = pq.read_table(io.BytesIO(parquet_bytes(LINES)))
    for name, column in columns.items():
        at = table.schema.get_field_index(name)
        table = table.append_column(name, column) if at < 0 else table.set_column(at, name, column)
    sink = io.BytesIO()
    pq.write_table(table, sink, compression="zstd")
    return sink.getvalue()


def parquet_of_no_line() -> bytes:
    sink = io.BytesIO()
    pq.write_table(pq.read_table(io.BytesIO(parquet_bytes(LINES))).slice(0, 0), sink)
    return sink.getvalue()


def bomb() -> bytes:
    """Half a million lines in a few kilobytes."""
    entry = {name: pa.array([text]).take(pa.array([0] * 500_000)) for name, text in LINES[0].items()}
    sink = io.BytesIO()
    pq.write_table(pa.table(entry), sink, compression="zstd")
    return sink.getvalue()


REFUSED_PARQUET = {
    "lists": (lambda: parquet_of(region=pa.array([["x"]] * ROWS)), "type_inattendu", "a nested type"),
    "structs": (lambda: parquet_of(nb_dossiers=pa.array([{"n": 1}] * ROWS)), "type_inattendu", "a nested type"),
    "bytes": (lambda: parquet_of(genre=pa.array([b"\xff"] * ROWS)), "type_inattendu", "BLOB"),
    "decimals that would be rounded": (
        lambda: parquet_of(montant_engage=pa.array([Decimal("1.23")] * ROWS, pa.decimal256(60, 2))),
        "type_inattendu",
        "decimals of 60 digits",
    ),
    "a number for the quarter": (
        lambda: parquet_of(trimestre=pa.array([1.5] * ROWS)), "aucun_trimestre_valide", "'1.5'"
    ),
    "a column twice": (lambda: parquet_of(REGION=pa.array(["x"] * ROWS)), "entete_en_double", "'REGION'"),
    "a long text": (lambda: parquet_of(region=pa.array(["x" * 10**5] * ROWS)), "limite_depassee", "MAX_FIELD_BYTES"),
    "NUL": (lambda: parquet_of(region=pa.array(["a\0b"] * ROWS)), "octet_nul", "NUL byte"),
    "5,000 columns": (
        lambda: parquet_of(**{f"c{n}": pa.array([n] * ROWS) for n in range(5000)}), "limite_depassee", "columns"
    ),
    "no line": (parquet_of_no_line, "export_vide", "no line after the header"),
    "a bomb": (bomb, "limite_depassee", "MAX_BYTES"),
    "half of one": (lambda: parquet_bytes(LINES)[:2000], "pas_un_export", "Parquet file that is cut"),
    "none": (lambda: b"PAR1" + bytes(100) + b"PAR1", "pas_un_export", "cannot be read whole"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED_PARQUET)
def test_parquet_is_refused_and_the_archive_stays(archive: Archive, tmp_path: Path, name: str) -> None:
    make, rule, says = REFUSED_PARQUET[name]
    path = tmp_path / "export.parquet"
    path.write_bytes(make())
    assert path.stat().st_size < SMALL.max_bytes
    refused(archive, from_file(path), ContractError, rule, says)


# -- a path that is no file ------------------------------------------------------------------------------


def test_a_link_to_a_file_is_followed_and_the_file_stays(tmp_path: Path, plain: Manifest) -> None:
    (tmp_path / "export.csv").write_bytes(GOOD)
    (tmp_path / "link.csv").symlink_to("export.csv")
    found = Archive(DataDir(tmp_path / "data")).take_in(from_file(tmp_path / "link.csv"))  # type: ignore[arg-type]
    assert found.manifest.quarters == plain.quarters
    assert (tmp_path / "link.csv").is_symlink()
    assert (tmp_path / "export.csv").read_bytes() == GOOD
    kept = found.manifest.export
    assert kept
    assert not (tmp_path / "data" / "raw" / "releases" / found.manifest.release_id / kept).is_symlink()


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("folder", "it is a directory"),
        ("link to a folder", "it is a directory"),
        ("link to nothing", "No such file"),
        ("link to itself", "symbolic links"),
        ("pipe", "a device or a pipe"),
        ("nothing", "No such file"),
        ("folder/nothing", "No such file"),
        ("a\0b", "no path at all"),
        ("x" * 5000, "File name too long"),
    ],
)
def test_what_is_no_file_is_no_source(archive: Archive, tmp_path: Path, name: str, says: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "link to a folder").symlink_to("folder")
    (tmp_path / "link to nothing").symlink_to("nowhere")
    (tmp_path / "link to itself").symlink_to("link to itself")
    os.mkfifo(tmp_path / "pipe")
    refused(archive, from_file(tmp_path / name), UsageError, None, says)


# -- the portal ------------------------------------------------------------------------------------------

DAY = dt.date(2026, 7, 8)
SERVED = TinyRelease(DAY, 120)


@pytest.fixture(scope="module")
def running() -> Iterator[SimulatedPortal]:
    with SimulatedPortal([SERVED]) as found:
        yield found


@pytest.fixture
def portal(running: SimulatedPortal) -> Iterator[SimulatedPortal]:
    yield running
    running.behave()


@pytest.fixture(scope="module")
def synthetic(tmp_path_factory: pytest.TempPathFactory, running: SimulatedPortal) -> Archive:
    """An archive that holds what the portal serves when it behaves."""
    found = Archive(DataDir(tmp_path_factory.mktemp("synthetic")))
    found.take_in(from_portal(running.url))  # type: ignore[arg-type]
    return found


def from_portal(
    url: str, formats: Sequence[str] = ("csv",), sleeps: list[float] | None = None, **limits: float
) -> object:
    """Fetches as a run does, with little patience and without waiting."""
    settings = Settings(
        data_dir=DataDir(Path("unused")),
        portal_url=url,
        api_key=KEY,
        limits=Limits(**{**IMPATIENT, **limits}),  # type: ignore[arg-type]
    )
    waited = [] if sleeps is None else sleeps
    source = PortalSource(settings, formats=formats, sleep=waited.append, chance=lambda: 0.5)  # type: ignore[arg-type]
    return lambda folder: source.fetch(folder, lambda *_: None)


def content(reply: bytes) -> dict[str, object]:
    return {"base64": base64.b64encode(reply).decode()}


CUT = (ContractError, "export_tronque", "cut")
LIMIT = (ContractError, "limite_depassee")
REFUSED_ANSWERS = {
    "1 line more than announced": ("wrong_count", {"by": -1}, ContractError, "lignes_en_trop", "announces only 119"),
    "1 line less than announced": ("wrong_count", {"by": 1}, ContractError, "export_tronque", "announces 121"),
    "a header and no line": ("header_only", {}, ContractError, "export_vide", "announces 120"),
    "no byte": ("body", content(b""), ContractError, "export_vide", "0 bytes"),
    "no line that we may see": ("restricted", {}, ContractError, "export_vide", "empty or restricted"),
    "HTML": ("html", {}, ContractError, "pas_un_export", "but HTML"),
    "JSON": ("json", {}, ContractError, "pas_un_export", "Le service est indisponible."),
    "429 for ever, back in an hour": ("too_many", {}, RateLimitedError, None, "takes requests again at"),
    "429 for ever, back at once": ("too_many", {"reset_in": -5}, RateLimitedError, None, "MCF_API_KEY"),
    "429 for the export alone": ("too_many", {"on": "exports"}, RateLimitedError, None, "csv export of"),
    "403": ("forbidden", {}, SourceError, None, "not open to us (status 403)"),
    "403 for the export alone": ("forbidden", {"on": "exports"}, SourceError, None, "MCF_API_KEY"),
    "404": ("not_found", {}, SourceError, None, "knows no dataset"),
    "404 for the export alone": ("not_found", {"on": "exports"}, SourceError, None, "knows no dataset"),
    "500 for ever": ("failing", {"on": "exports"}, SourceError, None, "fails with status 500"),
    "a redirect to nowhere": ("redirect", {"to": "file:///etc/passwd"}, SourceError, None, "no usable address"),
    "redirects without end": ("redirect", {"on": "exports", "to": ""}, SourceError, None, "more than 5 redirects"),
    "a body that never ends": ("endless", {}, *LIMIT, "MCF_LIMIT_MAX_BYTES"),
    "a byte now and then": ("slow", {"seconds": 0.05}, *LIMIT, "MCF_LIMIT_MIN_BYTES_PER_SECOND"),
    "a gzip bomb": ("gzip_bomb", {}, *LIMIT, "MCF_LIMIT_MAX_RATIO"),
    "a gzip cut": ("gzip_cut", {}, ContractError, "export_tronque", "cut within its gzip"),
    "an hour of silence": ("silent", {}, SourceError, None, "timed out"),
    "a reset": ("reset", {"at": 0.5, "on": "exports"}, SourceError, None, "cannot be reached"),
    "UTF-16 without a mark": ("charset", {"charset": "utf-16-le"}, ContractError, "pas_un_export", "binary data"),
    "NUL bytes": ("body", content(b"a;b\n" * 200 + b"1;\0\n"), ContractError, "octet_nul", "NUL byte"),
    "metadata of the wrong types": ("garbage", {}, ContractError, "metadonnees_illisibles", "metas"),
    "a path for the day": (
        "garbage",
        {"value": {"dataset_id": "moncompteformation-les-usagers",
                   "metas": {"default": {"data_processed": "../../../etc/cron.d/x"}}}},
        ContractError, "metadonnees_illisibles", "data_processed is '../../../etc/cron.d/x'",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED_ANSWERS)
def test_an_answer_of_the_portal_is_refused_and_the_archive_stays(
    synthetic: Archive, portal: SimulatedPortal, name: str
) -> None:
    fault, options, kind, rule, says = REFUSED_ANSWERS[name]
    portal.misbehave(fault, None, **options)  # type: ignore[arg-type]
    patience = {"read_timeout": 0.3, "max_attempts": 2} if "silence" in name else {}
    refused(synthetic, from_portal(portal.url, max_bytes=4 * 1024**2, **patience), kind, rule, says)


@pytest.mark.parametrize("tenth", range(10))
@pytest.mark.parametrize(
    ("format", "framing"),
    [("csv", "chunked"), ("csv", "length"), ("csv", "none"), ("csv", "clean"), ("parquet", "length")],
)
def test_an_answer_cut_at_every_tenth_is_refused(
    synthetic: Archive, portal: SimulatedPortal, tenth: int, format: str, framing: str
) -> None:
    portal.misbehave("cut", None, at=tenth / 10, framing=framing)
    fetch = from_portal(portal.url, (format,), max_attempts=1)
    is_nothing = framing in ("none", "clean") and tenth == 0
    rule = "export_vide" if is_nothing else "export_tronque"
    refused(synthetic, fetch, ContractError, rule, "")


@pytest.mark.parametrize("tenth", range(1, 10))
def test_a_body_that_is_cut_and_sent_as_whole_is_refused_by_its_lines(
    synthetic: Archive, portal: SimulatedPortal, tenth: int
) -> None:
    with SimulatedPortal([SERVED]) as other:
        whole = csv_of(other)
    portal.misbehave("body", None, **content(whole[: len(whole) * tenth // 10]))
    refused(synthetic, from_portal(portal.url), *CUT)


def csv_of(portal: SimulatedPortal) -> bytes:
    import requests

    url = f"{portal.url}/api/explore/v2.1/catalog/datasets/{portal.dataset_id}/exports/csv"
    return requests.get(url, params={"delimiter": ";"}, timeout=10).content


PASSING = {
    "429, then success": ("too_many", {"reset_in": 1, "on": "exports"}),
    "429 for the metadata, then success": ("too_many", {"retry_after": 1, "on": "metadata"}),
    "500, then success": ("failing", {"on": "exports"}),
    "500 for the metadata, then success": ("failing", {"on": "metadata"}),
    "cut, then whole": ("cut", {}),
    "a reset, then success": ("reset", {"on": "exports", "at": 0.5}),
}


@pytest.mark.parametrize("name", PASSING)
def test_what_passes_is_got_over(tmp_path: Path, portal: SimulatedPortal, synthetic: Archive, name: str) -> None:
    fault, options = PASSING[name]
    portal.misbehave(fault, 2, **options)  # type: ignore[arg-type]
    sleeps: list[float] = []
    found = Archive(DataDir(tmp_path)).take_in(from_portal(portal.url, sleeps=sleeps))  # type: ignore[arg-type]
    (known,) = synthetic.manifests()
    assert (found.manifest.rows, found.manifest.quarters) == (120, known.quarters)
    assert len(sleeps) == 2
    assert all(0 < pause <= 3 for pause in sleeps)


@pytest.mark.parametrize(
    ("fault", "options"),
    [
        ("charset", {"charset": "latin-1"}),
        ("charset", {"charset": "utf-16"}),
        ("charset", {"charset": "utf-8"}),
        ("bom_twice", {}),
        ("nan", {"on": "metadata"}),
    ],
)
@pytest.mark.parametrize("announced", [None, "text/csv", "text/csv; charset=utf-16", "text/csv; charset=nonsense"])
def test_what_the_portal_says_of_the_charset_does_not_count(
    tmp_path: Path,
    portal: SimulatedPortal,
    synthetic: Archive,
    fault: str,
    options: dict[str, str],
    announced: str | None,
) -> None:
    if announced and fault == "charset":
        whole = csv_of(portal).decode("utf-8-sig").encode(options["charset"])
        fault, options = "body", {**content(whole), "content_type": announced}  # type: ignore[dict-item]
    elif announced:
        pytest.skip("only the charsets are announced otherwise")
    portal.misbehave(fault, None, **options)  # type: ignore[arg-type]
    found = Archive(DataDir(tmp_path)).take_in(from_portal(portal.url))  # type: ignore[arg-type]
    assert found.manifest.quarters == synthetic.manifests()[0].quarters


def test_a_redirect_to_another_host_is_followed_without_the_key(
    tmp_path: Path, portal: SimulatedPortal, synthetic: Archive
) -> None:
    before = len(portal.requests)
    with SimulatedPortal([SERVED]) as other:
        path = f"/api/explore/v2.1/catalog/datasets/{other.dataset_id}/exports/csv?delimiter=%3B"
        portal.misbehave("redirect", on="exports", to=other.url + path)
        found = Archive(DataDir(tmp_path)).take_in(from_portal(portal.url))  # type: ignore[arg-type]
        assert [(r.kind, r.has_key) for r in portal.requests[before:]] == [("metadata", True), ("exports", True)]
        assert [(r.kind, r.has_key) for r in other.requests] == [("exports", False)]
        assert KEY not in repr(other.requests)
    assert found.manifest.quarters == synthetic.manifests()[0].quarters


@pytest.mark.parametrize(
    "dataset_id", ["../../admin", "a/b", "a?apikey=x", "a#b", "a b", "", ".", "..", "a\nb", "%2e%2e"]
)
def test_a_dataset_id_that_would_be_a_path_is_no_id(tmp_path: Path, dataset_id: str) -> None:
    settings = Settings(data_dir=DataDir(tmp_path), dataset_id=dataset_id)
    with pytest.raises(UsageError, match="MCF_DATASET_ID"):
        PortalSource(settings)


# -- the day of a file -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "release_id"),
    [
        ("2026-10-08", "2026-10-08"),
        ("2026-10-08T04:00:00+00:00", "2026-10-08"),
        ("../../../tmp/x", "2026-05-01"),
        ("2026/../..", "2026-05-01"),
        ("9999-12-31", "2026-05-01"),
        ("0001-01-01", "2026-05-01"),
        ("infinity", "2026-05-01"),
        ("-infinity", "2026-05-01"),
        ("=cmd()", "2026-05-01"),
        ("'; DROP TABLE lignes; --", "2026-05-01"),
        ("", "2026-05-01"),
    ],
)
def test_the_day_of_a_file_is_a_day_or_that_of_its_modification(tmp_path: Path, text: str, release_id: str) -> None:
    archive = Archive(DataDir(tmp_path))
    lines = [entry | {"date_chargement": text} for entry in LINES]
    found = archive.take_in(sender(csv_bytes(lines), day=None, suggested_day=dt.date(2026, 5, 1)))
    assert found.manifest.release_id == release_id
    assert [folder.name for folder in archive.data_dir.releases.iterdir()] == [release_id]


# -- lines that are quarantined, and modalities that nobody knows ----------------------------------------

REGIONS = ("Bretagne", "Corse", "Île-de-France", "La Réunion", "Normandie", "Mayotte", "Occitanie", "Grand Est")
AGES = ("Moins de 25 ans", "25 à 39 ans", "40 à 49 ans", "50 ans et plus")
SITUATIONS = (
    *("Demandeur d'emploi", "Employés", "Ouvriers", "Professions intermédiaires"),
    *("Retraités", "Cadre", "Inactifs", "Agriculteurs exploitants"),
)
STATUSES = ("Validé", "Entrée en formation", "Clos - Réalisation Totale", "Rejeté", "Clos - Réalisation Partielle")
KEYS = list(itertools.product(REGIONS, ("Femme", "Homme"), AGES, SITUATIONS, STATUSES, ("2024-T1", "2024-T2")))


@dataclass(frozen=True)
class Bad:
    """A cell, and the rule that its line breaks."""

    column: str
    text: str
    rule: str


ILLEGIBLE = "nombre_illisible"
NEGATIVE = "nombre_negatif"
NO_QUARTER = "trimestre_invalide"
QUARANTINED = [
    *(Bad("nb_dossiers", text, ILLEGIBLE) for text in ("NaN", "inf", "1e999", "1.5", "9223372036854775808")),
    *(Bad("nb_dossiers", text, ILLEGIBLE) for text in ("<script>", "=1+1", "'; DROP TABLE fct_dossiers; --")),
    *(Bad("nb_titulaires", text, ILLEGIBLE) for text in ("-inf", "0x10", "1_000", "١٢", "1,234,567", "../..", "--5")),
    *(Bad("montant_engage", text, ILLEGIBLE) for text in ("Infinity", "1e999", "1" + "0" * 16, "1.234,5", "12 €")),
    *(Bad("part_etat", text, ILLEGIBLE) for text in ("nan", "=cmd()|'/C calc'!A0", "12%")),
    Bad("nb_dossiers", "-1", NEGATIVE),
    Bad("nb_titulaires", "-9223372036854775808", NEGATIVE),
    Bad("montant_engage", "-0.01", NEGATIVE),
    Bad("part_etat", "-1 000,00", NEGATIVE),
    *(Bad("trimestre", text, NO_QUARTER) for text in ("2019-T4", "2027-T1", "9999-T1", "2024-T5", "NaN", "../../etc")),
    *(Bad("trimestre", text, NO_QUARTER) for text in ("2024-04", "2024-02-01", "<script>", "\u0967\u0968", "")),
]  # fmt: skip

UNKNOWN = [
    # dimension, text, label, whether it is known after all
    ("region", "<script>alert(1)</script>", "<script>alert(1)</script>", None),
    ("region", "=cmd()|'/C calc'!A0", "=cmd()|'/C calc'!A0", None),
    ("region", "'; DROP TABLE fct_dossiers; --", "'; DROP TABLE fct_dossiers; --", None),
    ("region", "../../../etc/passwd", "../../../etc/passwd", None),
    ("region", "C:\\Windows\\system32", "C:\\Windows\\system32", None),
    ("region", "..", "..", None),
    ("region", "CON", "CON", None),
    ("region", "Bretagn\u0435", "Bretagn\u0435", None),  # the last letter is Cyrillic
    ("region", "\u202eengaterB", "engaterB", None),  # written from right to left
    ("region", "ligne\nsuivante", "ligne suivante", None),
    ("region", 'a"b;c', 'a"b;c', None),
    ("region", "x" * 3000, "x" * 119 + "…", None),
    ("region", "I\u0302le-de-France", "Île-de-France", "11"),
    ("region", "BRETAGNE\u00a0", "Bretagne", "53"),
    ("region", "Provence\u2011Alpes\u2011Co\u0302te d\u2019Azur", "Provence-Alpes-Côte d'Azur", "93"),
    ("region", "NaN", "Non renseigné", "non_renseigne"),
    ("genre", "\U0001d573omme", "Homme", "homme"),  # a mathematical letter is that letter
    ("genre", "Hоmme", "Hоmme", None),  # its o is Cyrillic
    ("genre", "Non-binaire", "Non-binaire", None),
    ("classe_age", "18-24 ans", "18 à 24 ans", None),
    ("classe_age", "999 ans et plus", "999 ans et plus", None),
    ("situation", "Ouvrier\u200bs", "Ouvriers", "ouvriers"),  # with an invisible blank
    ("situation", "$(rm -rf /)", "$(rm -rf /)", None),
    ("statut_dossier", "Valide\u0301", "Validé", "valide"),
    ("statut_dossier", "Suspendu", "Suspendu", None),
]


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> tuple[Workspace, list[Line]]:
    """One export of thousands of good lines and all of the above, taken in, built and published."""
    keys = iter(KEYS)
    lines = []
    for bad in QUARANTINED:
        lines.append(_of(next(keys)) | {bad.column: bad.text})
    for column, text, _, _ in UNKNOWN:
        # No other line has its age class, or its region: what turns out to be known repeats no key.
        apart = {"region": "Martinique"} if column == "classe_age" else {"classe_age": "Non renseigné"}
        lines.append(_of(next(keys)) | apart | {column: text, "nb_dossiers": "77"})
    lines += [_of(key) for key in keys]
    space = workspace_in(tmp_path_factory.mktemp("hostile"))
    take_in(space.archive, lines)
    build_all(space)
    return space, lines


def _of(key: tuple[str, ...]) -> Line:
    *dimensions, quarter = key
    names = ("region", "genre", "classe_age", "situation", "statut_dossier")
    return lean(quarter, **dict(zip(names, dimensions, strict=True)))


def test_enough_good_lines_stand_beside_the_bad_ones() -> None:
    assert len(QUARANTINED) <= len(KEYS) // 100


@pytest.mark.parametrize(
    "at", range(len(QUARANTINED)), ids=lambda at: f"{QUARANTINED[at].column} {QUARANTINED[at].text!r}"
)
def test_a_bad_line_is_quarantined_as_received(hostile: tuple[Workspace, list[Line]], at: int) -> None:
    space, lines = hostile
    bad, number = QUARANTINED[at], at + 2
    rows = published(
        space, "SELECT regle, colonne, valeur, ligne::JSON FROM stg_rejets WHERE numero_ligne = ?", [number]
    )
    assert len(rows) == 1
    ((rule, column, value, received),) = rows
    assert (rule, column) == (bad.rule, bad.column)
    assert value == bad.text if bad.rule != NO_QUARTER else value in (bad.text, None)
    told = json.loads(received)
    assert told[bad.column] == (bad.text or None)
    assert {name: told[name] for name in lines[at] if name != bad.column} == {
        name: cell for name, cell in lines[at].items() if name != bad.column
    }


@pytest.mark.parametrize("at", range(len(UNKNOWN)), ids=lambda at: f"{UNKNOWN[at][0]} {UNKNOWN[at][1][:30]!r}")
def test_a_modality_is_its_known_one_or_gets_a_row_of_its_own(hostile: tuple[Workspace, list[Line]], at: int) -> None:
    space, _ = hostile
    column, _, label, known = UNKNOWN[at]
    dimension = "statut" if column == "statut_dossier" else column
    number = at + len(QUARANTINED) + 2
    staged = [space.staging.find(q, s[-1]) for q, s in space.archive.timeline().states.items()]
    found = [
        row
        for stage in staged
        if stage
        for row in pq.read_table(stage.file("usagers")).to_pylist()
        if row["numero_ligne"] == number
    ]
    assert len(found) == 1
    identifier = found[0][f"{dimension}_id"]
    rows = published(
        space, f"SELECT {dimension}_id, libelle, est_connue FROM dim_{dimension} WHERE {dimension}_id = ?", [identifier]
    )
    assert rows == [(identifier, label, known is not None)]
    assert identifier == known if known else re.fullmatch(r"[a-z0-9_]{1,60}", identifier)
    assert published(
        space, f"SELECT count(*) FROM fct_dossiers WHERE nb_dossiers = 77 AND {dimension}_id = ?", [identifier]
    ) >= [(1,)]


def test_every_other_line_is_published_exactly(hostile: tuple[Workspace, list[Line]]) -> None:
    space, lines = hostile
    kept = len(lines) - len(QUARANTINED)
    dossiers = 10 * (kept - len(UNKNOWN)) + 77 * len(UNKNOWN)
    assert published(space, "SELECT count(*), sum(nb_dossiers), sum(montant_engage) FROM fct_dossiers") == [
        (kept, dossiers, kept * Decimal("15000.00"))
    ]
    assert published(space, "SELECT count(*), sum(montant) FROM fct_financements") == [
        (kept, kept * Decimal("1234.50"))
    ]
    assert published(space, "SELECT count(*), count(DISTINCT numero_ligne) FROM stg_rejets") == [
        (len(QUARANTINED), len(QUARANTINED))
    ]


def test_nothing_lies_outside_of_the_data_directory_or_under_a_name_of_theirs(
    hostile: tuple[Workspace, list[Line]],
) -> None:
    space, _ = hostile
    allowed = re.compile(r"[\w.-]+")
    names = {part for path in space.data_dir.root.rglob("*") for part in path.relative_to(space.data_dir.root).parts}
    assert all(allowed.fullmatch(name) for name in names)
    assert sorted(p.name for p in space.data_dir.root.iterdir()) == ["pipeline.lock", "raw", "staging", "warehouse"]
    assert {p.name for p in space.data_dir.quarters.iterdir()} == {"2024-T1", "2024-T2"}


def test_too_many_bad_lines_refuse_the_quarter_and_name_the_reasons(tmp_path: Path) -> None:
    """The quarter keeps its previous state; the others of the release are applied."""
    space = workspace_in(tmp_path)
    take_in(space.archive, [*quarter_lines("2024-T1", 50), *quarter_lines("2024-T2", 50)], "2026-07-08")
    build_all(space)
    worse = [*quarter_lines("2024-T1", 48), *quarter_lines("2024-T1", 50, prix_moyen="NaN")[48:]]
    take_in(space.archive, [*worse, *quarter_lines("2024-T2", 49)])
    quarter = Quarter(2024, 1)
    staged = space.staging.stage(quarter, space.archive.timeline().states[quarter][-1])
    assert (staged.is_refused, staged.rejected, staged.commonest) == (True, 2, [("nombre_illisible", "prix_moyen", 2)])
    error = refusal(quarter, staged)
    assert (error.rule, error.exit_code) == ("trop_de_rejets", 4)
    assert "2 of 50 lines rejected" in str(error)
    assert "nombre_illisible in prix_moyen (2 lines)" in str(error)
    assert [q.id for q in space.refusals()] == ["2024-T1"]
    assert published(space, "SELECT trimestre_id, count(*) FROM fct_dossiers GROUP BY ALL ORDER BY ALL") == [
        ("2024-T1", 50),
        ("2024-T2", 50),
    ]
