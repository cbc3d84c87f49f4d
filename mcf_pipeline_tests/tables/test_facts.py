"""The facts from staged lines: a row per line, and a row per line and financer that the source gives."""

from __future__ import annotations

from decimal import Decimal

import pytest

from mcf_pipeline.duck import scratch
from mcf_pipeline.schemas.base import describe
from mcf_pipeline.schemas.warehouse import FctDossiers, FctFinancements
from mcf_pipeline.tables.facts import fact_sql

KEY = "'2024-T1' AS trimestre_id, '53' AS region_id, 'f' AS genre_id, 'a' AS classe_age_id, 's' AS situation_id, "
LINE = f"(SELECT 'r' AS release_id, {KEY} 'v' AS statut_id, 2 AS numero_ligne, false AS est_masque, {{figures}})"


def rows(model, figures: str) -> list[dict]:
    with scratch() as con:
        lines = LINE.format(figures=figures)
        columns = [name for name, *_ in con.execute(f"DESCRIBE FROM {lines}").fetchall()]
        found = con.execute(fact_sql(model, lines, columns))
        names = [column[0] for column in found.description]
        assert tuple(names) == describe(model).column_names
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def test_a_line_is_a_row_of_dossiers_without_its_place_in_the_file():
    figures = "12 AS nb_dossiers, 11 AS nb_titulaires, 1.5 AS montant_engage, NULL AS prix_moyen, NULL AS "
    (row,) = rows(FctDossiers, figures + "duree_moyenne, 3 AS nb_dossiers_a_duree_connue")
    assert (row["nb_dossiers"], row["prix_moyen"], row["release_id"]) == (12, None, "r")


def test_each_given_financer_is_a_row_also_where_its_part_is_empty():
    found = rows(
        FctFinancements,
        "10.25::DECIMAL(18,2) AS part_etat, 3::BIGINT AS nb_dossiers_finances_par_etat, "
        "NULL::DECIMAL(18,2) AS part_titulaire, NULL::BIGINT AS nb_dossiers_finances_par_titulaire",
    )
    figures = {row["financeur_id"]: (row["montant"], row["nb_dossiers_finances"]) for row in found}
    assert figures == {"etat": (Decimal("10.25"), 3), "titulaire": (None, None)}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("10.25::DECIMAL(18,2) AS part_opco", (Decimal("10.25"), None)),
        ("3::BIGINT AS nb_dossiers_finances_par_opco", (None, 3)),
    ],
    ids=["only the amount", "only the number"],
)
def test_a_financer_of_which_one_column_is_given_has_a_row(given, expected):
    (row,) = rows(FctFinancements, given)
    assert (row["financeur_id"], row["montant"], row["nb_dossiers_finances"]) == ("opco", *expected)
