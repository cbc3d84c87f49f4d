"""Every figure of the published warehouse, held against `independent`, which shares no code with the pipeline."""

import csv
import shutil
from collections import Counter
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import dagster as dg
import duckdb
import pytest

from mcf_pipeline.sample.synthetic import SyntheticRelease
from mcf_pipeline_tests import independent_lines as independent
from mcf_pipeline_tests.conftest import Built, built, made_once
from mcf_pipeline_tests.independent import Recomputed
from mcf_pipeline_tests.orchestration.assets import graph, small

KEYS = {
    "mart_trimestre": ("trimestre_id",),
    "mart_region": ("trimestre_id", "region_id"),
    "mart_profil": ("trimestre_id", "genre_id", "classe_age_id", "situation_id"),
    "mart_region_situation": ("trimestre_id", "region_id", "situation_id"),
    "mart_financement": ("trimestre_id", "financeur_id"),
    "mart_region_financement": ("trimestre_id", "region_id", "financeur_id"),
    "mart_statut": ("trimestre_id", "statut_id"),
    "mart_qualite": ("trimestre_id",),
    "mart_revisions": ("trimestre_id", "release_id"),
    "v_trimestre_evolution": ("trimestre_id",),
    "v_annee": ("annee",),
}
IN_PART = {"v_trimestre_evolution", "v_annee"}
"""Views of which only the columns that are recomputed are compared; their indices and means have tests of their own."""
MEANS = {"prix_moyen", "duree_moyenne", "montant_moyen_par_dossier"}
"""Rounded to the cent. In the facts they are the source's own, and exact."""
RATIOS = ("part_", "taux_", "evolution_", "maturite")
CENT = Decimal("0.01")


def rows_of(path: Path, query: str) -> list[dict]:
    with duckdb.connect(path, read_only=True) as con:
        result = con.execute(query)
        names = [column[0] for column in result.description]
        return [dict(zip(names, row, strict=True)) for row in result.fetchall()]


def is_same(column: str, published, expected, *, is_mean: bool) -> bool:
    if published is None or expected is None:
        return published is expected
    if column.startswith(RATIOS):
        return abs(Decimal(published) - expected) <= Decimal("1e-9")
    if is_mean:
        # Correctly rounded; a mean that lies half-way may go either way.
        return published == published.quantize(CENT) and abs(published - expected) <= CENT / 2
    return published == expected


def assert_same(published: list[dict], expected, key: tuple[str, ...], *, has_means: bool = True) -> None:
    """Row for row and cell for cell; a column or row that only one side has is a difference too."""
    expected = list(expected)
    found = {tuple(row[name] for name in key): row for row in published}
    wanted = {tuple(row[name] for name in key): row for row in expected}
    assert len(found) == len(published), "two published rows have the same key"
    assert len(wanted) == len(expected), "two expected rows have the same key"
    assert found.keys() - wanted.keys() == set(), "published rows that the releases do not yield"
    assert wanted.keys() - found.keys() == set(), "rows that are not published"
    assert set(published[0]) == set(expected[0])
    different = [
        (ids, name, found[ids][name], value)
        for ids, row in wanted.items()
        for name, value in row.items()
        if not is_same(name, found[ids][name], value, is_mean=has_means and name in MEANS)
    ]
    assert different[:10] == [], f"{len(different)} cells differ: (key, column, published, expected)"


def compared(database: Path, recomputed: Recomputed, mart: str) -> tuple[list[dict], list[dict]]:
    """The published rows of a mart and the recomputed ones."""
    expected = list(getattr(recomputed, mart)())
    columns = ", ".join(expected[0]) if mart in IN_PART else "*"
    return rows_of(database, f"SELECT {columns} FROM {mart}"), expected


# -- one release of all quarters -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def thinned(tmp_path_factory) -> Built:
    """A release like the sample's newest with an eighth of its lines: recomputing is slow, and more shows no more."""

    def make(folder: Path) -> Built:
        release = SyntheticRelease(scale=0.125)
        csv = folder / release.file_name
        release.write_csv(csv)
        return built(folder, csv)

    return made_once(tmp_path_factory, "thinned", make)


@pytest.fixture(scope="module")
def sample(thinned):
    return Recomputed([thinned.csv])


@pytest.mark.parametrize("mart", KEYS)
def test_every_cell_of_a_mart_is_what_the_csv_yields(thinned, sample, mart):
    assert_same(*compared(thinned.database, sample, mart), KEYS[mart])


def test_every_line_of_the_csv_is_one_row_of_dossiers(thinned, sample):
    published = rows_of(thinned.database, "FROM fct_dossiers")
    assert_same(published, sample.dossiers(), independent.KEY, has_means=False)


def test_every_financer_of_every_line_is_one_row_of_financements(thinned, sample):
    (count,) = rows_of(thinned.database, "SELECT count(*) AS n FROM fct_financements")
    lines = sum(len(quarter.lines) for _, _, quarter in sample.current())
    assert count["n"] == lines * len(independent.FINANCERS)


