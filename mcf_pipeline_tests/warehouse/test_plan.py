"""The plan: what differs between what is built and what should be."""

from __future__ import annotations

import pytest

from mcf_pipeline.archive.timeline import State, timeline
from mcf_pipeline.quarter import Quarter
from mcf_pipeline.tables.facts import DOSSIERS, write_fact
from mcf_pipeline.warehouse.build import marks
from mcf_pipeline.warehouse.plan import MARKED, make_plan, mark_of, target_marks
from mcf_pipeline_tests.archive.manifests import manifest
from mcf_pipeline_tests.exports import take_in
from mcf_pipeline_tests.warehouse.builds import build_quarters, write_facts, write_marts
from mcf_pipeline_tests.warehouse.told import R1, R2, R3, T1, T2

LINE = timeline([manifest("2026-01-08", quarters="ab"), manifest("2026-04-08", quarters="cb")])
FIRST, SECOND = Quarter(2024, 1), Quarter(2024, 2)
TARGET = target_marks(LINE, "rules")


def planned(built, rules="rules") -> dict[str, list[Quarter]]:
    plan = make_plan(LINE, rules, built)
    found = {name: getattr(plan, name) for name in ("new", "changed", "unchanged")}
    return {name: quarters for name, quarters in found.items() if quarters}


def built(**changes: str | None) -> dict[tuple[str, str], str]:
    """Everything as it should be, but the first quarter of the tables in `changes`."""
    found = {(table, quarter.id): mark for quarter, mark in TARGET.items() for table in MARKED}
    for table, mark in changes.items():
        if mark is None:
            del found[table, FIRST.id]
        else:
            found[table, FIRST.id] = mark
    return found


NOTHING_OF_THE_FIRST = dict.fromkeys(MARKED)


@pytest.mark.parametrize(
    ("marked", "expected"),
    [
        ({}, {"new": [FIRST, SECOND]}),
        (built(), {"unchanged": [FIRST, SECOND]}),
        (built(**NOTHING_OF_THE_FIRST), {"new": [FIRST], "unchanged": [SECOND]}),
        (built(mart_region="other"), {"changed": [FIRST], "unchanged": [SECOND]}),
        (built(mart_region=None), {"changed": [FIRST], "unchanged": [SECOND]}),
        (built(**dict.fromkeys(MARKED, "other")), {"changed": [FIRST], "unchanged": [SECOND]}),
    ],
    ids=[
        "nothing built",
        "all built",
        "a quarter never built",
        "a table of another time",
        "a table not reached before a kill",
        "all tables of another time",
    ],
)
def test_a_quarter_is_new_changed_or_unchanged(marked, expected):
    assert planned(marked) == expected


def test_other_rules_change_every_quarter():
    assert planned(built(), rules="others") == {"changed": [FIRST, SECOND]}


def test_quarters_that_no_release_tells_of_are_left_alone():
    assert planned(built() | {("fct_dossiers", "2019-T1"): "x"}) == {"unchanged": [FIRST, SECOND]}


def test_the_work_is_in_time_order():
    plan = make_plan(LINE, "rules", built(fct_dossiers="other", **{}) | {("fct_dossiers", SECOND.id): "other"})
    assert plan.to_do == [FIRST, SECOND]


@pytest.mark.parametrize(
    "other",
    [
        (),
        (State("a", "r2", None),),
        (State("b", "r1", None),),
        (State("a", "r1", "r2"),),
        (State("a", "r1", "r2"), State("b", "r2", None)),
    ],
    ids=["no state", "another release", "another content", "ended", "a state more"],
)
def test_any_other_state_is_another_mark(other):
    assert mark_of(other, "rules") != mark_of([State("a", "r1", None)], "rules")


@pytest.fixture
def two_quarters(space_in):
    space = space_in("two")
    take_in(space.archive, [*T1, *T2], R1)
    return space


def test_after_a_kill_between_facts_and_marts_the_quarter_is_found_again(two_quarters):
    line = two_quarters.archive.timeline()
    with two_quarters.build() as con:
        write_facts(two_quarters, con, line, FIRST)
        write_facts(two_quarters, con, line, SECOND)
        write_marts(two_quarters, con, line, [FIRST])
    plan = two_quarters.plan()
    assert (plan.new, plan.changed, plan.unchanged) == ([], [SECOND], [FIRST])
    assert build_quarters(two_quarters) == [SECOND]
    assert two_quarters.plan().to_do == []


def test_after_a_kill_between_the_two_facts_the_quarter_is_found_again(two_quarters):
    line = two_quarters.archive.timeline()
    states = {state: two_quarters.staging.stage(FIRST, state) for state in line.states[FIRST]}
    with two_quarters.build() as con:
        write_fact(con, DOSSIERS, {FIRST: states}, two_quarters.rules)
        assert set(marks(con)) == {("fct_dossiers", FIRST.id)}
    assert two_quarters.plan().changed == [FIRST]


def test_a_release_in_between_makes_the_quarters_that_it_splits_due(copied):
    """A late release that says of T2 what its successor took back, and of T1 and T3 nothing new."""
    take_in(copied.archive, [*T1, *(entry | {"montant_engage": ""} for entry in T2)], "2026-02-08")
    assert [q.id for q in copied.plan().to_do] == ["2024-T2"]
    assert [m.release_id for m in copied.archive.timeline().releases] == [R1, "2026-02-08", R2, R3]


def test_forced_marks_make_every_quarter_due(copied):
    copied.forget_marks()
    assert [q.id for q in copied.plan().changed] == ["2024-T1", "2024-T2", "2024-T3"]
