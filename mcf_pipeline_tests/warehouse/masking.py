"""Lines of which any figure may be masked, and everything that is published of them.

What the publisher does is known only roughly (a line of fewer than 5 persons is emptied, its means stay), so any
cell may be empty here, alone or with others.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cache
from importlib import resources
from typing import Any

import duckdb
import pyarrow as pa
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st

from mcf_pipeline.contract.modalities import Modality
from mcf_pipeline.duck import ENGINE
from mcf_pipeline.quarter import Quarter
from mcf_pipeline.schemas.base import Table, describe
from mcf_pipeline.schemas.ddl import query, typed
from mcf_pipeline.schemas.marts import QUARTERLY_MARTS, MartRevisions
from mcf_pipeline.schemas.warehouse import (
    DimRelease,
    DimTrimestre,
    FctDossiers,
    FctDossiersEtatsPasses,
    FctFinancements,
    FctFinancementsEtatsPasses,
)
from mcf_pipeline.tables import dimensions
from mcf_pipeline.warehouse import assembly

QUICK = settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    # Each example builds a whole publication: shrinking one would take minutes, and it is small as it is.
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
)
QUARTERS = ("2023-T1", "2024-T1", "2024-T2")
R1, R2 = RELEASES = ("2026-07-08", "2026-10-08")
FINANCERS = ("france_competences", "titulaire", "opco")
KEY = ("trimestre_id", "region_id", "genre_id", "classe_age_id", "situation_id", "statut_id")
MEASURES = (
    "nb_dossiers",
    "nb_titulaires",
    "montant_engage",
    "prix_moyen",
    "duree_moyenne",
    "nb_dossiers_a_duree_connue",
)
Cell = str | tuple[str, str]
"""A measure of a line, or of one financer's part of it."""
CELLS: tuple[Cell, ...] = (
    *MEASURES,
    *((measure, financer) for financer in FINANCERS for measure in ("montant", "nb_dossiers_finances")),
)
STAYS = ("prix_moyen", "duree_moyenne")
"""What the publisher gives of a masked line."""
UNKNOWN = "jamais_vu"
"""A modality that the contract does not know, in each dimension."""
FILES = frozenset(file.name.removesuffix(".sql") for file in resources.files("mcf_pipeline").joinpath("sql").iterdir())
"""What has SQL of its own: marts, views, and the macros that views are made of."""
Tables = dict[str, dict[tuple[Any, ...], dict[str, Any]]]
"""Rows by key, by table."""


@dataclass(frozen=True)
class Told:
    """A line as the source tells it; what is None it hides.

    Attributes:
        key: the six dimensions.
        cells: a value or None for each of `CELLS`.
    """

    key: tuple[str, ...]
    cells: Mapping[Cell, Any]

    @property
    def is_masked(self) -> bool:
        return any(self.cells[name] is None for name in ("nb_dossiers", "nb_titulaires", "montant_engage"))

    def but(self, cells: Mapping[Cell, Any]) -> Told:
        return replace(self, cells={**self.cells, **cells})

    def rows(self, since: str, until: str | None) -> list[dict[str, Any]]:
        """Of the dossiers first, then of each financer."""
        common = {
            **dict(zip(KEY, self.key, strict=True)),
            "est_masque": self.is_masked,
            "release_id": since,
            "valide_depuis": since,
            "valide_jusqua": until,
        }
        parts = (
            {"financeur_id": f, **{m: self.cells[m, f] for m in ("montant", "nb_dossiers_finances")}} for f in FINANCERS
        )
        return [{**common, **{name: self.cells[name] for name in MEASURES}}, *({**common, **part} for part in parts)]


def publisher(lines: Iterable[Told]) -> list[Told]:
    """The rule of the source: a line of fewer than 5 persons is emptied; its means stay."""
    emptied = {cell: None for cell in CELLS if cell not in STAYS}
    return [line.but(emptied) if line.cells["nb_titulaires"] < 5 else line for line in lines]


