"""The package holds together as its readers' tools see it, and they see it when it does not.

Two validators are asked: `frictionless`, which readers use, and `validator`, which also reads Parquet and takes
real size in seconds. What is damaged is signed anew, so that the hash cannot be what gives it away. All damages of
a kind are done to one copy, and each has to be named by itself, with its table and column: validating takes a second.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import json
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path

import duckdb
import frictionless
import pytest

from mcf_pipeline.package.writing import write_package
from mcf_pipeline.schemas.base import describe
from mcf_pipeline.schemas.marts import MartQualite, MartRevisions
from mcf_pipeline.settings import DataDir
from mcf_pipeline.warehouse.assembly import IN_CLEAR, PUBLIC
from mcf_pipeline_tests.package import validator

PACKAGED = (*PUBLIC, *IN_CLEAR)
"""The tables and views of the package."""
TABLES = [describe(model).name for model in PACKAGED]
REFERENCES = [(s.name, column.name) for s in map(describe, PACKAGED) for column in s.columns if column.references]
Rows = list[list[str]]
Found = set[tuple[str, str, str]]
"""Kind, resource, and the field where there is one."""


class Package:
    """A copy of a package to damage, and to sign so that the damage looks meant."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.descriptor = json.loads((folder / "datapackage.json").read_text(encoding="utf-8"))

    def resource(self, name: str) -> dict:
        return next(resource for resource in self.descriptor["resources"] if resource["name"] == name)

    def path(self, name: str) -> Path:
        return self.folder / self.resource(name)["path"]

    def rows(self, name: str) -> Rows:
        opened = gzip.open if self.path(name).suffix == ".gz" else open
        with opened(self.path(name), "rt", encoding="utf-8", newline="") as file:
            return list(csv.reader(file, delimiter=";"))

    def write(self, name: str, rows: Rows) -> None:
        text = io.StringIO(newline="")
        csv.writer(text, delimiter=";", lineterminator="\n").writerows(rows)
        content = text.getvalue().encode()
        self.path(name).write_bytes(gzip.compress(content) if self.path(name).suffix == ".gz" else content)

    def sign(self) -> None:
        for resource in self.descriptor["resources"]:
            content = (self.folder / resource["path"]).read_bytes()
            resource |= {"bytes": len(content), "hash": f"sha256:{hashlib.sha256(content).hexdigest()}"}
        (self.folder / "datapackage.json").write_text(json.dumps(self.descriptor), encoding="utf-8")


def by_frictionless(folder: Path) -> Found:
    report = frictionless.validate(str(folder / "datapackage.json"))
    assert report.errors == []
    found = set()
    for task in report.tasks:
        for error in task.errors:
            fields = getattr(error, "field_names", None) or [getattr(error, "field_name", "")]
            found |= {(error.type, task.name, field) for field in fields}
    return found


def by_duckdb(folder: Path) -> Found:
    return {(fault.kind, fault.resource, fault.field) for fault in validator.faults(folder)}


VALIDATORS = {"frictionless": by_frictionless, "duckdb": by_duckdb}
BOTH = pytest.mark.parametrize("by", VALIDATORS)
MADE = pytest.mark.parametrize("made", ["handmade", "synthetic", "revised"])


@pytest.fixture(scope="module")
def copy(handmade, tmp_path_factory) -> Callable[[], Package]:
    def made() -> Package:
        return Package(
            Path(shutil.copytree(handmade.package.resolve(), tmp_path_factory.mktemp("damaged") / "package"))
        )

    return made


# -- whole -----------------------------------------------------------------------------------------------


@MADE
def test_a_package_is_valid_and_every_table_is_read(request, made):
    folder = request.getfixturevalue(made).package.resolve()
    assert validator.faults(folder) == []
    report = frictionless.validate(str(folder / "datapackage.json"))
    assert [error.message for task in report.tasks for error in task.errors] == []
    assert report.valid
    assert {task.name for task in report.tasks if task.type == "table"} == set(TABLES)
    assert len(report.tasks) == 2 * len(TABLES)


