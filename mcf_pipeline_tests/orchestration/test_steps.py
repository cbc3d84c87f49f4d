"""The next runs: one unbroken stretch at a time, or parts of them side by side; the unpartitioned assets at the end."""

from __future__ import annotations

import pytest

from mcf_pipeline.orchestration.steps import Step, next_step, next_steps
from mcf_pipeline.quarter import Quarter


def quarters(*numbers: str) -> list[Quarter]:
    return [Quarter.parse(f"2024-T{number}") for number in numbers]


@pytest.mark.parametrize(
    ("to_do", "is_published", "expected"),
    [
        ("", True, None),
        ("", False, (None, None, True)),
        ("1234", False, ("1", "4", True)),
        ("234", True, ("2", "4", True)),
        ("124", True, ("1", "2", False)),
        ("4", True, ("4", "4", True)),
        ("13", True, ("1", "1", False)),
        ("13", False, ("1", "1", False)),
    ],
)
def test_the_next_step(to_do, is_published, expected):
    if expected is not None:
        first, last, whole = expected
        expected = Step(*(q and Quarter.parse(f"2024-T{q}") for q in (first, last)), makes_whole=whole)
    assert next_step(quarters(*to_do), is_published=is_published) == expected


def test_following_the_steps_does_every_quarter_once_and_the_rest_once_at_the_end():
    to_do = quarters(*"124")
    done, wholes = [], []
    while step := next_step(to_do, is_published=bool(wholes and wholes[-1])):
        stretch = [step.first + i for i in range(step.last - step.first + 1)]
        done += stretch
        wholes.append(step.makes_whole)
        to_do = [quarter for quarter in to_do if quarter not in stretch]
    assert (done, wholes) == (quarters(*"124"), [False, True])


@pytest.mark.parametrize(
    ("step", "key"),
    [
        (Step(*quarters("1", "2"), makes_whole=False), "2024-T1..2024-T2"),
        (Step(*quarters("4", "4"), makes_whole=True), "2024-T4..2024-T4+whole"),
        (Step(None, None, makes_whole=True), "none+whole"),
    ],
)
def test_the_key_names_the_step(step, key):
    assert step.key == key


# -- side by side -------------------------------------------------------------------------------------------


def side_by_side(to_do: str, per_run: int, under_way: str = "", *, is_published: bool = False) -> list[str]:
    steps = next_steps(quarters(*to_do), is_published=is_published, per_run=per_run, under_way=quarters(*under_way))
    assert len(steps) == 1 or not any(step.makes_whole for step in steps)
    return [step.key.replace("2024-T", "") for step in steps]


@pytest.mark.parametrize(
    ("to_do", "per_run", "expected"),
    [
        ("1234", 1, ["1..1", "2..2", "3..3", "4..4"]),
        ("1234", 2, ["1..2", "3..4"]),
        ("1234", 100, ["1..4"]),
        ("124", 4, ["1..2", "4..4"]),
        ("23", 2, ["2..2", "3..3"]),
        ("4", 2, ["4..4"]),
    ],
)
def test_quarters_are_shared_out_in_unbroken_parts_and_nothing_else_is_made_with_them(to_do, per_run, expected):
    assert side_by_side(to_do, per_run) == expected
    assert side_by_side(to_do, per_run, is_published=True) == expected


def test_the_rest_waits_for_every_quarter_and_is_one_run():
    assert side_by_side("12", 1, under_way="12") == []
    assert side_by_side("2", 1, under_way="2") == []
    assert side_by_side("", 1, under_way="2") == [], "its files are there, but its checks may yet find one wrong"
    assert side_by_side("", 1) == ["none+whole"]
    assert side_by_side("", 1, is_published=True) == []


def test_what_a_run_makes_is_not_asked_for_again_and_the_others_are():
    assert side_by_side("1234", 2, under_way="12") == ["3..4"]
    assert side_by_side("134", 2, under_way="34") == ["1..1"]


def test_what_is_made_meanwhile_moves_no_other_part():
    assert side_by_side("234", 2) == ["2..2", "3..4"]
    assert side_by_side("34", 2) == ["3..4"]


def test_a_step_knows_its_quarters():
    assert Step(*quarters("2", "4"), makes_whole=False).quarters == quarters("2", "3", "4")
    assert Step(None, None, makes_whole=True).quarters == []
