"""What is published tells nobody more of a masked line than the source does, and its bounds hold.

The argument in three properties. A published figure is a function of the unmasked lines and of how many masked
lines there are (1: take the masked lines away and only the columns that count lines, or are bounds made from such
a count, change; 2: change all that the source still gives of a masked line, its means, and no mart moves). So the
value behind a masked cell enters no figure, and no difference of figures can have it. What follows for the
publisher's table: two truths that it masks to the same source give the same figures (3).
"""

from __future__ import annotations

from decimal import Decimal

import duckdb
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mcf_pipeline.schemas.base import describe
from mcf_pipeline.schemas.marts import QUARTERLY_MARTS, MartRevisions
from mcf_pipeline.schemas.views import VAnnee, VTrimestreEvolution
from mcf_pipeline.schemas.warehouse import FctDossiersHistorique, FctFinancementsHistorique
from mcf_pipeline.warehouse.build import open_build
from mcf_pipeline.warehouse.ddl import query, typed
from mcf_pipeline_tests.package.handmade import Line, publish_handmade

DERIVED = (*QUARTERLY_MARTS, MartRevisions, VTrimestreEvolution, VAnnee)
QUARTERS = ["2023-T1", "2024-T1", "2024-T2"]
COUNTS_OF_LINES = {
    "nb_lignes",
    "nb_lignes_masquees",
    "nb_lignes_masquees_un_an_avant",
    "nb_lignes_recues",
    "nb_lignes_valides",
    "nb_dossiers_masques",
    "nb_titulaires_masques",
    "nb_montants_masques",
    "nb_prix_connus",
    "nb_durees_connues",
    "lignes_ajoutees",
    "nb_trimestres",
    "est_complete",
}
BOUNDS = {
    "nb_dossiers_min",
    "nb_titulaires_lignes_masquees_min",
    "nb_titulaires_lignes_masquees_max",
    "nb_titulaires_toutes_lignes_max",
}
OF_THE_NEIGHBOURS = {
    # Of the whole quarter, on each of its statuses; of other quarters, beside this one.
    "taux_realisation",
    "taux_abandon",
    "maturite",
    "nb_dossiers_un_an_avant",
    "montant_un_an_avant",
    "nb_dossiers_cumul_annuel",
    "montant_cumul_annuel",
}
SPECS = {describe(model).name: describe(model) for model in DERIVED}
QUICK = settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@st.composite
def truths(draw):
    """What the publisher knows: every line with its true figures, keys all different."""
    keys = draw(
        st.lists(
            st.tuples(
                st.sampled_from(QUARTERS),
                st.sampled_from(["53", "11"]),
                st.sampled_from(["femme", "homme", "non_renseigne"]),
                st.sampled_from(["employes", "demandeur_emploi"]),
                st.sampled_from(["valide", "realisation_totale", "realisation_partielle", "annule_of"]),
            ),
            min_size=1,
            max_size=10,
            unique=True,
        )
    )
    lines = []
    for quarter, region, genre, situation, statut in keys:
        people = draw(st.integers(1, 12))
        dossiers = people + draw(st.integers(0, 2))
        cents = st.integers(1, 500_000).map(lambda n: Decimal(n) / 100)
        lines.append(
            Line(
                quarter=quarter,
                region=region,
                genre=genre,
                situation=situation,
                statut=statut,
                titulaires=people,
                dossiers=dossiers,
                montant=draw(cents) + 100,
                prix=draw(cents),
                duree=draw(cents),
                connus=draw(st.integers(0, dossiers)),
            )
        )
    return lines


def publisher(lines):
    """The rule of the source: a line of fewer than 5 persons is emptied; its means stay."""
    return [line.masked() if line.titulaires < 5 else line for line in lines]


@pytest.fixture(scope="module")
def con(tmp_path_factory):
    """A build with its dimensions, whose facts each example replaces."""
    data_dir = publish_handmade(tmp_path_factory.mktemp("bounds"), [Line(quarter=quarter) for quarter in QUARTERS])
    with open_build(data_dir) as opened:
        opened.execute("DELETE FROM stg_rejets")
        yield opened


def derive(con: duckdb.DuckDBPyConnection, lines: list[Line]) -> dict[str, dict[tuple, dict]]:
    """Every derived table of these lines, by key."""
    rows = [line.row("2026-10-08") for line in lines]
    parts = [part for line in lines for part in line.parts("2026-10-08")]
    for model, content in ((FctDossiersHistorique, rows), (FctFinancementsHistorique, parts)):
        spec = describe(model)
        con.execute(f"DELETE FROM {spec.name}")
        # As text, so that an all-empty column has a type.
        texts = {
            name: [None if (v := row.get(name)) is None else str(v) for row in content] for name in spec.column_names
        }
        con.register("lignes", pa.table({name: pa.array(values, pa.string()) for name, values in texts.items()}))
        con.execute(f"INSERT INTO {spec.name} BY NAME {typed(spec, 'lignes')}")
        con.unregister("lignes")
    found = {}
    for model in DERIVED:
        spec = describe(model)
        statement = typed(spec, f"({query(spec.name)})")
        result = con.execute(statement, {"trimestres": QUARTERS} if "$trimestres" in statement else None).fetchall()
        if model in QUARTERLY_MARTS:
            con.execute(f"DELETE FROM {spec.name}")
            if result:
                con.executemany(f"INSERT INTO {spec.name} VALUES ({', '.join('?' * len(spec.columns))})", result)
        named = [dict(zip(spec.column_names, row, strict=True)) for row in result]
        found[spec.name] = {tuple(row[name] for name in spec.key): row for row in named}
    return found