def test_a_sample_without_mistakes_rejects_nothing(thinned):
    assert rows_of(thinned.database, "FROM stg_rejets") == []


@pytest.mark.parametrize("measure", ["nb_dossiers", "nb_titulaires", "montant_engage"])
def test_no_masked_cell_became_a_number(thinned, measure):
    """As many empty cells as the CSV has empty fields, and no zero where it has none."""
    with thinned.csv.open(encoding="utf-8-sig", newline="") as file:
        written = Counter(record[measure] for record in csv.DictReader(file, delimiter=";"))
    (found,) = rows_of(
        thinned.database,
        f"SELECT count(*) FILTER (WHERE {measure} IS NULL) AS empty, "
        f"count(*) FILTER (WHERE {measure} = 0) AS zero FROM fct_dossiers",
    )
    assert written[""] > 1_000
    assert found == {"empty": written[""], "zero": written["0"] + written["0.00"]}


def test_a_financers_part_of_a_masked_line_is_empty(thinned):
    (found,) = rows_of(
        thinned.database,
        "SELECT count(*) AS n, count(montant) AS amounts, count(nb_dossiers_finances) AS dossiers "
        "FROM fct_financements WHERE est_masque",
    )
    assert found["n"] > 1_000
    assert (found["amounts"], found["dossiers"]) == (0, 0)


def test_a_group_of_masked_lines_alone_has_no_figure(thinned):
    only_masked = rows_of(
        thinned.database,
        "SELECT nb_dossiers, nb_titulaires_max, montant_engage, prix_moyen, duree_moyenne, "
        "FROM mart_profil WHERE nb_lignes = nb_lignes_masquees",
    )
    assert only_masked
    assert {value for row in only_masked for value in row.values()} == {None}


@pytest.mark.parametrize(
    ("dimension", "ids"),
    [
        ("region", independent.REGIONS.values()),
        ("genre", independent.GENDERS.values()),
        ("classe_age", independent.AGES.values()),
        ("situation", [*independent.SITUATIONS.values(), "retraites", "autres_sans_activite"]),
        ("statut", [*(id_ for id_, _ in independent.STATUSES.values()), "rejete"]),
        ("financeur", [*independent.FINANCERS, "autres"]),
    ],
)
def test_a_dimension_has_each_modality_once_and_no_unknown_one(thinned, dimension, ids):
    rows = rows_of(thinned.database, f"FROM dim_{dimension}")
    assert sorted(row[f"{dimension}_id"] for row in rows) == sorted(ids)
    assert all(row.get("est_connue", True) for row in rows)


def test_the_family_of_a_status_is_that_of_its_label(thinned):
    rows = {row["libelle"]: row for row in rows_of(thinned.database, "FROM dim_statut")}
    named = {text: ids for text, ids in independent.STATUSES.items() if text != "-1"}
    assert {text: (rows[text]["statut_id"], rows[text]["famille"]) for text in named} == named


def test_the_quarters_are_those_of_the_csv(thinned, sample):
    rows = rows_of(thinned.database, "FROM dim_trimestre ORDER BY trimestre_id")
    assert [row["trimestre_id"] for row in rows] == [quarter for quarter, _, _ in sample.current()]
    assert {row["trimestre_id"]: str(row["date_debut"]) for row in rows}["2024-T3"] == "2024-07-01"
    assert {row["trimestre_id"]: str(row["date_fin"]) for row in rows}["2024-T3"] == "2024-09-30"


def test_the_only_release_is_current_and_marked_synthetic(thinned):
    (row,) = rows_of(thinned.database, "FROM dim_release")
    assert (row["release_id"], row["rang"], row["est_courante"]) == ("2026-10-08", 1, True)
    assert row["est_synthetique"] is True


# -- successive releases, with every kind of trouble that is let through ---------------------------------------

TROUBLE = [
    ("2021-T1", {"region": "atlantide"}),
    ("2021-T1", {"genre": "autre"}),
    ("2021-T1", {"situation": "astronautes"}),
    ("2021-T1", {"statut_dossier": "en sommeil"}),
    ("2021-T1", {"statut_dossier": "-1"}),
    ("2021-T1", {"classe_age": "-1"}),
    ("2021-T1", {"nb_titulaires": ""}),
    ("2021-T1", {"nb_dossiers": ""}),
    ("2021-T1", {"montant_engage": ""}),
    ("2021-T1", {"part_opco": "", "nb_dossiers_finances_par_opco": "7"}),
    ("2021-T1", {"part_opco": "4321.09", "nb_dossiers_finances_par_opco": ""}),
    ("2021-T1", {"prix_moyen": ""}),
    ("2021-T1", {"prix_moyen": "98765.43"}),
    ("2021-T1", {"duree_moyenne": ""}),
    ("2021-T1", {"nb_dossiers_a_duree_connue": "0"}),
    ("2021-T1", {"part_etat": "1234567.89", "nb_dossiers_finances_par_etat": "3"}),
    ("2021-T2", {"montant_engage": "1.00"}),
    ("2021-T2", {"nb_dossiers": "0", "montant_engage": "0", "nb_dossiers_a_duree_connue": "0", "prix_moyen": ""}),
    # Under one in a hundred lines: the quarter is kept, the line is not.
    ("2021-T2", {"nb_dossiers": "beaucoup"}),
    ("2021-T2", {"montant_engage": "-0.01"}),
    ("2021-T1", {"part_cec": "1,2,3"}),
]


