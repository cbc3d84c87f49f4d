"""Every figure of the published warehouse, held against `independent`, which shares no code with the pipeline."""

from collections import Counter
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from mcf_pipeline_tests import independent
from mcf_pipeline_tests.independent import Recomputed
from mcf_pipeline_tests.places import build_release, write_releases

KEYS = {
    "mart_trimestre": ("trimestre_id",),
    "mart_region": ("trimestre_id", "region_id"),
    "mart_profil": ("trimestre_id", "genre_id", "classe_age_id", "situation_id"),
    "mart_financement": ("trimestre_id", "financeur_id"),
    "mart_statut": ("trimestre_id", "statut_id"),
    "mart_qualite": ("trimestre_id",),
    "mart_revisions": ("trimestre_id", "release_id"),
    "v_trimestre_evolution": ("trimestre_id",),
    "v_annee": ("annee",),
}
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


# -- the whole sample --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def sample(full_sample):
    return Recomputed([full_sample.csv])


@pytest.mark.parametrize("mart", KEYS)
def test_every_cell_of_a_mart_is_what_the_csv_yields(full_sample, sample, mart):
    expected = getattr(sample, mart)()
    assert_same(rows_of(full_sample.database, f"FROM {mart}"), expected, KEYS[mart])


def test_every_line_of_the_csv_is_one_row_of_dossiers(full_sample, sample):
    published = rows_of(full_sample.database, "FROM fct_dossiers")
    assert_same(published, sample.dossiers(), independent.KEY, has_means=False)


def test_every_financer_of_every_line_is_one_row_of_financements(full_sample, sample):
    (count,) = rows_of(full_sample.database, "SELECT count(*) AS n FROM fct_financements")
    lines = sum(len(quarter.lines) for _, _, quarter in sample.current())
    assert count["n"] == lines * len(independent.FINANCERS)


def test_a_sample_without_mistakes_rejects_nothing(full_sample):
    assert rows_of(full_sample.database, "FROM stg_rejets") == []


@pytest.mark.parametrize("measure", ["nb_dossiers", "nb_titulaires", "montant_engage"])
def test_no_masked_cell_became_a_number(full_sample, measure):
    """As many empty cells as the CSV has empty fields, and no zero where it has none."""
    with full_sample.csv.open(encoding="utf-8-sig", newline="") as file:
        written = Counter(record[measure] for record in independent.csv.DictReader(file, delimiter=";"))
    (found,) = rows_of(
        full_sample.database,
        f"SELECT count(*) FILTER (WHERE {measure} IS NULL) AS empty, "
        f"count(*) FILTER (WHERE {measure} = 0) AS zero FROM fct_dossiers",
    )
    assert written[""] > 10_000
    assert found == {"empty": written[""], "zero": written["0"] + written["0.00"]}


def test_a_financers_part_of_a_masked_line_is_empty(full_sample):
    (found,) = rows_of(
        full_sample.database,
        "SELECT count(*) AS n, count(montant) AS amounts, count(nb_dossiers_finances) AS dossiers "
        "FROM fct_financements WHERE est_masque",
    )
    assert found["n"] > 10_000
    assert (found["amounts"], found["dossiers"]) == (0, 0)


def test_a_group_of_masked_lines_alone_has_no_figure(full_sample):
    only_masked = rows_of(
        full_sample.database,
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
        ("classe_age", [*independent.AGES.values(), "non_renseigne"]),
        ("situation", [*independent.SITUATIONS.values(), "retraites", "autres_sans_activite"]),
        ("statut", [*(id_ for id_, _ in independent.STATUSES.values()), "rejete", "non_renseigne"]),
        ("financeur", [*independent.FINANCERS, "autres"]),
    ],
)
def test_a_dimension_has_each_modality_once_and_no_unknown_one(full_sample, dimension, ids):
    rows = rows_of(full_sample.database, f"FROM dim_{dimension}")
    assert sorted(row[f"{dimension}_id"] for row in rows) == sorted(ids)
    assert all(row.get("est_connue", True) for row in rows)


def test_the_family_of_a_status_is_that_of_its_label(full_sample):
    rows = {row["libelle"]: row for row in rows_of(full_sample.database, "FROM dim_statut")}
    found = {text: (rows[text]["statut_id"], rows[text]["famille"]) for text in independent.STATUSES}
    assert found == independent.STATUSES


def test_the_quarters_are_those_of_the_csv(full_sample, sample):
    rows = rows_of(full_sample.database, "FROM dim_trimestre ORDER BY trimestre_id")
    assert [row["trimestre_id"] for row in rows] == [quarter for quarter, _, _ in sample.current()]
    assert {row["trimestre_id"]: str(row["date_debut"]) for row in rows}["2024-T3"] == "2024-07-01"
    assert {row["trimestre_id"]: str(row["date_fin"]) for row in rows}["2024-T3"] == "2024-09-30"


def test_the_only_release_is_current_and_marked_synthetic(full_sample):
    (row,) = rows_of(full_sample.database, "FROM dim_release")
    assert (row["release_id"], row["rang"], row["est_courante"]) == ("2026-10-08", 1, True)
    assert row["est_synthetique"] is True


# -- successive releases, the last with every kind of trouble that is let through -----------------------------


def replace_some(path: Path, edits: dict[tuple[str, str], dict[str, str]]) -> None:
    """Overwrite fields of some lines.

    Args:
        path: a release.
        edits: fields to write into the first line of a quarter for which a column is filled in (one that is
            not masked), one further line for each edit of the same quarter; the key is (quarter, edit's name).
    """
    header, *lines = path.read_text(encoding="utf-8-sig").splitlines()
    names = header.split(";")
    wanted = {}
    for (quarter, _), fields in edits.items():
        wanted.setdefault(quarter, []).append(fields)
    for i, line in enumerate(lines):
        record = dict(zip(names, line.split(";"), strict=True))
        todo = wanted.get(record["trimestre"])
        if todo and record["nb_dossiers"] and int(record["nb_a_duree_connue"] if False else record["nb_dossiers"]) > 5:
            record |= todo.pop()
            lines[i] = ";".join(record.values())
    assert not any(wanted.values()), "some lines were not found"
    path.write_text("\r\n".join([header, *lines, ""]), encoding="utf-8-sig", newline="")
