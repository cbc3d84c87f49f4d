"""`mart_revisions`, against a comparison of the releases' lines done by hand."""

from __future__ import annotations

from decimal import Decimal
from itertools import pairwise

import pytest

from mcf_pipeline_tests.exports import Line
from mcf_pipeline_tests.warehouse.builds import published
from mcf_pipeline_tests.warehouse.told import LINES, STATUSES, TELLING

_MEASURES = ("nb_dossiers", "nb_titulaires", "montant_engage", "prix_moyen", "part_etat")
_FAMILIES = {
    "en_cours": "en_cours",
    "realise": "realises",
    "partiel": "partiels",
    "annule": "annules",
    "rejete": "rejetes",
}


def by_key(lines: list[Line], quarter: str) -> dict[tuple, tuple]:
    """The measures of a quarter's lines by what identifies them."""
    return {
        (entry["region"], entry["statut_dossier"]): tuple(entry[name] for name in _MEASURES)
        for entry in lines
        if entry["trimestre"] == quarter
    }


def total(lines: dict[tuple, tuple], place: int, family: str | None = None):
    """The sum of a measure; None where nothing is given."""
    given = [
        Decimal(cells[place])
        for (_, status), cells in lines.items()
        if cells[place] and family in (None, STATUSES[status][1])
    ]
    return sum(given) if given else None


def moves(name: str, before: dict[tuple, tuple], after: dict[tuple, tuple], place: int) -> dict:
    """The change of a measure, by what became of each line."""
    found = dict.fromkeys(("visibles", "demasques", "masques", "apparus", "disparus"), Decimal(0))
    for key in before.keys() | after.keys():
        was, now = (Decimal(side[key][place] or 0) if key in side else Decimal(0) for side in (before, after))
        if key not in before:
            part = "apparus"
        elif key not in after:
            part = "disparus"
        elif before[key][place] and after[key][place]:
            part = "visibles"
        else:
            part = "demasques" if after[key][place] else "masques"
        found[part] += now - was
    return {f"{name}_ecart": sum(found.values()), **{f"{name}_ecart_{part}": moved for part, moved in found.items()}}


def revision(quarter: str, release: str, previous: str | None) -> dict | None:
    """What a release changed in a quarter; None where nothing changed."""
    before = by_key(LINES[previous], quarter) if previous else {}
    after = by_key(LINES[release], quarter)
    if before == after:
        return None
    both = before.keys() & after.keys()
    expected = {
        "trimestre_id": quarter,
        "release_id": release,
        "release_precedente_id": previous,
        "nature": "revision" if before and after else "ajout" if after else "disparition",
        "lignes_ajoutees": len(after.keys() - before.keys()),
        "lignes_supprimees": len(before.keys() - after.keys()),
        "lignes_modifiees": sum(before[key] != after[key] for key in both),
        "lignes_identiques": sum(before[key] == after[key] for key in both),
        "nb_lignes_masquees_avant": sum(not cells[0] for cells in before.values()),
        "nb_lignes_masquees_apres": sum(not cells[0] for cells in after.values()),
        # A financer's part is one of the measures compared, so no line changes by its financers alone unseen.
        "lignes_modifiees_financeurs": sum(
            before[key][:4] == after[key][:4] and before[key] != after[key] for key in both
        ),
        "lignes_demasquees": sum(key in after and not before[key][0] and bool(after[key][0]) for key in before),
        "lignes_nouvellement_masquees": sum(
            key in before and not after[key][0] and bool(before[key][0]) for key in after
        ),
        **moves("dossiers", before, after, 0),
        **moves("montant", before, after, 2),
        "dossiers_avant": total(before, 0),
        "dossiers_apres": total(after, 0),
        "montant_avant": total(before, 2),
        "montant_apres": total(after, 2),
    }
    for family, name in _FAMILIES.items():
        expected[f"{name}_avant"] = total(before, 0, family)
        expected[f"{name}_apres"] = total(after, 0, family)
    return expected


EXPECTED = [
    found
    for previous, release in pairwise([None, *TELLING])
    for quarter in ("2024-T1", "2024-T2", "2024-T3")
    if (found := revision(quarter, release, previous))
]


def test_only_what_changed_has_a_row(story):
    found = published(
        story.space, "SELECT trimestre_id, release_id FROM mart_revisions ORDER BY release_id, trimestre_id"
    )
    assert found == [(row["trimestre_id"], row["release_id"]) for row in EXPECTED]


@pytest.mark.parametrize("expected", EXPECTED, ids=lambda row: f"{row['trimestre_id']} {row['release_id']}")
def test_a_revision_counts_lines_dossiers_amounts_and_statuses(story, expected):
    (row,) = published(
        story.space,
        f"SELECT {', '.join(expected)} FROM mart_revisions WHERE trimestre_id = ? AND release_id = ?",
        [expected["trimestre_id"], expected["release_id"]],
    )
    assert dict(zip(expected, row, strict=True)) == expected


def test_every_column_is_compared(story):
    columns = {name for (name,) in published(story.space, "SELECT column_name FROM (DESCRIBE mart_revisions)")}
    # The parts of all financers are held by `test_independent_marts`.
    assert {name for name in columns if not name.startswith("parts_ecart")} == set(EXPECTED[0])
