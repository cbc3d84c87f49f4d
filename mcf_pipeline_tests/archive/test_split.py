"""An export split into quarters: what the hash of a quarter sees and what it does not, and where its lines go."""

from __future__ import annotations

import datetime as dt
import os
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from mcf_pipeline.archive.split import (
    QuarterDrafts,
    Split,
    batches,
    content_of,
    is_intact,
    split,
    store_line_numbers,
    store_unreadable,
)
from mcf_pipeline.contract.recognition import fields_of, recognise
from mcf_pipeline.contract.source_map import SourceMap
from mcf_pipeline.errors import ContractError
from mcf_pipeline.files import sha256_of
from mcf_pipeline.reading.export import read_export
from mcf_pipeline.settings import Limits
from mcf_pipeline_tests.exports import LABELS, LEAN, Line, csv_bytes, lean, parquet_bytes

TODAY = dt.date(2024, 8, 1)
BASE = [
    lean(),
    lean(statut_dossier="Rejeté", nb_dossiers="", nb_titulaires="", montant_engage="", part_etat=""),
    lean(region="Corse", nb_dossiers="1 200"),
    lean("2024-T2"),
]


@contextmanager
def splitting(
    folder: Path, content: bytes, format: str = "csv", *, store: Path | None = None, most: int = 1000
) -> Iterator[tuple[duckdb.DuckDBPyConnection, Split]]:
    """An export, split, with the connection that holds its lines; its quarters stored in `store`."""
    path = folder / f"export.{format}"
    path.write_bytes(content)
    drafts = QuarterDrafts(folder / "drafts", store or folder / "stored")
    with duckdb.connect(config={"threads": 1}) as con:
        export = read_export(con, path, format, Limits())
        recognition = recognise(fields_of(export.columns, ()), SourceMap())
        yield con, split(con, recognition, TODAY, lambda quarters: drafts.write(con, quarters), most=most)
        drafts.put_in_place()


def store_quarters(folder: Path, content: bytes, store: Path, **options: Any) -> Split:
    """Split an export and store its quarters."""
    with splitting(folder, content, store=store, **options) as (_, found):
        return found


@pytest.fixture(scope="module")
def split_lines(tmp_path_factory) -> Callable[..., Split]:
    """Split lines, given as such or as the bytes of an export."""
    folder = tmp_path_factory.mktemp("split")

    def run(lines, format: str = "csv") -> Split:
        content = lines if isinstance(lines, bytes) else csv_bytes(lines)
        with splitting(folder, content, format) as (_, found):
            return found

    return run


@pytest.fixture(scope="module")
def base(split_lines) -> Split:
    return split_lines(BASE)


def every(**changes: str) -> list[Line]:
    return [entry | changes for entry in BASE]


def spelled(**spellings: str) -> list[Line]:
    """The base with texts replaced wherever they stand."""
    return [{name: spellings.get(cell, cell) for name, cell in entry.items()} for entry in BASE]


def shuffled() -> list[Line]:
    return random.Random(7).sample(BASE, len(BASE))


NUMBERS = {
    "nb_dossiers": pa.int64(),
    "nb_titulaires": pa.float64(),
    "montant_engage": pa.decimal128(18, 2),
    "part_etat": pa.float64(),
}


def numeric() -> list[Line]:
    """The base as a program would write its numbers."""
    plain = {"1 200": "1200", "1 234,50": "1234.5", "": ""}
    return [{name: plain.get(cell, cell) for name, cell in entry.items()} for entry in BASE]


