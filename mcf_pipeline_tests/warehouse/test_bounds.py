"""Bounds hold the truth, are the true extremes, and a bare figure is there only where it can be quoted.

The truth is known here: lines are drawn whole, or made by the generator of the sample, and then masked as the publisher
masks. What else is published of a masked line: `test_disclosure`.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence
from decimal import Decimal
from importlib import resources
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mcf_pipeline.contract.modalities import resolve
from mcf_pipeline.sample.synthetic import SyntheticRelease
from mcf_pipeline.sample.synthetic.generator import FIRST_QUARTER
from mcf_pipeline.schemas.base import Table, describe
from mcf_pipeline.schemas.ddl import query
from mcf_pipeline.schemas.financing import MartFinancement, MartRegionFinancement
from mcf_pipeline.schemas.former import FORMER
from mcf_pipeline.schemas.lines import VDossiers, VFinancements
from mcf_pipeline.schemas.marts import (
    QUARTERLY_MARTS,
    MartQualite,
    MartRegion,
    MartRevisions,
    MartStatut,
    MartTrimestre,
)
from mcf_pipeline.schemas.periods import VAnnee
from mcf_pipeline.schemas.views import VIEWS, VTrimestreEvolution
from mcf_pipeline_tests.warehouse.masking import (
    CELLS,
    FINANCERS,
    KEY,
    MEASURES,
    QUARTERS,
    QUICK,
    STAYS,
    UNKNOWN,
    Tables,
    Told,
    compute,
    derive,
    empty_publication,
    publisher,
    true_line,
    truths,
)

OF_LINES = (VDossiers, VFinancements)
BOUNDED: tuple[type[Table], ...] = (*QUARTERLY_MARTS, *(v for v in VIEWS if v not in (*OF_LINES, *FORMER)))
MOST = 5
"""Dossiers of a masked line, by the hypothesis."""


@pytest.fixture(scope="module")
def con():
    """A publication in memory, whose facts each example replaces."""
    return empty_publication()


def bounds_of(names: Sequence[str]) -> Iterator[tuple[str, str, str, str]]:
    """Of each figure with bounds: its name, its lower and upper bound, and where the truth has it exactly."""
    for name in names:
        if name.endswith("_bas"):
            stem = name.removesuffix("_bas")
            yield stem, name, f"{stem}_haut", name
        if name.endswith("_min") and f"{name.removesuffix('_min')}_max" in names and "titulaires" not in name:
            stem = name.removesuffix("_min")
            yield stem, name, f"{stem}_max", name


def outside(
    masked: Tables, truth: Tables, models: Sequence[type[Table]] = BOUNDED
) -> list[tuple[str, tuple, str, object, object, object]]:
    """Figures whose truth is not within their bounds; and bare figures that are not within their own."""
    found = []
    for model in models:
        spec = describe(model)
        for key, row in masked[spec.name].items():
            for stem, low, high, exact in bounds_of(spec.column_names):
                least, most, true = row[low], row[high], truth[spec.name][key][exact]
                if least is not None and true is not None and not least <= true:
                    found.append((spec.name, key, low, least, true, most))
                if most is not None and true is not None and not true <= most:
                    found.append((spec.name, key, high, least, true, most))
                # `valeur` of `v_comparaison` is what somebody else published.
                bare = row.get(stem) if stem != "valeur" else None
                if bare is not None and low.endswith("_bas") and not least <= bare <= most:
                    found.append((spec.name, key, stem, least, bare, most))
    return found


# -- lines that are drawn ----------------------------------------------------------------------------------


@QUICK
@given(truth=truths())
def test_the_truth_lies_within_every_bound(con, truth):
    masked = derive(con, publisher(truth), models=BOUNDED)
    assert outside(masked, derive(con, truth, models=BOUNDED)) == []


BLANKS = st.lists(st.tuples(st.sampled_from(QUARTERS), st.sampled_from(FINANCERS), st.sampled_from(["53", "11"])))


def blank(lines: Sequence[Told], chosen: Sequence[tuple[str, str, str]], *, whole_quarters: bool) -> list[Told]:
    """The lines with some financers' amounts left blank, in whole quarters or in one region of each."""
    return [
        line.but(
            {
                ("montant", financer): None
                for quarter, financer, region in chosen
                if quarter == line.key[0] and (whole_quarters or region == line.key[1])
            }
        )
        for line in lines
    ]