def value(cell: Cell, number: int) -> Any:
    """A value that a cell can have, made from a number of 0 to 9999."""
    name = cell if isinstance(cell, str) else cell[0]
    return number % 20 if name.startswith("nb_") else Decimal(number) / 4


_NUMBERS = st.lists(st.integers(0, 9999), min_size=len(CELLS), max_size=len(CELLS))


def keys(most: int = 8) -> st.SearchStrategy[list[tuple[str, ...]]]:
    """Keys of lines, each once."""
    return st.lists(
        st.tuples(
            st.sampled_from(QUARTERS),
            st.sampled_from(["53", "11"]),
            st.sampled_from(["femme", "homme", "non_renseigne"]),
            st.just("25_a_39_ans"),
            st.sampled_from(["employes", "demandeur_emploi", "non_renseigne"]),
            st.sampled_from(["valide", "realisation_totale", "realisation_partielle", "annule_of"]),
        ),
        min_size=1,
        max_size=most,
        unique=True,
    )


@st.composite
def sources(draw: Callable[..., Any]) -> list[Told]:
    """What a release tells: lines of which some, all or no cells are hidden."""
    lines = []
    for key in draw(keys()):
        given = {cell: value(cell, number) for cell, number in zip(CELLS, draw(_NUMBERS), strict=True)}
        hidden = draw(st.one_of(st.just(set()), st.just(set(CELLS)), st.sets(st.sampled_from(CELLS), max_size=4)))
        lines.append(Told(key, {cell: None if cell in hidden else told for cell, told in given.items()}))
    return lines


