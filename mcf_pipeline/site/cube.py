"""The lines of the published file as columns of whole numbers, with what their codes mean.

The page holds every line, not sums of them, so that any filter can be answered without a server and each figure is
the warehouse's own: 102,707 lines take 1.4 MB. Beyond `MAX_LINES` the finest dimensions are summed up one after the
other, and the page says which.

Each figure that another one nearly tells is kept as the difference to it (an amount to price x dossiers, say), which
is mostly zero and packs to almost nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

import duckdb
import numpy as np

from mcf_pipeline.duck import one
from mcf_pipeline.site.encoding import Column, Flags, Integers

DIMENSIONS = {
    "trimestre": ("dim_trimestre", "trimestre_id", "trimestre_id"),
    "region": ("dim_region", "region_id", "est_outre_mer NULLS LAST, libelle"),
    "genre": ("dim_genre", "genre_id", "genre_id"),
    "classe_age": ("dim_classe_age", "classe_age_id", "ordre, libelle"),
    "situation": ("dim_situation", "situation_id", "ordre, libelle"),
    "statut": ("dim_statut", "statut_id", "ordre, libelle"),
}
"""Of each dimension of a line: its table, its key, and the order in which it is shown. The first changes slowest."""

MAX_LINES = 300_000
"""Lines that a page of 3 MB has room for, roughly; the source has about 100,000."""

SUMMED_FIRST = ("classe_age", "genre", "situation")
"""Dimensions that are given up, in this order, where there are more lines than that."""

MAIN = "france_competences"
"""The financer of more than nine euros in ten."""

PRICE_SCALES = (100, 10_000)
"""Prices and durations have two decimals, and four at most (DECIMAL(18, 4))."""


MOST_PER_MASKED_LINE = 5
"""Dossiers that a masked line can stand for (docs/bornes.md), where the published file does not say it itself."""

HYPOTHESIS = "dossiers_max_par_ligne_masquee"
"""The macro by which a published file states it."""


@dataclass(frozen=True, slots=True)
class Cube:
    """Lines as columns.

    Attributes:
        codes: of each dimension, its rows in the order that the key counts them; an empty list where it is summed up.
        financers: the financers that occur, in order: id and label.
        scales: of `prix` and `duree`, by what their whole numbers are divided.
        columns: `cle` (differences to the line before) and the measures, visible lines first.
    """

    codes: Mapping[str, list[dict[str, Any]]]
    financers: list[dict[str, Any]]
    scales: Mapping[str, int]
    columns: Sequence[Column]


@cache
def statement(name: str) -> str:
    """The text of a query in ``sql/``."""
    return resources.files("mcf_pipeline").joinpath("site", "sql", f"{name}.sql").read_text(encoding="utf-8")


def rows_of(con: duckdb.DuckDBPyConnection, query: str) -> list[dict[str, Any]]:
    """A small query's rows as dictionaries."""
    result = con.execute(query)
    names = [column[0] for column in result.description or []]
    return [dict(zip(names, row, strict=True)) for row in result.fetchall()]


def most_per_masked_line(con: duckdb.DuckDBPyConnection) -> int:
    """The most dossiers that a masked line stands for: as the file's own bounds say, so that the two never differ."""
    (is_stated,) = one(con, "SELECT count(*) FROM duckdb_functions() WHERE function_name = $1", [HYPOTHESIS])
    return int(one(con, f"SELECT {HYPOTHESIS}()")[0]) if is_stated else MOST_PER_MASKED_LINE


def read_cube(con: duckdb.DuckDBPyConnection, *, max_lines: int = MAX_LINES) -> Cube:
    """Read the current state of the published file.

    Args:
        con: a connection to it; temporary tables are made on it.
        max_lines: beyond, dimensions are summed up.
    """
    codes = {
        name: rows_of(con, f"SELECT {key} AS id, * EXCLUDE ({key}) FROM {table} ORDER BY {order}")
        for name, (table, key, order) in DIMENSIONS.items()
    }
    (count,) = one(con, "SELECT count(*) FROM fct_dossiers")
    summed = 0
    while count > max_lines and summed < len(SUMMED_FIRST):
        codes[SUMMED_FIRST[summed]] = []
        summed += 1
        key = _numbered(con, codes)
        (count,) = one(con, f"SELECT count(*) FROM ({statement('sommes').format(lignes=_lines(key))})")
    key = _numbered(con, codes)
    query = statement("sommes").format(lignes=_lines(key)) if summed else statement("lignes").format(lignes=_lines(key))
    lines = _fetch(con, query)
    financers = rows_of(
        con,
        "SELECT financeur_id AS id, libelle FROM dim_financeur "
        "WHERE financeur_id IN (SELECT DISTINCT financeur_id FROM fct_financements) ORDER BY ordre",
    )
    _rank(con, "rang_financeur", [row["id"] for row in financers])
    paid = _fetch(con, statement("financements").format(**key))
    return _packed(codes, financers, lines, paid)