def test_there_is_something_to_read_in_every_table(handmade, revised):
    packages = [Package(data_dir.package.resolve()) for data_dir in (handmade, revised)]
    assert [name for name in TABLES if all(len(package.rows(name)) == 1 for package in packages)] == []


# -- damaged rows ----------------------------------------------------------------------------------------


def cell(column: str, value: str) -> Callable[[Rows], Rows]:
    def damage(rows: Rows) -> Rows:
        rows[1][rows[0].index(column)] = value
        return rows

    return damage


def doubled(rows: Rows) -> Rows:
    return [*rows, list(rows[-1])]


def renamed(rows: Rows) -> Rows:
    return [[*rows[0][:-1], "autre"], *rows[1:]]


def shortened(rows: Rows) -> Rows:
    return [*rows[:-1], rows[-1][:-1]]


DAMAGES = {
    "a count that is a word": ("fct_dossiers", cell("nb_dossiers", "douze"), "type-error", "nb_dossiers"),
    "a count with decimals": ("fct_dossiers", cell("nb_titulaires", "1.5"), "type-error", "nb_titulaires"),
    "an amount with a comma": ("fct_financements", cell("montant", "1,50"), "type-error", "montant"),
    "a day that does not exist": ("dim_trimestre", cell("date_debut", "2024-02-30"), "type-error", "date_debut"),
    "a moment without a zone": ("dim_release", cell("data_processed", "2026-10-08"), "type-error", "data_processed"),
    "a flag in words": ("fct_dossiers", cell("est_masque", "oui"), "type-error", "est_masque"),
    "a negative count": ("mart_region", cell("nb_lignes", "-1"), "constraint-error", "nb_lignes"),
    "a share above one": ("mart_trimestre", cell("part_femmes", "1.01"), "constraint-error", "part_femmes"),
    "a word outside its list": ("dim_statut", cell("famille", "perdu"), "constraint-error", "famille"),
    "an empty cell": ("mart_profil", cell("nb_dossiers_min", ""), "constraint-error", "nb_dossiers_min"),
    "an empty key": ("mart_statut", cell("statut_id", ""), "constraint-error", "statut_id"),
    "a row twice": ("fct_financements", doubled, "primary-key", ""),
    "an identifier twice": ("dim_genre", doubled, "unique-error", "genre_id"),
    "a column renamed": ("mart_qualite", renamed, "incorrect-label", ""),
    "a cell too few": ("mart_revisions", shortened, "missing-cell", ""),
}
SAID_OTHERWISE = {
    ("frictionless", "a column renamed"): ("incorrect-label", "mart_qualite", describe(MartQualite).columns[-1].name),
    ("frictionless", "a cell too few"): ("missing-cell", "mart_revisions", describe(MartRevisions).columns[-1].name),
    ("duckdb", "a cell too few"): ("source-error", "mart_revisions", ""),
}


@pytest.fixture(scope="module")
def damaged(copy) -> dict[str, Found]:
    """What each validator says of a package with every one of `DAMAGES`."""
    package = copy()
    for name, damage, _, _ in DAMAGES.values():
        package.write(name, damage(package.rows(name)))
    package.sign()
    return {name: find(package.folder) for name, find in VALIDATORS.items()}


@BOTH
@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_row_is_named(damaged, by, damage):
    name, _, kind, field = DAMAGES[damage]
    assert SAID_OTHERWISE.get((by, damage), (kind, name, field)) in damaged[by]


@pytest.fixture(scope="module")
def severed(copy) -> dict[str, Found]:
    """What each validator says of a package in which no reference of a first row meets its dimension."""
    package = copy()
    for name, column in REFERENCES:
        package.write(name, cell(column, "nulle part")(package.rows(name)))
    package.sign()
    return {name: find(package.folder) for name, find in VALIDATORS.items()}


@BOTH
@pytest.mark.parametrize(("name", "column"), REFERENCES, ids=map(".".join, REFERENCES))
def test_a_reference_that_meets_nothing_is_named(severed, by, name, column):
    assert ("foreign-key", name, column) in severed[by]


