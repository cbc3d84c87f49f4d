"""How an export masks: counted over whole quarters, whatever part of them is looked at together."""

from __future__ import annotations

import pandas as pd
import pytest

from mcf_pipeline.contract.masking import Masking, masking_of
from mcf_pipeline.duck import scratch

QUARTERS = ("2024-T1", "2024-T2")
# Quarter, region, status, dossiers, persons; None: masked.
LINES = [
    # One profile is masked in all its statuses, one in some, one not at all.
    ("2024-T1", "11", "valide", None, None),
    ("2024-T1", "11", "rejete", None, None),
    ("2024-T1", "53", "valide", 9, 7),
    ("2024-T1", "53", "rejete", None, None),
    ("2024-T1", "94", "valide", 12, 12),
    # The same region in another quarter is another profile.
    ("2024-T2", "53", "valide", 6, 5),
    ("2024-T2", "53", "rejete", 40, 31),
]


def frame_of(lines):
    names = ["trimestre_id", "region_id", "statut_id", "nb_dossiers", "nb_titulaires"]
    frame = pd.DataFrame(lines, columns=names).astype({"nb_dossiers": "Int64", "nb_titulaires": "Int64"})
    same = {"release_id": "r", "genre_id": "femme", "classe_age_id": "25-44", "situation_id": "employes"}
    return frame.assign(est_masque=frame["nb_dossiers"].isna(), **same)


@pytest.fixture
def look():
    def looked(lines):
        with scratch() as con:
            return masking_of(con, frame_of(lines))

    return looked


def test_profiles_are_masked_whole_in_part_or_not(look):
    assert look(LINES) == Masking(
        lines=7, masked=3, fewest_persons=5, fewest_dossiers=6, whole_profiles=1, partial_profiles=1
    )


def test_quarter_by_quarter_it_is_the_same(look):
    parts = [look([line for line in LINES if line[0] == quarter]) for quarter in QUARTERS]
    assert parts[0] + parts[1] == parts[1] + parts[0] == Masking() + look(LINES) == look(LINES)


def test_where_all_is_masked_there_is_no_smallest_figure(look):
    found = look(LINES[:2])
    assert (found.fewest_persons, found.fewest_dossiers, found.whole_profiles) == (None, None, 1)
    assert str(found) == "2 of 2 lines; profiles masked in all their statuses: 1, in some: 0"


def test_in_words(look):
    assert str(look(LINES)) == (
        "3 of 7 lines; smallest figures shown: 5 persons, 6 dossiers; "
        "profiles masked in all their statuses: 1, in some: 1"
    )