def _numbered(con: duckdb.DuckDBPyConnection, codes: Mapping[str, list[dict[str, Any]]]) -> dict[str, str]:
    """Number the rows of each dimension; returns the SQL of a line's key, and the joins that it needs."""
    terms, joins, factor = [], [], 1
    for name, (_, key, _) in reversed(DIMENSIONS.items()):
        if not codes[name]:
            continue
        _rank(con, f"rang_{name}", [row["id"] for row in codes[name]])
        terms.append(f"rang_{name}.rang * {factor}")
        joins.append(f"JOIN rang_{name} ON rang_{name}.id = fait.{key}")
        factor *= len(codes[name])
    return {"cle": " + ".join(terms), "jointures": "\n".join(joins)}


def _rank(con: duckdb.DuckDBPyConnection, name: str, ids: list[str]) -> None:
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE {name} AS "
        "SELECT unnest($1::VARCHAR[]) AS id, unnest(range(len($1::VARCHAR[])))::BIGINT AS rang",
        [ids],
    )


def _lines(key: Mapping[str, str]) -> str:
    return statement("cube").format(**key)


def _fetch(con: duckdb.DuckDBPyConnection, query: str) -> dict[str, np.ma.MaskedArray[Any, Any]]:
    """A query's columns, each of whole numbers, with what is missing in them."""
    found = con.execute(query).fetchnumpy()
    return {name: np.ma.masked_array(values, dtype=np.int64) for name, values in found.items()}


def _packed(
    codes: Mapping[str, list[dict[str, Any]]],
    financers: list[dict[str, Any]],
    lines: Mapping[str, np.ma.MaskedArray[Any, Any]],
    paid: Mapping[str, np.ma.MaskedArray[Any, Any]],
) -> Cube:
    value = {name: np.ma.filled(column, 0) for name, column in lines.items()}
    missing: dict[str, Flags] = {name: np.ma.getmaskarray(column) for name, column in lines.items()}
    scales = {}
    for name in ("prix", "duree"):
        value[name], scales[name] = _scaled(value[name])
    dossiers = value["nb_dossiers"]
    columns = [
        ("lignes", value["lignes"], missing["lignes"]),
        ("nb_dossiers", dossiers, missing["nb_dossiers"]),
        ("nb_titulaires", dossiers - value["nb_titulaires"], missing["nb_titulaires"]),
        ("prix", value["prix"], missing["prix"]),
        ("duree", value["duree"], missing["duree"]),
        ("duree_connue", dossiers - value["duree_connue"], missing["duree_connue"]),
        # Price and dossiers are whole numbers, so this division rounds alike here and in JavaScript.
        ("montant", value["montant"] - value["prix"] * dossiers * 100 // scales["prix"], missing["montant"]),
    ]
    columns += _financings(financers, value, missing, paid)
    # What is masked is missing in most columns: kept together, it takes no room.
    masked = value["masque"]
    order = np.argsort(masked, kind="stable")
    key = value["cle"]
    return Cube(
        codes=codes,
        financers=financers,
        scales=scales,
        columns=[
            Column("cle", np.diff(key, prepend=0), np.zeros(len(key), dtype=bool)),
            Column("masque", masked, np.zeros(len(key), dtype=bool)),
            *(Column(name, figures[order], gaps[order]) for name, figures, gaps in columns),
        ],
    )


def _scaled(figures: Integers) -> tuple[Integers, int]:
    """Figures of four decimals with as few of them as hold all."""
    few, many = PRICE_SCALES
    if bool(np.any(figures % (many // few))):
        return figures, many
    return figures // (many // few), few


def _financings(
    financers: list[dict[str, Any]],
    value: Mapping[str, Integers],
    missing: Mapping[str, Flags],
    paid: Mapping[str, np.ma.MaskedArray[Any, Any]],
) -> list[tuple[str, Integers, Flags]]:
    """The amount of each financer, and how many dossiers the titulaire paid for; one per line."""
    count = len(value["cle"])
    line = np.searchsorted(value["cle"], paid["cle"].data)
    amounts = np.zeros((len(financers), count), dtype=np.int64)
    unknown = np.zeros((len(financers), count), dtype=bool)
    rank = paid["financeur"].data
    np.add.at(amounts, (rank, line), np.ma.filled(paid["montant"], 0))
    unknown[rank, line] = np.ma.getmaskarray(paid["montant"])
    unknown |= missing["montant"]
    columns = [(f"part_{row['id']}", amounts[place], unknown[place]) for place, row in enumerate(financers)]
    names = [row["id"] for row in financers]
    if "titulaire" in names:
        mine = rank == names.index("titulaire")
        dossiers = np.zeros(count, dtype=np.int64)
        np.add.at(dossiers, line[mine], np.ma.filled(paid["nb_dossiers_finances"][mine], 0))
        gaps = missing["montant"].copy()
        gaps[line[mine]] |= np.ma.getmaskarray(paid["nb_dossiers_finances"][mine])
        columns.append(("dossiers_titulaire", dossiers, gaps))
    if MAIN in names:
        # The main financer pays what the others leave, nearly always to the cent.
        main = names.index(MAIN)
        rest = value["montant"] - (amounts.sum(axis=0) - amounts[main])
        columns[main] = (columns[main][0], rest - amounts[main], columns[main][2])
    return columns
