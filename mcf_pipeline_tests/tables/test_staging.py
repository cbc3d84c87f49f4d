"""Staging: each state read once, refused where too much of it is broken."""

from __future__ import annotations

import os
from dataclasses import replace

import pyarrow.parquet as pq
import pytest

from mcf_pipeline.duck import scratch
from mcf_pipeline.errors import ContractError
from mcf_pipeline.quarter import Quarter
from mcf_pipeline.tables import staging
from mcf_pipeline.tables.build import ensure_staged, states_of
from mcf_pipeline.tables.files import head
from mcf_pipeline.tables.snapshot import Snapshot
from mcf_pipeline.tables.staged import Staged, refusal, refused, staged
from mcf_pipeline.workspace import Workspace
from mcf_pipeline_tests.exports import ingest, lean, workspace_in
from mcf_pipeline_tests.warehouse.builds import stage_all
from mcf_pipeline_tests.warehouse.told import T1, T2

QUARTER = Quarter(2024, 1)


@pytest.fixture
def space(tmp_path) -> Workspace:
    space = workspace_in(tmp_path)
    ingest(space.archive, [*T1, *T2], "2026-10-08")
    return space


def ensure(space: Workspace, snapshot: Snapshot) -> list[Quarter]:
    with scratch() as con:
        states = states_of(snapshot, snapshot.timeline.quarters)
        return [quarter for quarter, _ in ensure_staged(con, space.archive, snapshot, states)]


def test_a_state_is_staged_with_its_summary(space):
    snapshot = stage_all(space)
    found = staged(snapshot, QUARTER)
    assert found == Staged("2024-T1", "2026-10-08", 3, 3, 1, 0, [], [], False, broken=found.broken)
    # The lines are made for their keys: their parts and their price do not fit their amount.
    assert [entry for entry in found.broken if entry[1]] == [
        ("ecart_parts_montant", 2, 2),
        ("ecart_prix_montant", 2, 2),
    ]
    path = snapshot.current_file("stg_usagers", QUARTER)
    assert pq.read_table(path).num_rows == 3
    first = head(path, rows=2)
    assert first.rows == pq.read_metadata(path).num_rows
    assert [dict(zip(first.columns, row, strict=True))["trimestre_id"] for row in first.first] == ["2024-T1"] * 2
    assert snapshot.files.is_there(snapshot.current_file("stg_rejets", QUARTER))


def test_states_that_are_read_one_at_a_time_are_staged_all_the_same(space, monkeypatch):
    snapshot = stage_all(space)
    together = {quarter: staged(snapshot, quarter) for quarter in (QUARTER, QUARTER + 1)}
    for file in space.data_dir.tables.rglob("*.parquet"):
        file.unlink()
    monkeypatch.setattr(staging, "BATCH_STATES", 1)
    snapshot = stage_all(space)
    assert {quarter: staged(snapshot, quarter) for quarter in together} == together
    assert all(found and found.valid for found in together.values())


def test_a_summary_is_read_back_as_it_was():
    summary = Staged("2024-T1", "r", 3, 2, 1, 1, [("region", "Où")], [("nombre_illisible", "prix_moyen", 1)], False)
    summary = replace(summary, broken=[("ecart_parts_montant", 1, 2)])
    assert Staged.from_json(summary.to_json()) == summary


def test_what_was_staged_is_not_read_again(space):
    snapshot = space.snapshot()
    assert ensure(space, snapshot) == snapshot.timeline.quarters
    assert ensure(space, snapshot) == []


@pytest.mark.parametrize("table", ["stg_usagers", "stg_rejets"])
@pytest.mark.parametrize("damage", ["missing", "cut"])
def test_a_state_of_which_a_file_is_missing_or_torn_is_read_again(space, table, damage):
    snapshot = stage_all(space)
    path = snapshot.current_file(table, QUARTER)
    if damage == "missing":
        path.unlink()
    else:
        os.truncate(path, path.stat().st_size // 2)
    assert ensure(space, snapshot) == [QUARTER]
    assert snapshot.files.is_there(path)


def test_no_draft_stays(space):
    stage_all(space)
    assert [path for path in space.data_dir.tables.rglob("*") if path.name.startswith(".")] == []


def quarter_of(count: int, bad: int) -> list:
    return [lean(region=f"R{i}", nb_dossiers="a" if i < bad else "10") for i in range(count)]


@pytest.mark.parametrize(("count", "is_refused"), [(100, False), (99, True)])
def test_a_quarter_with_more_than_one_rejected_line_in_a_hundred_is_refused(tmp_path, count, is_refused):
    space = workspace_in(tmp_path)
    ingest(space.archive, quarter_of(count, 1))
    snapshot = stage_all(space)
    assert list(refused(snapshot)) == ([QUARTER] if is_refused else [])
    assert snapshot.timeline.quarters == ([] if is_refused else [QUARTER])
    found = refused(snapshot)[QUARTER] if is_refused else staged(snapshot, QUARTER)
    assert (found.rejected, found.is_refused) == (1, is_refused)


def test_a_refusal_names_the_three_commonest_reasons(tmp_path):
    space = workspace_in(tmp_path)
    lines = [
        *(lean(region=f"A{i}", nb_dossiers="a") for i in range(4)),
        *(lean(region=f"B{i}", montant_engage="-1") for i in range(3)),
        *(lean(region=f"C{i}", nb_titulaires="y") for i in range(2)),
        lean(region="D", part_etat="z"),
    ]
    ingest(space.archive, lines)
    snapshot = stage_all(space)
    error = refusal(snapshot, refused(snapshot)[QUARTER])
    assert (error.rule, error.exit_code) == ("trop_de_rejets", 4)
    assert (
        "2024-T1: 10 of 10 lines rejected with 100.0% of the dossiers and 100.0% of the amount, more than 1%: "
        "nombre_illisible in nb_dossiers (4 lines); "
        "nombre_negatif in montant_engage (3 lines); nombre_illisible in nb_titulaires (2 lines)" in str(error)
    )


def test_one_refused_quarter_does_not_keep_the_others_from_being_staged(tmp_path):
    space = workspace_in(tmp_path)
    ingest(space.archive, [*quarter_of(3, 2), *T2])
    snapshot = space.snapshot()
    with scratch() as con, pytest.raises(ContractError, match="2024-T1: 2 of 3 lines rejected"):
        ensure_staged(con, space.archive, snapshot, states_of(snapshot, snapshot.timeline.quarters))
    assert staged(space.snapshot(), Quarter(2024, 2)).valid == 5
    assert space.snapshot().timeline.quarters == [Quarter(2024, 2)]