@QUICK
@given(truth=truths())
def test_masked_lines_enter_nothing_but_counts_of_lines(con, truth):
    lines = publisher(truth)
    whole, without = derive(con, lines), derive(con, [line for line in lines if not line.is_masked])
    for name, rows in whole.items():
        for key, row in rows.items():
            rest = without[name].get(key)
            figures = set(row) - COUNTS_OF_LINES - BOUNDS
            if rest is not None:
                assert {f: row[f] for f in figures} == {f: rest[f] for f in figures}, (name, key)
                continue
            # A row that only masked lines make: no figure of its own stands in it.
            own = {c.name for c in SPECS[name].columns if c.unit and c.name in figures} - OF_THE_NEIGHBOURS
            assert {f for f in own if row[f] not in (None, 0)} == set(), (name, key)


@QUICK
@given(truth=truths(), means=st.lists(st.integers(1, 10**6), min_size=10, max_size=10))
def test_the_means_of_masked_lines_enter_no_figure(con, truth, means):
    lines = publisher(truth)
    other = [
        Line(**{**vars(line), "prix": Decimal(mean), "duree": Decimal(mean + 1)}) if line.is_masked else line
        for line, mean in zip(lines, means, strict=False)
    ]
    assert derive(con, lines) == derive(con, other)


@QUICK
@given(truth=truths(), hidden=st.lists(st.integers(1, 4), min_size=10, max_size=10))
def test_two_truths_behind_one_source_give_the_same_figures(con, truth, hidden):
    other = [
        Line(
            **{
                **vars(line),
                "titulaires": people,
                "dossiers": people + 1,
                "montant": Decimal(people * 777),
                "connus": 0,
            }
        )
        if line.titulaires < 5
        else line
        for line, people in zip(truth, hidden, strict=False)
    ]
    assert derive(con, publisher(truth)) == derive(con, publisher(other))


@QUICK
@given(truth=truths())
def test_bounds_hold_the_truth_and_depend_on_the_count_alone(con, truth):
    derived = derive(con, publisher(truth))
    groups = {
        "mart_trimestre": ("quarter",),
        "mart_region": ("quarter", "region"),
        "mart_profil": ("quarter", "genre", "age", "situation"),
        "mart_statut": ("quarter", "statut"),
    }
    for name, names in groups.items():
        for key, row in derived[name].items():
            members = [line for line in truth if tuple(getattr(line, n) for n in names) == key]
            masked = [line for line in members if line.titulaires < 5]
            assert row["nb_lignes_masquees"] == len(masked)
            assert row["nb_dossiers_min"] == (row["nb_dossiers"] or 0) + len(masked)
            assert row["nb_dossiers_min"] <= sum(line.dossiers for line in members)
            if "nb_titulaires_max" not in row:
                continue
            hidden = sum(line.titulaires for line in masked)
            assert row["nb_titulaires_lignes_masquees_min"] == len(masked)
            assert row["nb_titulaires_lignes_masquees_max"] == 4 * len(masked)
            assert len(masked) <= hidden <= 4 * len(masked)
            # Distinct persons are at most the sum over lines; the bound is at least that sum.
            assert row["nb_titulaires_toutes_lignes_max"] == (row["nb_titulaires_max"] or 0) + 4 * len(masked)
            assert row["nb_titulaires_toutes_lignes_max"] >= sum(line.titulaires for line in members)
            assert (row["montant_engage"] or 0) <= sum(line.montant for line in members)


def test_no_upper_bound_is_invented_for_dossiers_or_amounts():
    for model in DERIVED:
        for column in describe(model).columns:
            if column.unit in ("dossiers", "euros"):
                assert not column.name.endswith("_max"), column.name


def test_every_sum_of_persons_says_so_in_its_name():
    for model in DERIVED:
        for column in describe(model).columns:
            if column.unit == "personnes":
                assert column.name.endswith(("_min", "_max")), column.name
                assert column.masking, column.name


def test_every_sum_over_lines_that_can_be_masked_has_their_number_beside_it():
    for model in DERIVED:
        spec = describe(model)
        sums = [c.name for c in spec.columns if c.unit in ("dossiers", "personnes") and c.nullable]
        if sums and model is not MartRevisions:
            assert "nb_lignes_masquees" in spec.column_names, spec.name
