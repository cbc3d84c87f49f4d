"""Guards: a release in which known data shrank is held until somebody accepts it.

A publisher's accident (a filter left on, half a table) looks like a release; applying it would empty quarters
that were right. Thresholds: `contract.rules`.

Which releases are held is a pure function of the manifests and of what was accepted, as the timeline is: a release
ingested late can release another one, or hold it, just as if it had come in order.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from mcf_pipeline.archive.manifest import Manifest
from mcf_pipeline.contract.rules import SHRINK_SHARE
from mcf_pipeline.quarter import Quarter


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


def held_releases(manifests: Iterable[Manifest], accepted: Collection[str]) -> dict[str, list[Shrinkage]]:
    """The releases that wait to be accepted, by id, with what each lost.

    Each is compared with the last one before it that is not held itself.

    Args:
        manifests: every archived release, in any order.
        accepted: ids of the releases that apply whatever they lost.
    """
    held: dict[str, list[Shrinkage]] = {}
    standing: Manifest | None = None
    for manifest in sorted(manifests, key=lambda m: m.time_order):
        lost = [] if manifest.release_id in accepted else shrinkages(manifest, standing)
        if lost:
            held[manifest.release_id] = lost
        else:
            standing = manifest
    return held


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
