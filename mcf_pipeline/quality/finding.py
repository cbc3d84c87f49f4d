"""What looking for one rule's breaches came to."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

SAMPLE_ROWS = 5
"""Rows that a finding shows."""


@dataclass(frozen=True, slots=True)
class Finding:
    """How often a rule is broken, out of how much, and where.

    Attributes:
        rule: its name, in French.
        count: what breaks it.
        total: what could have broken it; what the rule cannot be judged on is not counted.
        unit: what is counted, in French.
        columns: names of the sample's columns.
        sample: a few of those that break it.
        quarters: the quarters they lie in.
        note: what else there is to know, in French.
        is_grave: whether a rule that only warns has gone so far that it is an error.
        detail: the findings of the rules that were put together in this one.
    """

    rule: str
    count: int
    total: int
    unit: str = "lignes"
    columns: tuple[str, ...] = ()
    sample: tuple[tuple[object, ...], ...] = ()
    quarters: tuple[str, ...] = ()
    note: str = ""
    is_grave: bool = False
    detail: tuple[Finding, ...] = ()

    @property
    def holds(self) -> bool:
        """Whether nothing breaks the rule."""
        return self.count == 0

    @property
    def share(self) -> float:
        """The part that breaks the rule; 0 where there is nothing to judge."""
        return self.count / self.total if self.total else 0.0


def grouped(name: str, findings: Iterable[Finding]) -> Finding:
    """Several rules on the same lines as one finding, whose sample says which rule each line breaks."""
    found = tuple(findings)
    rows = [
        (
            f.rule,
            row[0],
            " ; ".join(f"{c} = {'' if v is None else v}" for c, v in zip(f.columns[1:], row[1:], strict=True)),
        )
        for f in found
        for row in f.sample
    ]
    notes = dict.fromkeys(f"{f.rule} : {f.note}" for f in found if f.note)
    return Finding(
        rule=name,
        count=sum(f.count for f in found),
        total=max((f.total for f in found), default=0),
        unit="écarts",
        columns=("regle", found[0].columns[0], "valeurs") if rows else (),
        sample=tuple(rows),
        quarters=tuple(dict.fromkeys(quarter for f in found for quarter in f.quarters)),
        note=" ".join(notes),
        is_grave=any(f.is_grave for f in found),
        detail=found,
    )


def total_of(rule: str, findings: Iterable[Finding]) -> Finding:
    """The findings of one rule over several quarters, as one."""
    found = list(findings)
    broken = [f for f in found if not f.holds]
    return Finding(
        rule=rule,
        count=sum(f.count for f in found),
        total=sum(f.total for f in found),
        unit=found[0].unit if found else "lignes",
        columns=broken[0].columns if broken else (),
        sample=tuple(row for f in broken for row in f.sample)[:SAMPLE_ROWS],
        quarters=tuple(quarter for f in broken for quarter in f.quarters),
        is_grave=any(f.is_grave for f in broken),
    )