def true_line(key: tuple[str, ...], people: int, more: int, price: int, hours: int, known: int, paid: int) -> Told:
    """A line of which everything is known and agrees: the amount is the price of its dossiers, and its parts' sum.

    Args:
        key: the six dimensions.
        people: titulaires; fewer than 5 have 5 dossiers at most, which is the hypothesis of the bounds.
        more: dossiers beyond one each.
        price: mean price in cents.
        hours: mean duration in hundredths.
        known: share of the dossiers with a known duration, in tenths.
        paid: tenths of the amount that the titulaires pay.
    """
    dossiers = people + more if people >= 5 else min(people + more, 5)
    amount = Decimal(price * dossiers) / 100
    theirs = (amount * paid / 10).quantize(Decimal("0.01"))
    count = dossiers if theirs else 0
    return Told(
        key,
        {
            "nb_dossiers": dossiers,
            "nb_titulaires": people,
            "montant_engage": amount,
            "prix_moyen": Decimal(price) / 100,
            "duree_moyenne": Decimal(hours) / 100,
            "nb_dossiers_a_duree_connue": max(1, dossiers * known // 10),
            ("montant", "france_competences"): amount - theirs,
            ("nb_dossiers_finances", "france_competences"): dossiers,
            ("montant", "titulaire"): theirs,
            ("nb_dossiers_finances", "titulaire"): count,
            ("montant", "opco"): Decimal(0),
            ("nb_dossiers_finances", "opco"): 0,
        },
    )


def truths(most: int = 8, most_people: int = 40) -> st.SearchStrategy[list[Told]]:
    """What the publisher knows: every line with all its figures."""
    numbers = (
        st.integers(1, most_people),
        st.integers(0, 2),
        st.integers(1, 500_000),
        st.integers(1, 20_000),
        st.integers(1, 10),
        st.integers(0, 9),
    )
    return keys(most).flatmap(
        lambda chosen: st.tuples(*(st.builds(true_line, st.just(key), *numbers) for key in chosen)).map(list)
    )


def empty_publication(quarters: Iterable[str] = QUARTERS) -> duckdb.DuckDBPyConnection:
    """The tables, views and macros of a published file, in memory, with its dimensions and no line."""
    con = duckdb.connect(config=ENGINE)
    assembly.create(con)
    for name, model in dimensions.MODALITY_DIMENSIONS.items():
        assembly.insert(con, model, dimensions.modalities(name, [Modality(UNKNOWN, UNKNOWN, False)]))
    assembly.insert(con, dimensions.DimFinanceur, dimensions.financers())
    assembly.insert(con, DimTrimestre, dimensions.quarters(map(Quarter.parse, quarters)))
    releases = (
        {
            "release_id": release,
            "rang": rank,
            "date_release": dt.date.fromisoformat(release),
            "nb_lignes": 1,
            "nb_trimestres": 1,
            "sha256": str(rank),
            "origine": "sample:",
            "est_courante": release == R2,
            "est_synthetique": True,
        }
        for rank, release in enumerate(RELEASES, start=1)
    )
    assembly.insert(con, DimRelease, dimensions.frame_of(DimRelease, releases))
    return con


def derive(
    con: duckdb.DuckDBPyConnection,
    lines: Sequence[Told],
    before: Sequence[Told] = (),
    sql: Callable[[str], str] = query,
    models: Sequence[type[Table]] = (*assembly.PUBLISHED, *assembly.PUBLISHED_VIEWS),
) -> Tables:
    """Tables and views of the publication, by default every one.

    Args:
        con: from `empty_publication`.
        lines: what the newest release tells.
        before: what the release before it told, of any quarter.
        sql: the text of a mart by name.
        models: which tables and views to read.
    """
    for fact, past, place in (
        (FctDossiers, FctDossiersEtatsPasses, slice(0, 1)),
        (FctFinancements, FctFinancementsEtatsPasses, slice(1, None)),
    ):
        _replace(con, fact, (row for line in lines for row in line.rows(R2, None)[place]))
        _replace(con, past, (row for line in before for row in line.rows(R1, R2)[place]))
    return compute(con, sql, models)


def compute(
    con: duckdb.DuckDBPyConnection,
    sql: Callable[[str], str] = query,
    models: Sequence[type[Table]] = (*assembly.PUBLISHED, *assembly.PUBLISHED_VIEWS),
) -> Tables:
    """The marts of the facts that are there, computed and stored; then the rows of tables and views.

    A mart that none of them reads stays empty.
    """
    quarters = [quarter for (quarter,) in con.execute("SELECT trimestre_id FROM dim_trimestre").fetchall()]
    read = read_by(describe(model).name for model in models)
    for model in (*QUARTERLY_MARTS, MartRevisions):
        spec = describe(model)
        con.execute(f"DELETE FROM {spec.name}")
        if spec.name not in read:
            continue
        statement = typed(spec, f"({sql(spec.name)})")
        parameters = {"trimestres": quarters} if "$trimestres" in statement else None
        con.execute(f"INSERT INTO {spec.name} BY NAME {statement}", parameters)
    found: Tables = {}
    for model in models:
        spec = describe(model)
        told = con.execute(f"SELECT {', '.join(spec.column_names)} FROM {spec.name}").fetchall()
        named = [dict(zip(spec.column_names, row, strict=True)) for row in told]
        found[spec.name] = {tuple(row[name] for name in spec.key): row for row in named}
        assert len(found[spec.name]) == len(named), f"{spec.name}: two rows have the same key"
    return found


def read_by(names: Iterable[str]) -> set[str]:
    """These tables and views, and whatever their SQL names, and so on: what must be there for them to be right."""
    found: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += _named_in(name)
    return found


@cache
def _named_in(name: str) -> frozenset[str]:
    text = query(name) if name in FILES else ""
    return (FILES & set(re.findall(r"\w+", text))) - {name}


def _replace(con: duckdb.DuckDBPyConnection, model: type[Table], rows: Iterable[Mapping[str, Any]]) -> None:
    spec, content = describe(model), list(rows)
    con.execute(f"DELETE FROM {spec.name}")
    # As text, so that an all-empty column has a type.
    texts = {name: [None if (v := row.get(name)) is None else str(v) for row in content] for name in spec.column_names}
    con.register("lignes", pa.table({name: pa.array(values, pa.string()) for name, values in texts.items()}))
    con.execute(f"INSERT INTO {spec.name} BY NAME {typed(spec, 'lignes')}")
    con.unregister("lignes")
