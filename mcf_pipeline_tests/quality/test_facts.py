"""Keys, foreign keys and history of the facts: each check finds what was spoiled."""

from __future__ import annotations

import pytest

from mcf_pipeline.quality.facts import duplicate_keys, open_states, orphans
from mcf_pipeline.schemas.base import describe
from mcf_pipeline.schemas.warehouse import DIMENSIONS, FACTS, HISTORIES, FctDossiers, FctFinancements

ORDER = ["2024-07-08", "2024-10-08"]


@pytest.mark.parametrize("history", HISTORIES)
def test_keys(con, history):
    name = describe(history).name
    assert duplicate_keys(con, history, name).holds
    con.execute(f"INSERT INTO {name} SELECT * FROM {name} WHERE trimestre_id = '2024-T1' LIMIT 2")
    finding = duplicate_keys(con, history, name)
    assert (finding.count, finding.quarters) == (2, ("2024-T1",))
    assert finding.sample[0][-1] == 2


@pytest.mark.parametrize("history", HISTORIES)
@pytest.mark.parametrize(
    ("damage", "why"),
    [
        ("SET valide_jusqua = NULL WHERE valide_jusqua IS NOT NULL", "commence avant la fin"),
        ("SET valide_depuis = '1999-01-01' WHERE trimestre_id = '2024-T1'", "publication inconnue"),
        ("SET valide_jusqua = '2024-07-08' WHERE trimestre_id = '2024-T1'", "finit avant de commencer"),
        ("SET release_id = '2024-10-08' WHERE trimestre_id = '2024-T1'", "portent une autre publication"),
    ],
)
def test_history(con, history, damage, why):
    name = describe(history).name
    assert open_states(con, name, ORDER).holds
    con.execute(f"UPDATE {name} {damage}")
    finding = open_states(con, name, ORDER)
    assert finding.count == 1
    assert why in str(finding.sample[0][-1])


@pytest.fixture
def keys(con) -> dict[str, set[str]]:
    """The keys of each dimension."""
    return {
        name: {key for (key,) in con.execute(f"SELECT {describe(model).key[0]} FROM {name}").fetchall()}
        for model in DIMENSIONS
        for name in [describe(model).name]
    }


@pytest.mark.parametrize("fact", FACTS)
def test_foreign_keys(con, keys, fact):
    name = describe(fact).name
    assert orphans(con, fact, name, keys).holds
    con.execute(f"UPDATE {name} SET region_id = 'atlantide' WHERE region_id = '53'")
    finding = orphans(con, fact, name, keys)
    assert (finding.count, finding.sample[0][:3]) == (1, ("region_id", "atlantide", "dim_region"))
    keys["dim_region"].add("atlantide")
    assert orphans(con, fact, name, keys).holds


def test_a_part_without_its_line(con, keys):
    facts = [describe(model).name for model in (FctFinancements, FctDossiers)]
    assert orphans(con, FctFinancements, facts[0], keys, facts[1]).holds
    con.execute("DELETE FROM fct_dossiers WHERE trimestre_id = '2024-T1' AND region_id = '06'")
    finding = orphans(con, FctFinancements, facts[0], keys, facts[1])
    assert finding.sample[0][:2] == ("ligne de fct_dossiers", "2024-T1")