@pytest.mark.parametrize(
    ("content", "format"),
    [
        pytest.param(csv_bytes(shuffled()), "csv", id="rows in another order"),
        pytest.param(csv_bytes(BASE, columns=LEAN[::-1]), "csv", id="columns in another order"),
        pytest.param(csv_bytes(BASE, names=LABELS), "csv", id="labels for technical names"),
        pytest.param(csv_bytes(BASE, delimiter=","), "csv", id="another delimiter"),
        pytest.param(csv_bytes(numeric()), "csv", id="1234.5 for 1 234,50"),
        pytest.param(parquet_bytes(numeric()), "parquet", id="parquet of texts"),
        pytest.param(parquet_bytes(numeric(), NUMBERS), "parquet", id="parquet of numbers"),
        pytest.param(csv_bytes(every(date_chargement="2026-10-08")), "csv", id="a day of loading"),
        pytest.param(csv_bytes(every(donnees_synthetiques="oui")), "csv", id="the mark of made-up data"),
        pytest.param(csv_bytes(every(commentaire="x")), "csv", id="a column nobody knows"),
        pytest.param(csv_bytes(every(part_opco="", prix_moyen=" ")), "csv", id="known columns, all empty"),
        pytest.param(csv_bytes(spelled(Bretagne=" Bretagne  ")), "csv", id="blanks around a text"),
        pytest.param(csv_bytes(spelled(**{"2024-T1": "1er trimestre 2024"})), "csv", id="another spelling of quarters"),
    ],
)
def test_the_same_content_gives_the_same_hash(split_lines, base, content, format):
    assert split_lines(content, format).quarters == base.quarters


CHANGES = [
    {},
    {"nb_dossiers": "11"},
    {"nb_dossiers": ""},
    {"nb_dossiers": "0"},
    {"nb_dossiers": "dix"},
    {"nb_titulaires": "8"},
    {"montant_engage": "15000.01"},
    {"part_etat": "1234.49"},
    {"part_etat": "-1234.5"},
    {"part_opco": "1"},
    {"prix_moyen": "1500"},
    {"region": "Normandie"},
    {"genre": "Homme"},
    {"classe_age": "40 à 49 ans"},
    {"situation": "Cadres"},
    {"statut_dossier": "Entrée en formation"},
]


@pytest.fixture(scope="module")
def hashes_of_changes(split_lines) -> list[str]:
    """The hash of one line with each of the changes, a quarter for each."""
    quarters = [f"{year}-T{number}" for year in range(2020, 2024) for number in range(1, 5)]
    lines = [lean(quarter, **cells) for quarter, cells in zip(quarters, CHANGES, strict=True)]
    found = split_lines(lines).quarters
    return [found[quarter].sha256 for quarter in quarters]


@pytest.mark.parametrize(
    "place", range(1, len(CHANGES)), ids=lambda place: " ".join(map("=".join, CHANGES[place].items()))
)
def test_any_other_figure_key_or_status_gives_another_hash(hashes_of_changes, place):
    assert hashes_of_changes[place] not in hashes_of_changes[:place]


def test_the_same_lines_give_the_same_hash_in_any_quarter(hashes_of_changes, split_lines):
    assert split_lines([lean("2024-T1")]).quarters["2024-T1"].sha256 == hashes_of_changes[0]


def test_a_changed_quarter_leaves_the_hash_of_the_others(split_lines, base):
    found = split_lines([BASE[0] | {"nb_dossiers": "11"}, *BASE[1:]]).quarters
    assert [q for q in found if found[q] != base.quarters[q]] == ["2024-T1"]


@pytest.mark.parametrize("lines", [BASE[1:], [BASE[0], *BASE]], ids=["a line less", "a line twice"])
def test_a_line_more_or_less_gives_another_hash(split_lines, base, lines):
    assert split_lines(lines).quarters["2024-T1"].sha256 != base.quarters["2024-T1"].sha256


def test_figures_that_trade_places_give_another_hash(split_lines, base):
    swapped = [BASE[0] | {"nb_dossiers": "1 200"}, BASE[1], BASE[2] | {"nb_dossiers": "10"}, BASE[3]]
    assert split_lines(swapped).quarters["2024-T1"].sha256 != base.quarters["2024-T1"].sha256


def test_a_figure_in_another_column_gives_another_hash(split_lines):
    one, other = (
        [lean(part_opco="5", part_cec=""), lean("2024-T2")],
        [lean(part_opco="", part_cec="5"), lean("2024-T2")],
    )
    assert split_lines(one).quarters["2024-T1"].sha256 != split_lines(other).quarters["2024-T1"].sha256


