"""The snapshot: which file each quarter of each table should have, and what is therefore to do."""

from __future__ import annotations

import pytest

from mcf_pipeline.archive.timeline import State, timeline
from mcf_pipeline.duck import scratch
from mcf_pipeline.quarter import Quarter
from mcf_pipeline.schemas.names import FACT_NAMES, QUARTERLY_MART_NAMES
from mcf_pipeline.tables.build import ensure_facts, ensure_staged, states_of
from mcf_pipeline.tables.files import TableFiles
from mcf_pipeline.tables.rules import Rules
from mcf_pipeline.tables.snapshot import Snapshot, verdict_file
from mcf_pipeline_tests.archive.manifests import manifest
from mcf_pipeline_tests.exports import ingest, lean_quarter, workspace_in
from mcf_pipeline_tests.warehouse.builds import build_quarters
from mcf_pipeline_tests.warehouse.told import R1, R2, R3, T1, T2

FIRST, SECOND = Quarter(2024, 1), Quarter(2024, 2)
MANIFESTS = (manifest("2026-01-08", quarters="ab"), manifest("2026-04-08", quarters="cb"))
"""The second release revises the first quarter."""


def snapshot_of(manifests, root, rules=Rules("lines", "marts")) -> Snapshot:  # noqa: B008
    line = timeline(list(manifests))
    return Snapshot(tuple(manifests), {}, line, line, rules, TableFiles(root))


@pytest.fixture
def snapshot(tmp_path) -> Snapshot:
    return snapshot_of(MANIFESTS, tmp_path)


WHOLE = b"PAR1" + bytes(4) + b"PAR1"
"""A Parquet file with an empty footer."""


def touch(paths) -> None:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(WHOLE)


def planned(snapshot: Snapshot) -> dict[str, list[Quarter]]:
    plan = snapshot.plan
    return {name: found for name in ("new", "changed", "unchanged") if (found := getattr(plan, name))}


def test_quarters_without_any_file_are_new(snapshot):
    assert planned(snapshot) == {"new": [FIRST, SECOND]}


def test_quarters_with_all_their_files_are_unchanged(snapshot):
    touch([*snapshot.needed_files(FIRST), *snapshot.needed_files(SECOND)])
    assert planned(snapshot) == {"unchanged": [FIRST, SECOND]}


@pytest.mark.parametrize("table", ["stg_usagers", "stg_rejets", *FACT_NAMES, *QUARTERLY_MART_NAMES])
def test_a_quarter_that_lacks_one_file_is_due(snapshot, table):
    touch([*snapshot.needed_files(FIRST), *snapshot.needed_files(SECOND)])
    snapshot.current_file(table, FIRST).unlink()
    assert snapshot.plan.to_do == [FIRST]


def test_a_quarter_that_lacks_a_past_state_or_its_revisions_is_due(tmp_path):
    for missing in ("past", "revisions"):
        snapshot = snapshot_of(MANIFESTS, tmp_path / missing)
        touch([*snapshot.needed_files(FIRST), *snapshot.needed_files(SECOND)])
        past = snapshot.file(FACT_NAMES[0], FIRST, snapshot.timeline.states[FIRST][0])
        (past if missing == "past" else snapshot.revisions_file(FIRST)).unlink()
        assert planned(snapshot) == {"changed": [FIRST], "unchanged": [SECOND]}


def test_a_torn_file_is_to_be_made_again(snapshot):
    touch([*snapshot.needed_files(FIRST), *snapshot.needed_files(SECOND)])
    snapshot.current_file("mart_region", SECOND).write_bytes(WHOLE[:8])
    assert planned(snapshot) == {"changed": [SECOND], "unchanged": [FIRST]}


@pytest.mark.parametrize("rules", [Rules("other", "other"), Rules("lines", "other")], ids=["all", "of the marts"])
def test_other_rules_change_every_quarter(snapshot, rules):
    touch([*snapshot.needed_files(FIRST), *snapshot.needed_files(SECOND)])
    assert planned(snapshot_of(MANIFESTS, snapshot.files.root, rules)) == {"changed": [FIRST, SECOND]}


def test_other_rules_of_the_marts_leave_the_facts(snapshot):
    other = snapshot_of(MANIFESTS, snapshot.files.root, Rules("lines", "other"))
    assert other.current_file(FACT_NAMES[0], FIRST) == snapshot.current_file(FACT_NAMES[0], FIRST)
    assert other.current_file("mart_region", FIRST) != snapshot.current_file("mart_region", FIRST)


def test_files_of_quarters_that_no_release_covers_do_not_matter(snapshot):
    touch([*snapshot.needed_files(FIRST), *snapshot.needed_files(SECOND)])
    touch([snapshot.files.path("fct_dossiers", "2019-T1", "0" * 32)])
    assert planned(snapshot) == {"unchanged": [FIRST, SECOND]}