# -- damaged files and descriptions ----------------------------------------------------------------------


@pytest.fixture(scope="module")
def flipped(copy) -> dict[str, Found]:
    """What each validator says of a package in each file of which one bit is another."""
    package = copy()
    for resource in package.descriptor["resources"]:
        path = package.path(resource["name"])
        content = bytearray(path.read_bytes())
        # Near the end: in the midst of a gzip, `frictionless` falls over instead of saying what it found.
        content[-2] ^= 1
        path.write_bytes(content)
    return {name: find(package.folder) for name, find in VALIDATORS.items()}


@BOTH
@pytest.mark.parametrize("form", ["", ".parquet"], ids=["csv", "parquet"])
@pytest.mark.parametrize("name", TABLES)
def test_another_bit_is_found_in_every_file(flipped, by, name, form):
    # `frictionless` stops at a gzip or a text that it cannot read, before it compares hashes.
    kinds = (
        {"hash-count", "compression-error", "source-error", "encoding-error"}
        if by == "frictionless"
        else {"hash-count"}
    )
    assert kinds & {kind for kind, resource, _ in flipped[by] if resource == name + form}


@pytest.mark.parametrize("name", ["dim_genre", "fct_financements", "mart_region.parquet"])
def test_a_file_that_is_gone_is_found(copy, name):
    package = copy()
    package.path(name).unlink()
    assert ("scheme-error", name, "") in by_duckdb(package.folder)


WRONG_TYPES = [("fct_dossiers", "region_id", "date"), ("mart_region", "montant_engage", "integer")]


@pytest.fixture(scope="module")
def mistyped(copy) -> dict[str, Found]:
    package = copy()
    for name, column, kind in WRONG_TYPES:
        for form in ("", ".parquet"):
            fields = package.resource(name + form)["schema"]["fields"]
            next(field for field in fields if field["name"] == column)["type"] = kind
    package.sign()
    return {name: find(package.folder) for name, find in VALIDATORS.items()}


@pytest.mark.parametrize(("name", "column", "kind"), WRONG_TYPES)
@pytest.mark.parametrize(("by", "form"), [("frictionless", ""), ("duckdb", ""), ("duckdb", ".parquet")])
def test_a_type_that_is_not_the_files_is_found(mistyped, by, name, form, column, kind):
    assert ("type-error", name + form, column) in mistyped[by]


# -- real size -------------------------------------------------------------------------------------------


def differing(con: duckdb.DuckDBPyConnection, tables: Iterable[str], columns: str) -> int:
    one, other = tables
    rest = (f"SELECT {columns} FROM {a} EXCEPT ALL SELECT {columns} FROM {b}" for a, b in ((one, other), (other, one)))
    return sum(con.execute(f"SELECT count(*) FROM ({query})").fetchall()[0][0] for query in rest)


SHORT = 100_000
"""Bytes of a file that `frictionless` reads in no time."""


@pytest.mark.slow
def test_the_sample_at_real_size_is_valid(full_sample, tmp_path):
    """By `validator` all of it, by `frictionless` what is short: it takes minutes for the lines."""
    (tmp_path / "warehouse").mkdir()
    shutil.copy(full_sample.database, tmp_path / "warehouse")
    data_dir = DataDir(tmp_path)
    write_package(data_dir)
    package = Package(data_dir.package.resolve())
    assert validator.faults(package.folder) == []
    with duckdb.connect(full_sample.database, read_only=True) as con:
        for model in PACKAGED:
            spec = describe(model)
            parquet = f"read_parquet('{package.path(spec.name + '.parquet')}')"
            assert differing(con, (spec.name, parquet), ", ".join(spec.column_names)) == 0, spec.name
    resources = package.descriptor["resources"]
    package.descriptor["resources"] = [r for r in resources if r["bytes"] <= SHORT]
    assert len(package.descriptor["resources"]) > len(resources) / 2
    package.sign()
    assert by_frictionless(package.folder) == set()