MONEY = tuple(model for model in BOUNDED if "financement" in describe(model).name)
PAID_BY_TWO = [
    true_line((quarter, region, "femme", "25_a_39_ans", "employes", "valide"), 30, 1, 150_000, 999, 9, 1)
    for quarter in QUARTERS
    for region in ("53", "11")
]


@QUICK
@given(truth=truths(), chosen=BLANKS, whole_quarters=st.booleans())
@example(truth=PAID_BY_TWO, chosen=[("2024-T1", "titulaire", "53")], whole_quarters=True)
@example(
    truth=PAID_BY_TWO,
    chosen=[("2024-T1", "titulaire", "53"), ("2024-T1", "france_competences", "11")],
    whole_quarters=False,
)
def test_the_truth_lies_within_every_bound_where_amounts_are_blank(con, truth, chosen, whole_quarters):
    """A part that is left blank on a line that is given is hidden, even in all lines of a quarter."""
    masked = derive(con, blank(publisher(truth), chosen, whole_quarters=whole_quarters), models=MONEY)
    assert outside(masked, derive(con, truth, models=MONEY), MONEY) == []


def test_a_blank_part_beside_parts_that_make_the_amount_is_none(con):
    whole = derive(con, PAID_BY_TWO, models=MONEY)["mart_financement"]
    nothing = [("2024-T1", "opco", "53")]
    left = derive(con, blank(PAID_BY_TWO, nothing, whole_quarters=True), models=MONEY)["mart_financement"]
    for financer in ("france_competences", "titulaire"):
        assert left["2024-T1", financer] == whole["2024-T1", financer]
    assert left["2024-T1", "opco"]["montant_max"] is None
    hidden = derive(con, blank(PAID_BY_TWO, [("2024-T1", "titulaire", "53")], whole_quarters=True), models=MONEY)
    row = hidden["mart_financement"]["2024-T1", "titulaire"]
    assert (row["montant"], row["montant_min"], row["montant_max"]) == (None, 0, 2 * 31 * 1500)
    assert hidden["mart_financement"]["2024-T1", "france_competences"]["part_montant"] is None


@QUICK
@given(truth=truths(), chosen=BLANKS)
@example(truth=PAID_BY_TWO, chosen=[("2024-T1", "titulaire", "53")])
def test_what_is_blank_in_one_quarter_says_nothing_of_another(con, truth, chosen):
    """Quarters are computed in batches; no figure depends on which of them come together."""
    lines = blank(publisher(truth), chosen, whole_quarters=True)
    marts = (MartFinancement, MartRegionFinancement)
    together = derive(con, lines, models=marts)
    for quarter in QUARTERS:
        alone = derive(con, [line for line in lines if line.key[0] == quarter], models=marts)
        for mart in ("mart_financement", "mart_region_financement"):
            assert {k: row for k, row in together[mart].items() if k[0] == quarter} == alone[mart]


@QUICK
@given(truth=truths())
def test_where_nothing_is_masked_the_bounds_are_the_figure(con, truth):
    for table, rows in derive(con, truth, models=QUARTERLY_MARTS).items():
        for key, row in rows.items():
            for stem, low, high, _ in bounds_of(list(row)):
                if row[low] is None:
                    continue
                # Cents are rounded outwards.
                cent = Decimal("0.01") if isinstance(row[low], Decimal) else 0
                assert row[high] - row[low] <= cent, (table, key, stem, row[low], row[high])
                assert row[stem] is None or row[low] <= row[stem] <= row[high], (table, key, stem)
                assert row[stem] is not None or cent, (table, key, stem)


