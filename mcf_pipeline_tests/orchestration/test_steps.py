"""The next run: one unbroken stretch at a time, the unpartitioned assets with the last."""

from __future__ import annotations

import pytest

from mcf_pipeline.orchestration.steps import Step, next_step
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