def test_a_quarter_that_the_newest_release_lost_keeps_its_past_and_needs_no_mart(tmp_path):
    snapshot = snapshot_of((manifest("2026-01-08", quarters="ab"), manifest("2026-04-08", quarters="a")), tmp_path)
    assert snapshot.current_file("mart_region", SECOND) is None
    assert {path.parent.parent.name for path in snapshot.needed_files(SECOND)} == {
        "stg_usagers",
        "stg_rejets",
        *FACT_NAMES,
        "mart_revisions",
    }


STATES = [
    (),
    (State("a", "r2", None),),
    (State("b", "r1", None),),
    (State("a", "r1", "r2"),),
    (State("a", "r1", "r2"), State("b", "r2", None)),
]


@pytest.mark.parametrize("other", STATES, ids=["none", "another release", "another content", "ended", "one more"])
def test_any_other_history_is_another_mark(snapshot, other):
    def mark(states):
        snapshot.timeline.states[FIRST] = states
        return snapshot.history_mark(FIRST, "rules")

    assert mark(other) != mark((State("a", "r1", None),))


def test_the_reasons_of_a_refusal_are_of_use(snapshot):
    """Its quarter would be read again at each run, and the error names the file of its rejects."""
    state = snapshot.reported.states[FIRST][0]
    used = snapshot.used_files()
    assert verdict_file(snapshot.files, snapshot.rules, FIRST, state.sha256) in used
    assert snapshot.file("stg_rejets", FIRST, state) in used


# -- on a real archive -----------------------------------------------------------------------------------


@pytest.fixture
def two_quarters(tmp_path):
    space = workspace_in(tmp_path)
    ingest(space.archive, [*T1, *T2], R1)
    return space


@pytest.mark.parametrize("reached", ["staging", "facts"])
def test_after_a_kill_between_two_layers_the_rest_is_done(two_quarters, reached):
    snapshot = two_quarters.snapshot()
    with scratch() as con:
        states = states_of(snapshot, [FIRST])
        ensure = ensure_staged if reached == "staging" else ensure_facts
        ensure(con, two_quarters.archive, snapshot, states)
    assert two_quarters.snapshot().plan.to_do == [FIRST, SECOND]
    assert build_quarters(two_quarters) == [FIRST, SECOND]
    assert two_quarters.snapshot().plan.to_do == []


def test_a_release_in_between_makes_the_quarters_due_that_it_splits_or_precedes(copied):
    """A late release that says of T2 what its successor took back. T3 first came with the release after it."""
    ingest(copied.archive, [*T1, *(entry | {"montant_engage": ""} for entry in T2)], "2026-02-08")
    snapshot = copied.snapshot()
    assert [q.id for q in snapshot.plan.to_do] == ["2024-T2", "2024-T3"]
    assert [m.release_id for m in snapshot.timeline.releases] == [R1, "2026-02-08", R2, R3]


def test_a_snapshot_is_a_value_that_a_later_release_does_not_change(copied):
    snapshot = copied.snapshot()
    state = snapshot.state
    ingest(copied.archive, [*T1, *T2, *lean_quarter("2024-T3", 7)], "2026-11-01")
    assert (snapshot.state, snapshot.plan.to_do) == (state, [])
    assert copied.snapshot().state != state


def test_what_should_be_published_changes_with_the_releases_and_with_the_rules(tmp_path):
    space = workspace_in(tmp_path / "data")
    source_map = tmp_path / "map.toml"
    source_map.write_text('[modalities.genre]\n"X" = "femme"\n')
    states = [space.snapshot().state]
    ingest(space.archive, lean_quarter(), "2026-07-08")
    states.append(space.snapshot().state)
    ingest(space.archive, lean_quarter(nb_dossiers="11"), "2026-10-08")
    states.append(space.snapshot().state)
    states.append(workspace_in(space.data_dir.root, source_map=source_map).snapshot().state)
    assert len(set(states)) == 4
    ingest(space.archive, lean_quarter(nb_dossiers="11"), "2026-10-15")
    assert space.snapshot().state == states[2]


def test_a_source_map_that_changes_makes_every_quarter_due(tmp_path):
    space = workspace_in(tmp_path / "data")
    source_map = tmp_path / "map.toml"
    source_map.write_text('[modalities.genre]\n"X" = "femme"\n')
    ingest(space.archive, lean_quarter())
    build_quarters(space)
    assert space.snapshot().plan.to_do == []
    other = workspace_in(space.data_dir.root, source_map=source_map)
    assert other.snapshot().plan.changed == [FIRST]