def possible(lines: Sequence[Told]) -> Iterator[list[Told]]:
    """The lines with each masked one at its fewest and at its most dossiers, in every combination."""
    places = [place for place, line in enumerate(lines) if line.is_masked]
    for chosen in itertools.product((1, MOST), repeat=len(places)):
        whole = list(lines)
        for place, dossiers in zip(places, chosen, strict=True):
            told = lines[place].cells
            whole[place] = lines[place].but(
                {
                    "nb_dossiers": dossiers,
                    "nb_titulaires": 1,
                    "montant_engage": told["prix_moyen"] * dossiers,
                    "nb_dossiers_a_duree_connue": dossiers,
                }
            )
        yield whole


EXTREMES = {
    MartTrimestre: ("part_demandeurs_emploi", "part_femmes", "maturite", "prix_moyen", "duree_moyenne"),
    MartRegion: ("part_dossiers", "prix_moyen"),
    MartStatut: ("part_dossiers",),
}


@QUICK
@given(truth=truths(most=4, most_people=9))
@example(
    truth=[
        true_line(("2024-T1", "53", "femme", "25_a_39_ans", "employes", "valide"), 2, 0, 100_000, 1000, 5, 0),
        true_line(("2024-T1", "53", "homme", "25_a_39_ans", "employes", "realisation_totale"), 3, 1, 300_000, 99, 5, 0),
        true_line(("2024-T1", "53", "femme", "25_a_39_ans", "demandeur_emploi", "annule_of"), 6, 1, 150_000, 500, 9, 0),
    ]
)
def test_each_bound_is_reached_by_lines_that_could_be(con, truth):
    lines = publisher(truth)
    masked = derive(con, lines, models=tuple(EXTREMES))
    extremes = [derive(con, whole, models=tuple(EXTREMES)) for whole in possible(lines)]
    for model, figures in EXTREMES.items():
        table = describe(model).name
        for key, row in masked[table].items():
            for figure in figures:
                for side, extreme in (("bas", min), ("haut", max)):
                    reached = [other[table][key][f"{figure}_{side}"] for other in extremes]
                    if None not in reached:
                        assert float(row[f"{figure}_{side}"]) == pytest.approx(float(extreme(reached))), (key, figure)


def test_a_bound_that_forgets_that_the_parts_lines_are_the_wholes_too_is_found(con):
    """The property can fail: a lower bound that takes the part low and the whole high at once is not reached."""
    keys = [("2024-T1", "53", genre, "25_a_39_ans", "employes", "realisation_totale") for genre in ("femme", "homme")]
    lines = publisher(true_line(key, 2, 0, 100_000, 1000, 5, 0) for key in keys)
    wrong = query("mart_statut").replace("sum(nb_dossiers_max) OVER trimestre - nb_dossiers_max", "nb_dossiers_max")
    assert wrong != query("mart_statut")
    (right,) = derive(con, lines, models=(MartStatut,))["mart_statut"].values()
    (other,) = derive(con, lines, sql=lambda name: wrong, models=(MartStatut,))["mart_statut"].values()
    assert (right["part_dossiers_bas"], other["part_dossiers_bas"]) == (1, 2 / 12)


@QUICK
@given(truth=truths())
def test_masked_lines_enter_no_sum(con, truth):
    lines = publisher(truth)
    whole = derive(con, lines, models=QUARTERLY_MARTS)
    without = derive(con, [line for line in lines if not line.is_masked], models=QUARTERLY_MARTS)
    sums = ("nb_dossiers", "montant_engage", "nb_titulaires_max", "montant_a_prix_connu", "heures_a_duree_connue")
    for table, rows in whole.items():
        for key, row in rows.items():
            rest = without[table].get(key, {})
            for name in (*sums, "montant", "nb_dossiers_finances"):
                if name in row:
                    assert row[name] == rest.get(name), (table, key, name)


@QUICK
@given(truth=truths())
def test_persons_are_bounded_too(con, truth):
    for key, row in derive(con, publisher(truth), models=(MartRegion,))["mart_region"].items():
        members = [line for line in truth if (line.key[0], line.key[1]) == key]
        masked = [line for line in members if line.cells["nb_titulaires"] < 5]
        assert row["nb_titulaires_lignes_masquees_min"] == len(masked)
        assert row["nb_titulaires_lignes_masquees_max"] == 4 * len(masked)
        assert row["nb_titulaires_toutes_lignes_max"] >= sum(line.cells["nb_titulaires"] for line in members)