@dataclass(frozen=True)
class Several:
    database: Path
    expected: Recomputed


@pytest.fixture(scope="module")
def several(tmp_path_factory, small_releases, second_run) -> Several:
    """Three releases; the last has lost a quarter, and holds lines with all that the contract lets through."""
    first, second, third = small_releases

    def make(folder: Path) -> Path:
        shutil.copytree(second_run.data_dir, folder / "data", symlinks=True)
        blank = ("2020-T4", "part_titulaire")
        csv = small.rewrite(third, folder / "third.csv", TROUBLE, without="2020-T2", blank=blank)
        with dg.DagsterInstance.ephemeral() as instance:
            graph.ingest(folder / "data", csv, instance)
            graph.follow_plan(folder / "data", csv, instance)
        return folder

    folder = made_once(tmp_path_factory, "several", make)
    return Several(folder / "data" / "warehouse" / "mcf.duckdb", Recomputed([first, second, folder / "third.csv"]))


@pytest.mark.parametrize("mart", KEYS)
def test_every_cell_of_a_mart_after_three_releases(several, mart):
    assert_same(*compared(several.database, several.expected, mart), KEYS[mart])


@pytest.mark.parametrize("release", ["2021-01-08", "2021-04-08", "2021-07-08"])
def test_what_each_release_said_can_be_asked(several, release):
    dossiers = rows_of(several.database, f"FROM dossiers_au('{release}')")
    assert_same(dossiers, several.expected.dossiers(release), independent.KEY, has_means=False)
    financements = rows_of(several.database, f"FROM financements_au('{release}')")
    key = (*independent.KEY, "financeur_id")
    assert_same(financements, several.expected.financements(release), key, has_means=False)


def test_the_facts_are_what_the_last_release_said(several):
    for fact, macro in (("fct_dossiers", "dossiers_au"), ("fct_financements", "financements_au")):
        now = rows_of(several.database, f"FROM {fact} ORDER BY ALL")
        assert now == rows_of(several.database, f"FROM {macro}('2021-07-08') ORDER BY ALL")


def test_the_history_holds_each_state_once(several):
    states = Counter(
        (row["trimestre_id"], row["valide_depuis"], row["valide_jusqua"])
        for row in rows_of(several.database, "FROM fct_dossiers_historique")
    )
    wanted = {
        (quarter, state.since, state.until): len(state.quarter.lines)
        for quarter, of_quarter in several.expected.states.items()
        for state in of_quarter
        if state.quarter
    }
    assert states == wanted


def test_each_rejected_line_is_kept_with_its_reason(several):
    rows = rows_of(several.database, "FROM stg_rejets ORDER BY colonne")
    assert [(row["trimestre_id"], row["colonne"], row["regle"], row["valeur"]) for row in rows] == [
        ("2021-T2", "montant_engage", "nombre_negatif", "-0.01"),
        ("2021-T2", "nb_dossiers", "nombre_illisible", "beaucoup"),
        ("2021-T1", "part_cec", "nombre_illisible", "1,2,3"),
    ]
    assert {row["release_id"] for row in rows} == {"2021-07-08"}


def test_unknown_modalities_have_rows_of_their_own(several):
    found = {
        dimension: {
            row[f"{dimension}_id"]: row["libelle"]
            for row in rows_of(several.database, f"FROM dim_{dimension} WHERE NOT est_connue")
        }
        for dimension in ("region", "genre", "classe_age", "situation", "statut")
    }
    assert found == {
        "region": {"atlantide": "atlantide"},
        "genre": {"autre": "autre"},
        "classe_age": {},
        "situation": {"astronautes": "astronautes"},
        "statut": {"en_sommeil": "en sommeil"},
    }


def test_the_releases_are_ranked_in_time(several):
    rows = rows_of(several.database, "FROM dim_release ORDER BY rang")
    assert [(row["rang"], row["release_id"], row["est_courante"]) for row in rows] == [
        (1, "2021-01-08", False),
        (2, "2021-04-08", False),
        (3, "2021-07-08", True),
    ]


def test_a_release_that_never_was_is_an_error_not_an_empty_answer(several):
    with pytest.raises(duckdb.Error, match="publication inconnue"):
        rows_of(several.database, "FROM dossiers_au('2020-12-31')")
