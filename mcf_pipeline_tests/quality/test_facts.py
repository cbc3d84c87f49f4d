"""Keys, foreign keys and history of the facts: each check finds what was spoiled."""

import pytest

from mcf_pipeline.contract.source_map import SourceMap
from mcf_pipeline.quality import facts as facts_quality
from mcf_pipeline.schemas.base import describe
from mcf_pipeline.schemas.warehouse import FctDossiersHistorique, FctFinancementsHistorique
from mcf_pipeline_tests.exports import line, take_in, workspace_in
from mcf_pipeline_tests.warehouse.builds import build_all

HISTORIES = [FctDossiersHistorique, FctFinancementsHistorique]


@pytest.mark.parametrize("history", HISTORIES)
def test_keys(space, history):
    name = describe(history).name
    with space.build() as con:
        assert facts_quality.duplicate_keys(con, history).holds
        con.execute(f"INSERT INTO {name} SELECT * FROM {name} WHERE trimestre_id = '2024-T1' LIMIT 2")
        finding = facts_quality.duplicate_keys(con, history)
    assert (finding.count, finding.quarters) == (2, ("2024-T1",))
    assert finding.sample[0][-1] == 2


def test_keys_in_batches(space, monkeypatch):
    monkeypatch.setattr(facts_quality, "BATCH_ROWS", 1)
    test_keys(space, FctDossiersHistorique)


QUARTERS = {"2024-T1", "2024-T2"}
ORDER = ["2024-07-08", "2024-10-08"]


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
def test_history(space, history, damage, why):
    name = describe(history).name
    with space.build() as con:
        assert facts_quality.open_states(con, history, ORDER, QUARTERS).holds
        con.execute(f"UPDATE {name} {damage}")
        finding = facts_quality.open_states(con, history, ORDER, QUARTERS)
        assert facts_quality.open_states(con, history, ORDER, set()).holds, "a quarter that waits is not looked at"
    assert finding.count == 1
    assert why in str(finding.sample[0][-1])


@pytest.mark.parametrize("history", HISTORIES)
def test_foreign_keys(space, history):
    name = describe(history).name
    with space.build() as con:
        assert facts_quality.orphans(con, history, {}).holds
        con.execute(f"UPDATE {name} SET region_id = 'atlantide' WHERE region_id = '53'")
        finding = facts_quality.orphans(con, history, {})
        announced = facts_quality.orphans(con, history, {"dim_region": {"atlantide"}})
    assert finding.sample[0][:3] == ("region_id", "atlantide", "dim_region")
    assert all(row[0] != "region_id" for row in announced.sample), "the dimension's next materialization brings it"


def test_a_part_without_its_line(space):
    with space.build() as con:
        con.execute("DELETE FROM fct_dossiers_historique WHERE trimestre_id = '2024-T1' AND region_id = '06'")
        finding = facts_quality.orphans(con, FctFinancementsHistorique, {})
        assert finding.sample[0][:2] == ("ligne de fct_dossiers", "2024-T1")
        con.execute("UPDATE meta_marque SET empreinte = 'x' WHERE actif = 'fct_dossiers'")
        assert facts_quality.orphans(con, FctFinancementsHistorique, {}).holds, "the quarter waits for its run"


def test_announced_keys(tmp_path):
    space = workspace_in(tmp_path)
    take_in(space.archive, [line(region="Atlantide")])
    build_all(space)
    with space.build() as con:
        keys = facts_quality.announced_keys(con, space.archive.timeline(), SourceMap())
    assert (keys["dim_region"], keys["dim_trimestre"], keys["dim_release"]) == (
        {"atlantide"},
        {"2024-T1"},
        {"2026-10-08"},
    )
