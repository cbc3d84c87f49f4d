"""The plan: which quarters a run has to do, and why.

Each quarter of each table carries the mark of what it was built from; the timeline says what it should be
built from. The difference is the work. Nothing else is remembered, so nothing else can be wrong.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mcf_pipeline.archive.timeline import State, Timeline
from mcf_pipeline.quarter import Quarter
from mcf_pipeline.schemas.base import describe
from mcf_pipeline.schemas.marts import QUARTERLY_MARTS
from mcf_pipeline.schemas.warehouse import FACTS

MARKED = tuple(describe(model).name for model in (*FACTS, *QUARTERLY_MARTS))
"""The quarterly tables of the build; each marks its quarters under its own name."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The quarters of the timeline, sorted by what a run has to do.

    Attributes:
        new: never built before.
        changed: built from something else.
        unchanged: as they should be.
    """

    new: list[Quarter]
    changed: list[Quarter]
    unchanged: list[Quarter]

    @property
    def to_do(self) -> list[Quarter]:
        """The quarters to rematerialize, in time order."""
        return sorted(self.new + self.changed)


def mark_of(states: Sequence[State], rules: str) -> str:
    """Fingerprint of what a quarter is built from: its states and the rules they are read by."""
    parts = [rules, *(f"{state.sha256} {state.since} {state.until}" for state in states)]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def target_marks(line: Timeline, rules: str) -> dict[Quarter, str]:
    """What each quarter should be built from."""
    return {quarter: mark_of(states, rules) for quarter, states in line.states.items()}


def make_plan(line: Timeline, rules: str, built: Mapping[tuple[str, str], str]) -> Plan:
    """Compare what should be with what is.

    Args:
        line: the timeline.
        rules: fingerprint of the rules.
        built: the marks of the build (`build.marks`).
    """
    plan = Plan([], [], [])
    for quarter, target in sorted(target_marks(line, rules).items()):
        found = {built.get((table, quarter.id)) for table in MARKED}
        if found == {target}:
            plan.unchanged.append(quarter)
        elif found == {None}:
            plan.new.append(quarter)
        else:
            plan.changed.append(quarter)
    return plan