def test_each_quarter_counts_its_lines_and_the_dossiers_that_are_given(base):
    assert {q: (c.rows, c.dossiers) for q, c in base.quarters.items()} == {"2024-T1": (3, 1210), "2024-T2": (1, 10)}
    assert (base.rows, base.unreadable_rows) == (4, 0)


UNREADABLE = ["", "2019-T4", "2024-T4", "n'importe quoi", "2024-13-01"]
"""Nothing, before the dataset, after the running quarter, no quarter at all."""


def with_unreadable(readable: int) -> list[Line]:
    return [lean(text) for text in UNREADABLE] + [lean(region=f"R{i}") for i in range(readable)]


def test_one_line_in_a_hundred_may_have_no_readable_quarter(split_lines):
    found = split_lines(with_unreadable(495))
    assert (found.rows, found.unreadable_rows, list(found.quarters)) == (500, 5, ["2024-T1"])


def test_more_than_one_in_a_hundred_refuses_the_release_and_shows_which(split_lines):
    with pytest.raises(ContractError, match=r"5 of 499 lines have no readable quarter in 'trimestre'") as caught:
        split_lines(with_unreadable(494))
    assert caught.value.rule == "aucun_trimestre_valide"
    assert sum(repr(text) in str(caught.value) for text in UNREADABLE) == 3


def test_the_running_quarter_is_allowed(split_lines):
    assert list(split_lines([lean("2024-T3")]).quarters) == ["2024-T3"]


def test_a_year_and_a_number_are_a_quarter(split_lines):
    pairs = [{"annee": "2024", "numero_trimestre": "2"} | {n: c for n, c in lean().items() if n != "trimestre"}]
    assert list(split_lines(pairs).quarters) == ["2024-T2"]


