"""Nobody can take a masked figure out of what is published, by whatever subtraction.

That nothing is published but what the source gave is not enough to say so. That two sources which hide different
truths behind the same lines give the same figures is true of any program: it never sees the truths. What can go
wrong is that a figure does the sum for its reader which the source leaves to be done: a line that gives its amount,
all but one of its financers' parts and hides the last tells that part by a subtraction; a line that gives price and
amount and hides its dossiers tells them by a division. A gap between amount and parts that took such a line in would
*be* the hidden part, and a reader would have it without having asked.

So this must hold, whatever cells the source hides. Each figure needs certain measures (`NEEDS`): a sum of dossiers the
dossiers, a mean price the price and the dossiers, the gap between amounts and parts the amount and all parts.

    A line that hides one of the measures that a figure needs is to that figure as if it gave none of them; and no
    measure that it does not need enters it.

It follows that every figure in which a hidden measure has a place is what it would be without that line, so no
difference, quotient or other combination of such figures holds anything of it; in the other figures the measure has
no place. What remains is what the source itself gives, cell by cell, and the number of hidden cells.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Mapping, Sequence

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mcf_pipeline.schemas.base import describe
from mcf_pipeline.schemas.ddl import query
from mcf_pipeline.schemas.documentation import DOCUMENTATION
from mcf_pipeline.schemas.marts import QUARTERLY_MARTS, MartRevisions
from mcf_pipeline.schemas.staging import StgRejets
from mcf_pipeline.schemas.views import VAnnee, VDossiers, VFinancements, VTrimestreEvolution
from mcf_pipeline.schemas.warehouse import DIMENSIONS, FACTS, HISTORIES, PAST_STATES
from mcf_pipeline.warehouse.assembly import PUBLISHED, PUBLISHED_VIEWS
from mcf_pipeline_tests.package.handmade import Line, publish_handmade
from mcf_pipeline_tests.warehouse.masking import (
    CELLS,
    FINANCERS,
    KEY,
    MEASURES,
    QUARTERS,
    R1,
    R2,
    Cell,
    Tables,
    Told,
    derive,
    sources,
    value,
)

SUMMARIES = (*QUARTERLY_MARTS, MartRevisions, VTrimestreEvolution, VAnnee)
LINE_BY_LINE = (*FACTS, *PAST_STATES, *HISTORIES, VDossiers, VFinancements)
QUICK = settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

# -- what each figure needs ------------------------------------------------------------------------------

Groups = tuple[frozenset[Cell], ...]
"""Cells that are needed together; a figure of all financers has a group for each."""


def one(*cells: Cell) -> Groups:
    return (frozenset(cells),)


def each(*measures: str) -> Groups:
    return tuple(frozenset((measure, financer) for measure in measures) for financer in FINANCERS)


DOSSIERS, PERSONS, AMOUNT = one("nb_dossiers"), one("nb_titulaires"), one("montant_engage")
PRICE, DURATION = one("prix_moyen", "nb_dossiers"), one("duree_moyenne", "nb_dossiers_a_duree_connue")
GAP = one("montant_engage", *(("montant", financer) for financer in FINANCERS))
PRICE_GAP = one("prix_moyen", "nb_dossiers", "montant_engage")
PART, FINANCED, PART_OF_EACH = each("montant"), each("nb_dossiers_finances"), each("montant", "nb_dossiers_finances")

NEEDS: Mapping[str, Groups] = {
    **dict.fromkeys(
        (
            "nb_dossiers",
            "part_dossiers",
            "part_demandeurs_emploi",
            "part_femmes",
            "taux_realisation",
            "taux_abandon",
            "maturite",
            "nb_dossiers_un_an_avant",
            "evolution_dossiers",
            "nb_dossiers_cumul_annuel",
            "nb_dossiers_min",
            *(
                f"{what}_{when}"
                for what in ("dossiers", "en_cours", "realises", "partiels", "non_realises", "annules")
                for when in ("avant", "apres")
            ),
        ),
        DOSSIERS,
    ),
    **dict.fromkeys(
        (
            "nb_titulaires_max",
            "nb_titulaires_lignes_masquees_min",
            "nb_titulaires_lignes_masquees_max",
            "nb_titulaires_toutes_lignes_max",
        ),
        PERSONS,
    ),
    **dict.fromkeys(
        (
            "montant_engage",
            "part_montant",
            "montant_un_an_avant",
            "evolution_montant",
            "montant_cumul_annuel",
            "montant_avant",
            "montant_apres",
        ),
        AMOUNT,
    ),
    "prix_moyen": PRICE,
    "evolution_prix": PRICE,
    "duree_moyenne": DURATION,
    "ecart_parts_montant": GAP,
    "nb_lignes_ecart_parts": GAP,
    "ecart_prix_montant": PRICE_GAP,
    "nb_lignes_ecart_prix": PRICE_GAP,
    "montant": PART,
    "mart_financement.part_montant": PART,
    "nb_dossiers_finances": FINANCED,
    "montant_moyen_par_dossier": PART_OF_EACH,
}
"""By column, or by table and column where the name alone does not tell."""

COUNTS = {
    "nb_lignes",
    "nb_lignes_masquees",
    "nb_lignes_masquees_un_an_avant",
    "nb_lignes_masquees_avant",
    "nb_lignes_masquees_apres",
    "nb_lignes_recues",
    "nb_lignes_valides",
    "nb_lignes_rejetees",
    "nb_dossiers_masques",
    "nb_titulaires_masques",
    "nb_montants_masques",
    "nb_prix_connus",
    "nb_durees_connues",
    "lignes_ajoutees",
    "lignes_supprimees",
}
"""How many lines there are, and how many hide something: which cells are empty decides these, never a value."""

COMPARED = {"lignes_modifiees", "lignes_identiques"}
"""How many lines tell something else than before: of what is given, and that something is hidden now."""

SUMS = {
    "nb_lignes",
    "nb_lignes_masquees",
    "nb_dossiers",
    "nb_dossiers_min",
    "nb_titulaires_max",
    "nb_titulaires_lignes_masquees_min",
    "nb_titulaires_lignes_masquees_max",
    "nb_titulaires_toutes_lignes_max",
    "montant_engage",
}


def needs(table: str, column: str) -> Groups | None:
    return NEEDS.get(f"{table}.{column}", NEEDS.get(column))


def figures(groups: Groups) -> list[tuple[str, str]]:
    return [
        (describe(model).name, column.name)
        for model in SUMMARIES
        for column in describe(model).columns
        if needs(describe(model).name, column.name) == groups
    ]


def test_what_every_figure_needs_is_said_here():
    for model in SUMMARIES:
        spec = describe(model)
        for column in spec.columns:
            if column.unit or column.duckdb_type in ("DOUBLE", "DECIMAL(18,2)", "DECIMAL(18,4)"):
                known = [needs(spec.name, column.name) is not None, column.name in COUNTS, column.name in COMPARED]
                assert sum(known) == 1, f"{spec.name}.{column.name}"


def test_every_table_and_view_of_the_publication_is_looked_at(con):
    looked_at = {describe(model).name for model in (*SUMMARIES, *LINE_BY_LINE)}
    # Lists of modalities, quarters and releases, and lines that were rejected, as they were received.
    without_figures = {describe(model).name for model in (*DIMENSIONS, StgRejets, *DOCUMENTATION)}
    published = {describe(model).name for model in (*PUBLISHED, *PUBLISHED_VIEWS, *DOCUMENTATION)}
    assert looked_at | without_figures == published
    assert set(derive(con, [])) == published - {describe(model).name for model in DOCUMENTATION}


# -- the property ----------------------------------------------------------------------------------------


def retold(lines: Sequence[Told], groups: Groups, numbers: Sequence[int]) -> list[Told]:
    """Lines that a figure of these needs cannot tell from the first: see the property."""
    needed = {cell for group in groups for cell in group}
    told = []
    for place, line in enumerate(lines):
        incomplete = {cell for group in groups if any(line.cells[c] is None for c in group) for cell in group}
        changed: dict[Cell, object] = dict.fromkeys(incomplete)
        for index, cell in enumerate(CELLS):
            if cell not in needed:
                number = numbers[(place * len(CELLS) + index) % len(numbers)]
                changed[cell] = None if number % 5 == 0 else value(cell, number)
        told.append(line.but(changed))
    return told


def peeking(con: duckdb.DuckDBPyConnection, lines, before, numbers, sql=query) -> set[tuple[str, str]]:
    """Figures that take in more than they may: their table and column."""
    whole = derive(con, lines, before, sql, SUMMARIES)
    found = set()
    for groups in dict.fromkeys(NEEDS.values()):
        other = derive(con, retold(lines, groups, numbers), retold(before, groups, numbers), sql, SUMMARIES)
        for table, column in figures(groups):
            assert whole[table].keys() == other[table].keys()
            if any(row[column] != other[table][key][column] for key, row in whole[table].items()):
                found.add((table, column))
    return found


@pytest.fixture(scope="module")
def con(tmp_path_factory):
    """A published file with its dimensions and two releases, whose facts each example replaces."""
    data_dir = publish_handmade(tmp_path_factory.mktemp("disclosure"), [Line(quarter=quarter) for quarter in QUARTERS])
    with duckdb.connect(data_dir.published_database) as opened:
        opened.execute("DELETE FROM stg_rejets")
        opened.execute("UPDATE dim_release SET rang = 2")
        older = "* REPLACE (? AS release_id, 1 AS rang, false AS est_courante)"
        opened.execute(f"INSERT INTO dim_release SELECT {older} FROM dim_release", [R1])
        yield opened


NUMBERS = st.lists(st.integers(0, 9999), min_size=40, max_size=40)


@QUICK
@given(lines=sources(), before=sources(), numbers=NUMBERS)
def test_a_line_that_hides_what_a_figure_needs_is_not_in_it(con, lines, before, numbers):
    assert peeking(con, lines, before, numbers) == set()


# -- the property can fail -------------------------------------------------------------------------------

PEEKING = {
    "a gap that is the hidden part": (
        "mart_qualite",
        "CASE WHEN count(*) = count(montant) THEN sum(montant) END AS parts",
        "sum(montant) AS parts",
        "ecart_parts_montant",
    ),
    "a price with the amount of lines that hide their dossiers": (
        "mart_region",
        "moyenne_ponderee(prix_moyen, nb_dossiers) AS prix_moyen",
        "sum(montant_engage) / nullif(sum(nb_dossiers), 0) AS prix_moyen",
        "prix_moyen",
    ),
    "a mean of which the weights of other lines are part": (
        "mart_trimestre",
        "moyenne_ponderee(duree_moyenne, nb_dossiers_a_duree_connue)",
        "sum(duree_moyenne * nb_dossiers_a_duree_connue) / nullif(sum(nb_dossiers_a_duree_connue), 0)",
        "duree_moyenne",
    ),
    "dossiers that are worked out from amount and price": (
        "mart_profil",
        "sum(nb_dossiers) AS nb_dossiers",
        "sum(coalesce(nb_dossiers, montant_engage // nullif(prix_moyen, 0))) AS nb_dossiers",
        "nb_dossiers",
    ),
    "an amount of persons who are masked": (
        "mart_statut",
        "au_moins_un_par_ligne(nb_dossiers) AS nb_dossiers_min",
        "au_moins_un_par_ligne(coalesce(nb_dossiers, nb_titulaires)) AS nb_dossiers_min",
        "nb_dossiers_min",
    ),
    "a financer's mean of lines that hide whom it helps": (
        "mart_financement",
        "sum(montant) FILTER (WHERE nb_dossiers_finances IS NOT NULL)",
        "sum(montant)",
        "montant_moyen_par_dossier",
    ),
    "a share whose whole is that of another measure": (
        "mart_region",
        "part(sum(montant_engage), sum(sum(montant_engage)) OVER trimestre)",
        "part(sum(montant_engage) FILTER (WHERE NOT est_masque), sum(sum(montant_engage)) OVER trimestre)",
        "part_montant",
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
    keys = itertools.product(
        QUARTERS,
        ("53", "11"),
        ("femme", "homme"),
        ("25_a_39_ans",),
        ("employes", "demandeur_emploi"),
        ("valide", "realisation_totale"),
    )
    lines = []
    for key in keys:
        hidden = chance.sample(CELLS, chance.choice((0, 1, 1, 2)))
        lines.append(Told(key, {c: None if c in hidden else value(c, chance.randrange(1, 9999)) for c in CELLS}))
    return lines


def peeking_in_example(con: duckdb.DuckDBPyConnection, sql: Mapping[str, str]) -> set[tuple[str, str]]:
    lines, numbers = example(), list(range(3, 10_000, 251))
    return peeking(con, lines, lines[::2], numbers, lambda name: sql.get(name) or query(name))


def test_in_the_example_nothing_is_found(con):
    assert peeking_in_example(con, {}) == set()


@pytest.mark.parametrize(("mart", "old", "new", "column"), PEEKING.values(), ids=PEEKING)
def test_a_mart_that_takes_in_more_is_found(con, mart, old, new, column):
    assert old in query(mart)
    assert (mart, column) in peeking_in_example(con, {mart: query(mart).replace(old, new)})


# -- what else follows, or has to hold beside it ---------------------------------------------------------


@QUICK
@given(lines=sources(), numbers=NUMBERS)
def test_counts_of_lines_depend_on_what_is_empty_alone(con, lines, numbers):
    def same_gaps(line: Told, place: int) -> Told:
        shift = numbers[place % len(numbers)]
        return line.but({c: value(c, shift + i) for i, c in enumerate(CELLS) if line.cells[c] is not None})

    other = derive(con, [same_gaps(line, place) for place, line in enumerate(lines)])
    for table, rows in derive(con, lines).items():
        for key, row in rows.items():
            told = {name: cell for name, cell in row.items() if name in COUNTS}
            assert {name: other[table][key][name] for name in told} == told, (table, key)


@QUICK
@given(lines=sources(), before=sources())
def test_line_by_line_each_cell_is_the_sources_or_empty(con, lines, before):
    derived = derive(con, lines, before)
    told = {(*line.key, R2): line for line in lines} | {(*line.key, R1): line for line in before}
    for table, where in (("fct_dossiers_historique", told), ("fct_financements_historique", told)):
        assert len(derived[table]) == len(where) * (1 if table == "fct_dossiers_historique" else len(FINANCERS))
        for row in derived[table].values():
            line = told[*(row[name] for name in KEY), row["valide_depuis"]]
            assert row["est_masque"] == line.is_masked
            assert cells_of(row) == cells_told(line, row)
    for table in ("fct_dossiers", "fct_financements"):
        for row in derived[table].values():
            line = told[*(row[name] for name in KEY), R2]
            assert cells_of(row) == cells_told(line, row)
    for fact, view in (("fct_dossiers", "v_dossiers"), ("fct_financements", "v_financements")):
        assert len(derived[view]) == len(derived[fact])
        shown, stored = ([cells_of(row) for row in derived[name].values()] for name in (view, fact))
        assert sorted(shown, key=repr) == sorted(stored, key=repr)


def cells_of(row: Mapping) -> dict:
    names = (*MEASURES, "montant", "nb_dossiers_finances")
    return {name: row[name] for name in names if name in row}


def cells_told(line: Told, row: Mapping) -> dict:
    if "financeur_id" in row:
        return {name: line.cells[name, row["financeur_id"]] for name in ("montant", "nb_dossiers_finances")}
    return {name: line.cells[name] for name in MEASURES}


@QUICK
@given(lines=sources(), before=sources())
def test_what_adds_up_leaves_no_rest(con, lines, before):
    """A total less the totals of its parts is nothing: no line is in the one and not in the others."""
    derived = derive(con, lines, before)
    for part in ("mart_region", "mart_profil", "mart_statut"):
        assert added(derived, part, "trimestre_id") == {
            quarter: {name: row[name] for name in row if name in added_columns(derived, part)}
            for (quarter,), row in derived["mart_trimestre"].items()
        }
    quarters = {key: {**row, "annee": int(key[0][:4])} for key, row in derived["mart_trimestre"].items()}
    years = added({"mart_trimestre": quarters}, "mart_trimestre", "annee")
    for (year,), row in derived["v_annee"].items():
        assert {name: years[year][name] for name in row if name in SUMS} == {n: row[n] for n in row if n in SUMS}
    newest = {
        q: row
        for (q, release), row in derived["mart_revisions"].items()
        if release == R2 and row["nature"] != "disparition"
    }
    for (quarter,), row in derived["mart_trimestre"].items():
        assert newest[quarter]["dossiers_apres"] == row["nb_dossiers"]
        assert newest[quarter]["montant_apres"] == row["montant_engage"]
        assert newest[quarter]["nb_lignes_masquees_apres"] == row["nb_lignes_masquees"]


def added_columns(derived: Tables, table: str) -> set[str]:
    return {name for row in derived[table].values() for name in row} & SUMS


def added(derived: Tables, table: str, by: str) -> dict:
    """The sums of a table's rows; None where no row has one."""
    found: dict = {}
    for row in derived[table].values():
        total = found.setdefault(row[by], dict.fromkeys(added_columns(derived, table)))
        for name in total:
            if row[name] is not None:
                total[name] = (total[name] or 0) + row[name]
    return found