# -- modalities that nobody knows --------------------------------------------------------------------------

RENAMED = {
    "statut_id": ("maturite", "taux_realisation", "taux_abandon"),
    "situation_id": ("part_demandeurs_emploi",),
    "genre_id": ("part_femmes",),
}


def renamed(lines: Sequence[Told], dimension: str, modality: str) -> list[Told]:
    """The lines with one modality under a name that the contract does not know."""
    place = KEY.index(dimension)
    return [
        Told((*line.key[:place], UNKNOWN, *line.key[place + 1 :]), line.cells) if line.key[place] == modality else line
        for line in lines
    ]


@QUICK
@given(truth=truths(), dimension=st.sampled_from(list(RENAMED)), number=st.integers(0, 99))
def test_a_renamed_modality_leaves_the_truth_within_and_no_figure_that_it_moves(con, truth, dimension, number):
    place = KEY.index(dimension)
    modalities = sorted({line.key[place] for line in truth} - {"non_renseigne"})
    if not modalities:
        return
    modality = modalities[number % len(modalities)]
    whole = derive(con, truth, models=(MartTrimestre,))["mart_trimestre"]
    told = derive(con, publisher(renamed(truth, dimension, modality)), models=(MartTrimestre, MartQualite))
    for key, row in told["mart_trimestre"].items():
        lost = [line for line in truth if line.key[0] == key[0] and line.key[place] == modality]
        for figure in RENAMED[dimension]:
            true = whole[key][f"{figure}_bas"]
            if row[f"{figure}_bas"] is not None and true is not None:
                assert row[f"{figure}_bas"] <= true <= row[f"{figure}_haut"], (key, figure)
            if lost:
                # A whole modality of these few lines is far more than one in a hundred.
                assert row[figure] is None
                reasons = told["mart_qualite"][key]["motifs_vides"]
                assert figure in reasons
                assert "inconnu" in reasons


# -- the generator's truth ---------------------------------------------------------------------------------

DIMENSIONS = {
    "region": "region",
    "genre": "genre",
    "classe_age": "classe_age",
    "situation": "situation",
    "statut_dossier": "statut",
}


def load(con, table: pa.Table) -> None:
    """Put the lines of a release into the facts; the financers stay out, they have no truth of their own here."""
    columns = {}
    for column, dimension in DIMENSIONS.items():
        texts = table[column].to_pylist()
        ids = {text: resolve(dimension, text).id for text in set(texts)}
        columns[f"{dimension}_id"] = [ids[text] for text in texts]
    lines = pa.table(
        {
            "trimestre_id": table["trimestre"],
            **columns,
            **{name: table[name] for name in MEASURES},
        }
    )
    con.register("lignes", lines)
    con.execute("DELETE FROM fct_dossiers")
    con.execute(
        "INSERT INTO fct_dossiers BY NAME SELECT *, nb_titulaires IS NULL AS est_masque, '2026-10-08' AS release_id "
        "FROM lignes"
    )
    con.unregister("lignes")


@pytest.mark.parametrize(("seed", "scale"), [(2020, 0.1), (7, 0.05), (11, 0.02)])
def test_of_a_whole_release_every_truth_lies_within(seed, scale):
    release = SyntheticRelease(seed=seed, scale=scale)
    quarters = [(FIRST_QUARTER + i).id for i in range(len(release.quarters))]
    con = empty_publication(quarters)
    load(con, release.table())
    masked = compute(con, models=BOUNDED)
    load(con, release.truth_table())
    assert outside(masked, compute(con, models=BOUNDED)) == []
    # It would be easy to give nothing at all.
    given = [row["prix_moyen"] for row in masked["mart_trimestre"].values()]
    assert sum(found is not None for found in given) > len(given) / 2


# -- quarters that are too young ---------------------------------------------------------------------------


