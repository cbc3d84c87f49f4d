"""Files as a source may send them by accident or in bad faith, and what each comes to.

The intake (`test_hostile_files`) and the command line (`commands.test_hostile_input`) are tested with the same ones.
"""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Sequence
from pathlib import Path

from mcf_pipeline.settings import Limits
from mcf_pipeline.sources.file import FileSource
from mcf_pipeline_tests.exports import Fetch, Line, csv_bytes, line, masked, quarter_lines

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


def from_file(path: Path, limits: Limits = SMALL) -> Fetch:
    return lambda folder: FileSource(path, limits).fetch(folder, lambda *_: None)


def encoded(codec: str) -> bytes:
    return GOOD.decode().encode(codec)


def with_header(*names: str) -> bytes:
    """The good export with more columns, all cells of which say ``x``."""
    more = "".join(f";{name}" for name in names)
    return "\r\n".join([HEADER + more, *(record + ";x" * len(names) for record in RECORDS), ""]).encode()


def with_cell(column: str, text: str, lines: Sequence[Line] = LINES) -> bytes:
    """The good export with one cell changed, in its last line."""
    return csv_bytes([*lines[:-1], lines[-1] | {column: text}])


def swallowing(first: int, last: int) -> bytes:
    """The good export with a quote before the gender in one record and after it in a later one: fewer, and regular."""
    records = list(RECORDS)
    records[first - 1] = records[first - 1].replace(";Femme;", ';"Femme;')
    records[last - 1] = records[last - 1].replace(";Femme;", ';Femme";')
    assert records[first - 1] != RECORDS[first - 1]
    assert records[last - 1] != RECORDS[last - 1]
    return "\r\n".join([HEADER, *records, ""]).encode()


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
    "cut within a line": (GOOD[: -len(RECORDS[-1]) // 2], "export_tronque", "the export is truncated"),
    "cut within a character": (
        GOOD[: GOOD.rindex("ô".encode()) + 1], "export_tronque", "in the middle of a character"
    ),
    "cut within quotes": (with_cell("part_titulaire", 'a"b\nc')[:-5], "export_tronque", "never closed"),
    "a line too long": (GOOD + RECORDS[0].encode() + b";1\r\n", "ligne_irreguliere", "field(s)"),
    "a line too short": (GOOD + b"2024-T1;Corse\r\n" + RECORDS[0].encode(), "ligne_irreguliere", "2 field(s)"),
    "an empty line inside": (GOOD.replace(b"\r\n", b"\r\n\r\n", 2), "ligne_irreguliere", "an empty line"),
    "a footer": (GOOD + b"Total : 16 lignes\r\n", "ligne_irreguliere", "a footnote below the table"),
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
    "a quote closed five lines later": (swallowing(2, 7), "ligne_irreguliere", "line 3: a quoted field contains"),
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
    "a gzip cut": (gzip.compress(GOOD, mtime=0)[:-9], "export_tronque", "in the middle of its gzip"),
    "a gzip damaged": (gzip.compress(GOOD, mtime=0)[:-8] + bytes(8), "export_tronque", "damaged gzip"),
    "no gzip after all": (b"\x1f\x8b\x08" + bytes(range(100)), "export_tronque", "gzip"),
    # quarters
    "no quarter that is one": (csv_bytes([line("janvier")]), "aucun_trimestre_valide", "'janvier'"),
    "a quarter before 2020": (csv_bytes([line("2019-T4")]), "aucun_trimestre_valide", "'2019-T4'"),
    "a quarter of the future": (csv_bytes([line("2099-T1")]), "aucun_trimestre_valide", "'2099-T1'"),
    "a path as a quarter": (csv_bytes([line("../../2024-T1")]), "aucun_trimestre_valide", "'../../2024-T1'"),
    "NaN as a quarter": (csv_bytes([line("NaN")]), "aucun_trimestre_valide", "'NaN'"),
    # figures
    "lines that contradict each other": (
        csv_bytes([*LINES, LINES[-1] | {"nb_dossiers": "99"}]), "doublons_en_conflit", "different figures"
    ),
}  # fmt: skip


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