def stored(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_each_quarter_is_stored_under_its_hash_beside_its_checksum(tmp_path):
    found = store_quarters(tmp_path, csv_bytes(BASE), tmp_path / "q")
    expected = [f"{q}/{c.sha256}.{kind}" for q, c in found.quarters.items() for kind in ("parquet", "sha256")]
    assert stored(tmp_path / "q") == sorted(expected)
    for path in (tmp_path / "q").rglob("*.parquet"):
        assert path.with_suffix(".sha256").read_text() == f"{sha256_of(path)}  {path.name}\n"


def test_lines_are_stored_as_received_and_unknown_columns_cannot_pass_for_known_ones(tmp_path):
    store_quarters(tmp_path, csv_bytes(every(commentaire="=cmd()")), tmp_path)
    (file,) = (tmp_path / "2024-T1").glob("*.parquet")
    with duckdb.connect() as con:
        names = [row[0] for row in con.execute(f"DESCRIBE FROM read_parquet('{file}')").fetchall()]
        cells = con.execute(
            f"SELECT nb_dossiers, \"hors_contrat:commentaire\" FROM read_parquet('{file}') ORDER BY 1"
        ).fetchall()
    assert set(names) == {"trimestre_id", "rang", *LEAN, "hors_contrat:commentaire"}
    assert sorted(cells, key=repr) == [("1 200", "=cmd()"), ("10", "=cmd()"), (None, "=cmd()")]


def test_a_stored_quarter_is_not_written_again(tmp_path):
    store_quarters(tmp_path, csv_bytes(BASE), tmp_path)
    for path in tmp_path.rglob("*.parquet"):
        os.utime(path, ns=(1, 1))
    store_quarters(tmp_path, csv_bytes(shuffled()), tmp_path)
    assert {path.stat().st_mtime_ns for path in tmp_path.rglob("*.parquet")} == {1}


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def without_checksum(path: Path) -> None:
    path.with_suffix(".sha256").unlink()


def empty_checksum(path: Path) -> None:
    path.with_suffix(".sha256").write_bytes(b"")


@pytest.fixture(scope="module")
def one_quarter(tmp_path_factory):
    """One stored quarter and what stores it again."""
    folder = tmp_path_factory.mktemp("stored")

    def store() -> Path:
        store_quarters(folder, csv_bytes(BASE[3:]), folder / "q")
        (path,) = (folder / "q").rglob("*.parquet")
        return path

    return store


@pytest.mark.parametrize("damage", [flip, cut, Path.unlink, without_checksum, empty_checksum])
def test_a_damaged_or_missing_file_is_written_again(one_quarter, damage):
    path = one_quarter()
    whole = path.read_bytes()
    damage(path)
    assert not is_intact(path)
    assert one_quarter().read_bytes() == whole
    assert is_intact(path)


def test_line_numbers_are_those_of_the_export(tmp_path):
    with splitting(tmp_path, csv_bytes(shuffled())) as (con, _):
        store_line_numbers(con, tmp_path / "n.parquet")
        found = con.execute(
            "SELECT trimestre_id, rang, numero_ligne FROM 'n.parquet'".replace("n.p", f"{tmp_path}/n.p")
        )
        numbers = {(quarter, number) for quarter, _, number in found.fetchall()}
    assert numbers == {(entry["trimestre"], i) for i, entry in enumerate(shuffled(), start=2)}


# -- a few quarters at a time --------------------------------------------------------------------------------


@pytest.mark.parametrize("most", [1, 2, 3, 100])
def test_however_many_lines_are_worked_on_together_the_outcome_is_the_same(tmp_path, most):
    lines = [*BASE, lean("2023-T4"), *(lean("2024-T3", region=f"R{i}") for i in range(200)), lean("n'importe quoi")]
    outcomes = []
    for size in (most, 1000):
        work = tmp_path / str(size)
        work.mkdir()
        with splitting(work, csv_bytes(lines), store=work / "q", most=size) as (con, found):
            store_line_numbers(con, work / "n.parquet")
            store_unreadable(con, work / "u.parquet")
        with duckdb.connect() as con:
            kept = [con.execute(f"FROM '{work}/{name}.parquet' ORDER BY ALL").fetchall() for name in "nu"]
        outcomes.append((found, kept, stored(work / "q")))
    assert outcomes[0] == outcomes[1]
    assert len(outcomes[0][1][1]) == found.unreadable_rows == 1


def test_the_hash_is_the_one_that_archives_hold(base):
    """Another one would make every quarter of every archive a changed one; these are of version 0.1."""
    assert {quarter: content.sha256 for quarter, content in base.quarters.items()} == {
        "2024-T1": "b2a162126f840216a3c1b02aca29db24a7835b02c1a229bee4d915f1fc5895ba",
        "2024-T2": "9787c9048aacc4f6f6f488d6b45d25d6f5bb10234bbe67b99a54715f0c00984f",
    }


def test_a_stored_quarter_has_the_hash_that_it_is_stored_under(tmp_path):
    lines = [lean("2024-T1", region=f"Région {i}", nb_dossiers=str(i % 7)) for i in range(25_000)]
    found = store_quarters(tmp_path, csv_bytes(lines), tmp_path / "q", most=10)
    (path,) = (tmp_path / "q").rglob("*.parquet")
    with duckdb.connect() as con:
        con.execute(f"CREATE TABLE lignes AS FROM '{path}'")
        assert content_of(con) == found.quarters["2024-T1"].sha256 == path.stem


def test_batches_keep_the_order_and_their_size():
    sizes = {"a": 3, "b": 3, "c": 9, "d": 1, "e": 1}
    assert list(batches(sizes, 6)) == [["a", "b"], ["c"], ["d", "e"]]
    assert list(batches(sizes, 1)) == [[name] for name in sizes]
    assert list(batches({}, 6)) == []
    assert list(batches(sizes, 100, things=2)) == [["a", "b"], ["c", "d"], ["e"]]
    assert list(batches(sizes, 6, things=2)) == [["a", "b"], ["c"], ["d", "e"]]
