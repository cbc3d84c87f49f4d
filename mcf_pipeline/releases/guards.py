"""Guards: a release in which known data shrank is held until somebody accepts it.

A publisher's accident (a filter left on, half a table) looks like a release; applying it would empty quarters
that were right. Thresholds: `contract.rules`.
"""

from __future__ import annotations

from dataclasses import dataclass

from mcf_pipeline.contract.rules import SHRINK_SHARE
from mcf_pipeline.quarter import Quarter
from mcf_pipeline.releases.manifest import Manifest


@dataclass(frozen=True, slots=True)
class Shrinkage:
    """What a release lost of one quarter.

    Attributes:
        quarter: id of the quarter.
        rule: ``trimestre_disparu`` or ``trimestre_retreci``.
        measure: ``lines`` or ``dossiers``.
        before: in the release before.
        after: in the release.
    """

    quarter: str
    rule: str
    measure: str
    before: int
    after: int

    def __str__(self) -> str:
        if self.rule == "trimestre_disparu":
            return f"{self.quarter} vanished ({self.before} {self.measure} before)"
        lost = 1 - self.after / self.before
        return f"{self.quarter} lost {lost:.0%} of its {self.measure} ({self.before} to {self.after})"


def shrinkages(release: Manifest, predecessor: Manifest | None) -> list[Shrinkage]:
    """What a release lost of the one before it, in the order of the quarters.

    Args:
        release: the new release.
        predecessor: the release before it in time, or None for the first.

    Returns:
        One entry per quarter that vanished, and per measure of a closed quarter that lost more than
        `SHRINK_SHARE`. A quarter is closed once it has ended before the release's day.
    """
    found: list[Shrinkage] = []
    for quarter_id, before in sorted(predecessor.quarters.items() if predecessor else ()):
        after = release.quarters.get(quarter_id)
        if after is None:
            found.append(Shrinkage(quarter_id, "trimestre_disparu", "lines", before.rows, 0))
            continue
        if Quarter.parse(quarter_id).last_day >= release.day:
            continue
        for measure, old, new in (
            ("lines", before.rows, after.rows),
            ("dossiers", before.dossiers, after.dossiers),
        ):
            if old - new > SHRINK_SHARE * old:
                found.append(Shrinkage(quarter_id, "trimestre_retreci", measure, old, new))
    return found