def young(closed: int, opened: int) -> list[Told]:
    common = ("2024-T1", "53", "femme", "25_a_39_ans", "employes")
    return [
        true_line((*common, status), people, 0, 100_000, 1000, 5, 0)
        for status, people in (("realisation_totale", closed), ("valide", opened))
    ]


@pytest.mark.parametrize(("closed", "opened", "is_mature"), [(90, 10, True), (89, 11, False), (97, 3, False)])
def test_below_a_maturity_of_nine_tenths_there_is_no_rate(con, closed, opened, is_mature):
    """3 open dossiers are masked: they may be 5, but 97 and 5 are mature; see the bound."""
    derived = derive(con, publisher(young(closed, opened)), models=tuple(EXTREMES))
    for table in ("mart_trimestre", "mart_region", "mart_statut"):
        for row in derived[table].values():
            mature = row["maturite_bas"] >= 0.9
            assert mature is (is_mature or (closed, opened) == (97, 3))
            assert (row["taux_realisation_bas"] is not None) is mature
            assert (row["taux_abandon_haut"] is not None) is mature
            assert ("immature" in (row["motifs_vides"] or "")) is not mature


# -- names -------------------------------------------------------------------------------------------------


def test_every_rate_share_mean_and_evolution_that_masking_touches_has_bounds():
    for model in BOUNDED:
        names = describe(model).column_names
        for column in describe(model).columns:
            is_ratio = column.unit in ("ratio", "indice") or re.match(r"prix_|duree_|montant_moyen", column.name)
            is_bound = column.name.endswith(("_bas", "_haut")) or (
                column.name.startswith(("part_",)) and (describe(model).name in ("mart_qualite", "v_qualite"))
            )
            # The evolutions' mean price is the mart's, whose bounds are there.
            is_marts = (describe(model).name.endswith("_evolution"), column.name) == (True, "prix_moyen")
            if is_ratio and not is_bound and not is_marts:
                assert f"{column.name}_bas" in names, (describe(model).name, column.name)
                assert f"{column.name}_haut" in names, (describe(model).name, column.name)


def test_every_sum_of_persons_says_so_in_its_name():
    for model in (*QUARTERLY_MARTS, MartRevisions, VTrimestreEvolution, VAnnee):
        for column in describe(model).columns:
            if column.unit == "personnes" and column.name != "plus_petit_nb_titulaires":
                assert column.name.endswith(("_min", "_max")), column.name
                assert column.masking, column.name


def test_nothing_of_more_than_a_quarter_counts_persons():
    over_quarters = [model for model in BOUNDED if describe(model).name.startswith(("v_annee", "v_glissant"))]
    assert len(over_quarters) == 10
    for model in (*over_quarters, VTrimestreEvolution):
        assert not [c.name for c in describe(model).columns if "titulaire" in c.name or c.unit == "personnes"]


SUM_OF_PERSONS = re.compile(r"\bsum\((?=[^()]*titulaires)[^()]*\)", re.IGNORECASE)
QUESTIONS = (Path(__file__).parents[2] / "docs" / "questions.md").read_text(encoding="utf-8")
SQL = {
    **{f.name: f.read_text(encoding="utf-8") for f in resources.files("mcf_pipeline").joinpath("sql").iterdir()},
    "questions.md": "\n".join(re.findall(r"```sql\n(.*?)```", QUESTIONS, re.DOTALL)),
}


@pytest.mark.parametrize("name", SQL)
def test_no_query_of_ours_sums_persons_under_a_name_that_hides_it(name):
    for line in SQL[name].splitlines():
        if SUM_OF_PERSONS.search(line):
            assert re.search(r"\bAS \w+(_max|_au_plus|_haut)\b", line), line


def test_the_hypothesis_is_said_once_in_the_sql():
    assert MOST == 5
    saying = [name for name, text in SQL.items() if re.search(r"dossiers_max_par_ligne_masquee\(\) AS", text)]
    assert saying == ["macros.sql"]
    assert not [name for name, text in SQL.items() if name != "macros.sql" and re.search(r"\b5 \* ", text)]


def test_what_stays_of_a_masked_line_is_what_the_source_gives():
    assert set(STAYS) < set(CELLS)
    assert Decimal(1) == 1
