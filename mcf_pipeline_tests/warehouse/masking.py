"""Lines of which any figure may be masked, and everything that is published of them.

What the publisher does is known only roughly (a line of fewer than 5 persons is emptied, its means stay), so any
cell may be empty here, alone or with others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

import duckdb
import pyarrow as pa
from hypothesis import strategies as st

from mcf_pipeline.schemas.base import Table, describe
from mcf_pipeline.schemas.ddl import query, typed
from mcf_pipeline.schemas.marts import QUARTERLY_MARTS, MartRevisions
from mcf_pipeline.schemas.warehouse import FACTS, PAST_STATES
from mcf_pipeline.warehouse.assembly import PUBLISHED, PUBLISHED_VIEWS

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
        """Of the dossiers first, then of the financers' parts."""
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


def value(cell: Cell, number: int) -> Any:
    """A value that a cell can have, made from a number of 0 to 9999."""
    name = cell if isinstance(cell, str) else cell[0]
    return number % 20 if name.startswith("nb_") else Decimal(number) / 4


_NUMBERS = st.lists(st.integers(0, 9999), min_size=len(CELLS), max_size=len(CELLS))
_KEYS = st.lists(
    st.tuples(
        st.sampled_from(QUARTERS),
        st.sampled_from(["53", "11"]),
        st.sampled_from(["femme", "homme", "non_renseigne"]),
        st.just("25_a_39_ans"),
        st.sampled_from(["employes", "demandeur_emploi", "non_renseigne"]),
        st.sampled_from(["valide", "realisation_totale", "realisation_partielle", "annule_of"]),
    ),
    min_size=1,
    max_size=8,
    unique=True,
)


@st.composite
def sources(draw: Callable[..., Any]) -> list[Told]:
    """What a release tells: lines of which some, all or no cells are hidden."""
    lines = []
    for key in draw(_KEYS):
        given = {cell: value(cell, number) for cell, number in zip(CELLS, draw(_NUMBERS), strict=True)}
        hidden = draw(st.one_of(st.just(set()), st.just(set(CELLS)), st.sets(st.sampled_from(CELLS), max_size=4)))
        lines.append(Told(key, {cell: None if cell in hidden else told for cell, told in given.items()}))
    return lines


def derive(
    con: duckdb.DuckDBPyConnection,
    lines: Sequence[Told],
    before: Sequence[Told] = (),
    sql: Callable[[str], str] = query,
    models: Sequence[type[Table]] = (*PUBLISHED, *PUBLISHED_VIEWS),
) -> Tables:
    """Tables and views of the publication, by default every one.

    Args:
        con: a published file with its dimensions.
        lines: what the newest release tells.
        before: what the release before it told, of any quarter.
        sql: the text of a mart or view by name.
        models: which tables and views to read.
    """
    for told, since, until, (dossiers, financements) in ((lines, R2, None, FACTS), (before, R1, R2, PAST_STATES)):
        rows = [line.rows(since, until) for line in told]
        _replace(con, dossiers, (first for first, *_ in rows))
        _replace(con, financements, (part for _, *parts in rows for part in parts))
    for model in (*QUARTERLY_MARTS, MartRevisions):
        spec = describe(model)
        con.execute(f"DELETE FROM {spec.name}")
        statement = typed(spec, f"({sql(spec.name)})")
        parameters = {"trimestres": list(QUARTERS)} if "$trimestres" in statement else None
        con.execute(f"INSERT INTO {spec.name} BY NAME {statement}", parameters)
    found: Tables = {}
    for model in models:
        spec = describe(model)
        told = con.execute(typed(spec, f"({sql(spec.name)})" if model in PUBLISHED_VIEWS else spec.name)).fetchall()
        named = [dict(zip(spec.column_names, row, strict=True)) for row in told]
        found[spec.name] = {tuple(row[name] for name in spec.key): row for row in named}
    return found


def _replace(con: duckdb.DuckDBPyConnection, model: type[Table], rows: Iterable[Mapping[str, Any]]) -> None:
    spec, content = describe(model), list(rows)
    con.execute(f"DELETE FROM {spec.name}")
    # As text, so that an all-empty column has a type.
    texts = {name: [None if (v := row.get(name)) is None else str(v) for row in content] for name in spec.column_names}
    con.register("lignes", pa.table({name: pa.array(values, pa.string()) for name, values in texts.items()}))
    con.execute(f"INSERT INTO {spec.name} BY NAME {typed(spec, 'lignes')}")
    con.unregister("lignes")
