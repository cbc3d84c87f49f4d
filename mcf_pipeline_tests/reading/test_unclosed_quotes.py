"""A quote that is not closed where it should be: what follows must not vanish into one field.

Where a later quote closes it in the same column, what is left is a file as it should be, with fewer records.
"""

import csv
import io
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from mcf_pipeline.errors import ContractError
from mcf_pipeline.reading import encoding
from mcf_pipeline.reading.export import read_export
from mcf_pipeline.settings import Limits


@pytest.fixture(scope="module")
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as opened:
        yield opened


def read(con: duckdb.DuckDBPyConnection, folder: Path, body: bytes, limits: Limits | None = None) -> list[list[str]]:
    """The lines of a file with its header, an empty field as a text."""
    path = folder / "export.csv"
    path.write_bytes(body)
    export = read_export(con, path, "csv", limits or Limits())
    rows = con.execute("SELECT * FROM export ORDER BY numero_ligne").fetchall()
    return [list(export.columns), *([cell or "" for cell in row[1:]] for row in rows)]


def plain(columns: int = 6, lines: int = 8) -> list[list[str]]:
    """A table without anything that asks for quotes."""
    return [[f"c{c}" for c in range(columns)], *([f"{n}-{c}" for c in range(columns)] for n in range(2, lines + 1))]


def joined(table: list[list[str]], line_end: str = "\n") -> bytes:
    return "".join(";".join(row) + line_end for row in table).encode()


def marked(opens: tuple[int, int], closes: tuple[int, int], line_end: str = "\n", **size: int) -> bytes:
    """A plain table with a quote before one cell and one after another; each is told by line and column."""
    table = plain(**size)
    (line, column), (last_line, last_column) = opens, closes
    table[line - 1][column] = '"' + table[line - 1][column]
    table[last_line - 1][last_column] += '"'
    return joined(table, line_end)


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("column", [0, 3, 5])
@pytest.mark.parametrize(("first", "last"), [(1, 2), (1, 8), (2, 3), (3, 4), (3, 6), (2, 8), (7, 8)])
def test_records_that_vanish_into_a_field_are_seen(
    con: duckdb.DuckDBPyConnection, tmp_path: Path, first: int, last: int, column: int, line_end: str
) -> None:
    body = marked((first, column), (last, column), line_end)
    by_hand = list(csv.reader(io.StringIO(body.decode(), newline=""), delimiter=";"))
    assert {len(record) for record in by_hand} == {6}, "the rest must look as it should"
    assert len(by_hand) < 8
    with pytest.raises(ContractError) as caught:
        read(con, tmp_path, body)
    assert caught.value.rule == "ligne_irreguliere"
    assert f"line {first}: a quoted field contains whole lines" in str(caught.value)


@pytest.mark.parametrize("chunk", [1, 2, 3, 7, 64])
def test_they_are_seen_however_the_file_comes(
    con: duckdb.DuckDBPyConnection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chunk: int
) -> None:
    monkeypatch.setattr(encoding, "CHUNK", chunk)
    for line_end in ("\n", "\r\n", "\r"):
        for last in (4, 7):
            with pytest.raises(ContractError, match="line 3: a quoted field contains whole lines"):
                read(con, tmp_path, marked((3, 2), (last, 2), line_end))


def test_one_that_is_never_closed_is_seen_at_once_in_a_large_file(
    con: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    table = plain(6, 200_000)
    table[4][2] = '"' + table[4][2]
    with pytest.raises(ContractError, match="line 5: a quoted field contains whole lines"):
        read(con, tmp_path, joined(table))


def test_a_field_without_end_is_refused_before_its_end(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    body = b'a;b\n1;"' + b"x\n" * 10**7
    with pytest.raises(ContractError, match=r"line 2: a field of more than 65,536 bytes"):
        read(con, tmp_path, body)


TEXTS = ["ligne\nsuivante", "a;b;c", "un;deux\ntrois;quatre", "\n;\n;\n", "x" * 50 + "\r\n" + ";;;", '"\n"', "\n" * 20]


@pytest.mark.parametrize("text", TEXTS)
def test_a_text_of_several_lines_is_read(con: duckdb.DuckDBPyConnection, tmp_path: Path, text: str) -> None:
    table = plain()
    table[2][1] = table[5][4] = text
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=";", lineterminator="\r\n").writerows(table)
    assert read(con, tmp_path, out.getvalue().encode()) == table


# -- fuzzing -------------------------------------------------------------------------------------------------

CELLS = st.sampled_from(
    ["", "1", "12,5", "Bretagne", "Île-de-France", "a b", "a;b", "a\nb", 'a"b', ";", "\n", '"', "''"]
)
BARE = st.sampled_from(["", "1", "12,5", "Bretagne", "Île-de-France", "a b"])


@st.composite
def damaged(draw: st.DrawFn) -> tuple[list[list[str]], str]:
    """A table, and its text with a quote too many at the start of a cell, and perhaps another at the end of one."""
    columns = draw(st.integers(5, 9))
    cells = draw(st.sampled_from([BARE, CELLS]))
    lines = draw(st.lists(st.lists(cells, min_size=columns, max_size=columns), min_size=1, max_size=8))
    table = [[f"c{c}" for c in range(columns)], *lines]
    # A last line of blanks is none, as the reader says elsewhere.
    table[-1][0] = table[-1][0] or "x"
    all_quoted = draw(st.booleans())
    written = []
    for row in table:
        quoted = [all_quoted or any(c in cell for c in ';\n"') for cell in row]
        written.append(
            ['"' + cell.replace('"', '""') + '"' if q else cell for cell, q in zip(row, quoted, strict=True)]
        )
    first = draw(st.tuples(st.integers(0, len(table) - 1), st.integers(0, columns - 1)))
    kind = draw(
        st.sampled_from(["one more", "two more", "two lost", *["two more in a column", "two lost in a column"] * 2])
    )
    last = draw(st.tuples(st.integers(first[0], len(table) - 1), st.integers(0, columns - 1)))
    last = (last[0], first[1]) if "column" in kind else last
    (line, column), (last_line, last_column) = first, last
    if "more" in kind:
        # Two quotes more around quotes alone are how one quote more is written.
        assume(first != last or set(written[line][column]) != {'"'})
        written[line][column] = '"' + written[line][column]
        if kind != "one more":
            written[last_line][last_column] += '"'
    else:
        assume(first != last)
        written[line][column] = written[line][column].removesuffix('"')
        written[last_line][last_column] = written[last_line][last_column].removeprefix('"')
    return table, "".join(";".join(row) + "\n" for row in written)


def test_a_file_with_quotes_too_many_or_too_few_is_refused_or_says_what_it_said(
    con: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    outcomes = {"refused": 0, "swallowed": 0, "read": 0}

    @settings(max_examples=500, deadline=None, derandomize=True, database=None)
    @given(damaged())
    def check(case: tuple[list[list[str]], str]) -> None:
        table, text = case
        try:
            found = read(con, tmp_path, text.encode())
        except ContractError as error:
            outcomes["swallowed" if "whole lines" in str(error) else "refused"] += 1
            return
        outcomes["read"] += 1
        assert found == list(csv.reader(io.StringIO(text, newline=""), delimiter=";", strict=True)), text
        assert found == table, text

    check()
    assert min(outcomes.values()) > 10, outcomes
