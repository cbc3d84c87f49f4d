"""What is masked stays so: in every figure, and through the history (``docs/secret.md``).

A figure is never worked out from what a line hides; and what is handed on, the data package, holds one state of each
line, so that no state can be taken from another. The attack that this is about is run here, where it works.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Mapping, Sequence
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcf_pipeline.schemas.base import describe
from mcf_pipeline.schemas.ddl import query
from mcf_pipeline.schemas.marts import (
    QUARTERLY_MARTS,
    MartProfil,
    MartRegion,
    MartRegionSituation,
    MartRevisions,
    MartStatut,
    MartTrimestre,
)
from mcf_pipeline.schemas.warehouse import PAST_STATES, FctDossiersHistorique, FctFinancementsHistorique
from mcf_pipeline.warehouse.assembly import IN_CLEAR, PUBLIC
from mcf_pipeline_tests.warehouse.masking import (
    CELLS,
    FINANCERS,
    KEY,
    MEASURES,
    QUICK,
    R1,
    R2,
    Cell,
    Tables,
    Told,
    derive,
    empty_publication,
    publisher,
    sources,
    true_line,
    value,
)

SUMMARIES = (*QUARTERLY_MARTS, MartRevisions)


@pytest.fixture(scope="module")
def con():
    """A publication in memory with its dimensions and two releases, whose facts each example replaces."""
    return empty_publication()


# -- within one release ------------------------------------------------------------------------------------

NEEDS: Mapping[str, tuple[Cell, ...]] = {
    "nb_dossiers": ("nb_dossiers",),
    "nb_titulaires_max": ("nb_titulaires",),
    "montant_engage": ("montant_engage",),
    "heures_a_duree_connue": ("duree_moyenne", "nb_dossiers_a_duree_connue"),
    "nb_dossiers_a_duree_connue": ("duree_moyenne", "nb_dossiers_a_duree_connue"),
    "dossiers_avant": ("nb_dossiers",),
    "dossiers_apres": ("nb_dossiers",),
    "montant_avant": ("montant_engage",),
    "montant_apres": ("montant_engage",),
    "dossiers_ecart": ("nb_dossiers",),
    "dossiers_ecart_visibles": ("nb_dossiers",),
    "dossiers_ecart_demasques": ("nb_dossiers",),
    "dossiers_ecart_masques": ("nb_dossiers",),
    "montant_ecart": ("montant_engage",),
    "montant_ecart_visibles": ("montant_engage",),
}
"""Of each sum, the cells of a line that it takes; a line that hides one of them is not in it."""


def retold(lines: Sequence[Told], needed: tuple[Cell, ...], numbers: Sequence[int]) -> list[Told]:
    """Lines that a sum of these needs cannot tell from the first: everything else is another value, or hidden."""
    told = []
    for place, line in enumerate(lines):
        changed: dict[Cell, object] = {}
        if any(line.cells[cell] is None for cell in needed):
            changed = dict.fromkeys(needed)
        for index, cell in enumerate(CELLS):
            if cell not in needed:
                number = numbers[(place * len(CELLS) + index) % len(numbers)]
                changed[cell] = None if number % 5 == 0 else value(cell, number)
        told.append(line.but(changed))
    return told


def peeking(con, lines, before, numbers, sql=query) -> set[tuple[str, str]]:
    """Sums that take in more than they may: their table and column."""
    whole = derive(con, lines, before, sql, SUMMARIES)
    found = set()
    for needed in dict.fromkeys(NEEDS.values()):
        has_some = [model for model in SUMMARIES if needed in map(NEEDS.get, describe(model).column_names)]
        other = derive(con, retold(lines, needed, numbers), retold(before, needed, numbers), sql, has_some)
        for table, rows in whole.items():
            for column in describe_columns(table):
                if NEEDS.get(column) == needed:
                    found |= {(table, column) for key, row in rows.items() if row[column] != other[table][key][column]}
    return found


def describe_columns(table: str) -> tuple[str, ...]:
    return next(describe(model).column_names for model in SUMMARIES if describe(model).name == table)


NUMBERS = st.lists(st.integers(0, 9999), min_size=40, max_size=40)


@QUICK
@given(lines=sources(), before=sources(), numbers=NUMBERS)
def test_a_line_that_hides_what_a_sum_needs_is_not_in_it(con, lines, before, numbers):
    assert peeking(con, lines, before, numbers) == set()


PEEKING = {
    "dossiers that are worked out from amount and price": (
        "mart_revisions",
        "sum(nb_dossiers) FILTER (WHERE est_apres) AS dossiers_apres",
        "sum(coalesce(nb_dossiers, montant_engage // nullif(mesures[4], 0))) FILTER (WHERE est_apres) "
        "AS dossiers_apres",
        "dossiers_apres",
    ),
    "a revision that fills in what was told before": (
        "mart_revisions",
        "sum(montant_engage) FILTER (WHERE est_apres) AS montant_apres",
        "sum(coalesce(montant_engage, 1000)) FILTER (WHERE est_apres AND nb_dossiers IS NULL) AS montant_apres",
        "montant_apres",
    ),
}


def example() -> list[Told]:
    """Forty-eight lines, each hiding other cells."""
    chance = random.Random(1)
    lines = []
    for number in range(48):
        key = (
            ("2023-T1", "2024-T1", "2024-T2")[number % 3],
            ("53", "11")[number // 3 % 2],
            ("femme", "homme")[number // 6 % 2],
            "25_a_39_ans",
            ("employes", "demandeur_emploi")[number // 12 % 2],
            ("valide", "realisation_totale")[number // 24],
        )
        hidden = chance.sample(CELLS, chance.choice((0, 1, 1, 2)))
        lines.append(Told(key, {c: None if c in hidden else value(c, chance.randrange(1, 9999)) for c in CELLS}))
    return lines


@pytest.mark.parametrize(("mart", "old", "new", "column"), PEEKING.values(), ids=PEEKING)
def test_a_mart_that_takes_in_more_is_found(con, mart, old, new, column):
    lines, numbers = example(), list(range(3, 10_000, 251))
    assert old in query(mart)
    patched = query(mart).replace(old, new)
    found = peeking(con, lines, lines[::2], numbers, lambda name: patched if name == mart else query(name))
    assert (mart, column) in found


@QUICK
@given(lines=sources(), before=sources())
def test_line_by_line_each_cell_is_the_sources_or_empty(con, lines, before):
    derived = derive(con, lines, before, models=(FctDossiersHistorique, FctFinancementsHistorique))
    told = {(*line.key, R2): line for line in lines} | {(*line.key, R1): line for line in before}
    for table, count in (("fct_dossiers_historique", 1), ("fct_financements_historique", len(FINANCERS))):
        assert len(derived[table]) == len(told) * count
        for row in derived[table].values():
            line = told[*(row[name] for name in KEY), row["valide_depuis"]]
            assert row["est_masque"] == line.is_masked
            if "financeur_id" in row:
                cells = {name: line.cells[name, row["financeur_id"]] for name in ("montant", "nb_dossiers_finances")}
            else:
                cells = {name: line.cells[name] for name in MEASURES}
            assert {name: row[name] for name in cells} == cells


@QUICK
@given(lines=sources(), before=sources())
def test_the_parts_of_a_revision_are_the_change(con, lines, before):
    for row in derive(con, lines, before, models=(MartRevisions,))["mart_revisions"].values():
        for name in ("dossiers", "montant", "parts"):
            parts = ("visibles", "demasques", "masques", "apparus", "disparus")
            assert sum(row[f"{name}_ecart_{part}"] for part in parts) == row[f"{name}_ecart"]
        assert row["dossiers_ecart"] == (row["dossiers_apres"] or 0) - (row["dossiers_avant"] or 0)
        assert row["montant_ecart"] == (row["montant_apres"] or 0) - (row["montant_avant"] or 0)


PARTS = (MartRegion, MartProfil, MartStatut, MartRegionSituation)


@QUICK
@given(lines=sources())
def test_what_adds_up_leaves_no_rest(con, lines):
    """A total less the totals of its parts is nothing: no line is in the one and not in the others."""
    derived = derive(con, lines, models=(MartTrimestre, *PARTS))
    sums = ("nb_lignes", "nb_lignes_masquees", "nb_dossiers_min", "nb_dossiers_max", "montant_engage_min")
    for part in (describe(model).name for model in PARTS):
        found: dict = defaultdict(Decimal)
        for row in derived[part].values():
            for name in sums:
                found[row["trimestre_id"], name] += row[name]
        for (quarter,), row in derived["mart_trimestre"].items():
            for name in sums:
                # A bound of an amount is rounded outwards to the cent in each part.
                tolerance = Decimal("0.01") * len(lines) if name.startswith("montant") else 0
                assert abs(found[quarter, name] - row[name]) <= tolerance, (part, quarter, name)


# -- through the history -----------------------------------------------------------------------------------

PROFILE = KEY[1:5]


def unmasked_by_difference(states: Sequence[Sequence[Mapping]]) -> list[int]:
    """The attack: a profile with one masked line in one state and none in another, whose total is the same.

    Args:
        states: of some states of one quarter, the rows of its lines.

    Returns:
        What the masked lines are taken to have.
    """
    found = []
    profiles = [group(state) for state in states]
    for before in profiles:
        for after in profiles:
            for profile in before.keys() & after.keys():
                hidden = [row for row in before[profile] if row["nb_dossiers"] is None]
                given = [row["nb_dossiers"] for row in after[profile]]
                if len(hidden) == 1 and None not in given:
                    shown = [row["nb_dossiers"] for row in before[profile] if row["nb_dossiers"] is not None]
                    found.append(sum(given) - sum(shown))
    return found


def group(rows: Sequence[Mapping]) -> dict[tuple, list[Mapping]]:
    groups: dict[tuple, list[Mapping]] = defaultdict(list)
    for row in rows:
        groups[tuple(row[name] for name in PROFILE)].append(row)
    return groups


def revised() -> tuple[list[Told], list[Told]]:
    """A profile of 20 dossiers: 3 are still open in the first release, and all are closed in the second."""
    common = ("2024-T1", "53", "femme", "25_a_39_ans", "employes")
    before = [
        true_line((*common, status), people, 0, 100_000, 1000, 5, 0)
        for status, people in (("valide", 3), ("realisation_totale", 17))
    ]
    after = [true_line((*common, "realisation_totale"), 20, 0, 100_000, 1000, 5, 0)]
    return publisher(before), publisher(after)


def states_in(derived: Tables, names: Sequence[str]) -> list[list[Mapping]]:
    """The states of lines that some tables hold, each with its rows."""
    found: dict[str, list[Mapping]] = defaultdict(list)
    for name in names:
        for row in derived[name].values():
            if set(KEY) <= row.keys() and "nb_dossiers" in row:
                found[row.get("valide_depuis") or row["release_id"]].append(row)
    return list(found.values())


def test_the_history_tells_what_was_masked_and_the_package_does_not(con):
    before, after = revised()
    derived = derive(con, after, before)
    assert unmasked_by_difference(states_in(derived, ["fct_dossiers_historique"])) == [3], "the attack works"
    package = [describe(model).name for model in (*PUBLIC, *IN_CLEAR) if describe(model).name in derived]
    assert unmasked_by_difference(states_in(derived, package)) == []


def test_the_package_holds_one_state_of_each_line():
    names = {describe(model).name for model in (*PUBLIC, *IN_CLEAR)}
    assert not names & {describe(model).name for model in PAST_STATES}
    for model in (*PUBLIC, *IN_CLEAR):
        columns = describe(model).column_names
        assert "valide_jusqua" not in columns
        # What compares releases is of a whole quarter, or of a status of it.
        if "release_id" in describe(model).key:
            assert not set(columns) & {*PROFILE}, describe(model).name
