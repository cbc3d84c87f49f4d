"""Guards: a release in which known data shrank, grew or changed beyond reason is held until somebody accepts it.

A publisher's accident (a filter left on, half a table, a table counted twice) looks like a release; applying it would
spoil quarters that were right. Thresholds: `contract.rules`.

Which releases are held is a pure function of the manifests and of what was accepted, as the timeline is: a release
ingested late can release another one, or hold it, just as if it had come in order.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from mcf_pipeline.archive.manifest import Manifest, QuarterContent
from mcf_pipeline.contract.modalities import NOT_GIVEN_ID
from mcf_pipeline.contract.thresholds import (
    GROWTH_SHARE,
    MASKED_CHANGE,
    MIN_DOSSIERS_OF_REGION,
    MIN_LINES,
    PRICE_CHANGE,
    REGION_CHANGE,
    SHRINK_SHARE,
)
from mcf_pipeline.quarter import Quarter

GUARDS = (
    *("trimestre_disparu", "trimestre_retreci", "trimestre_gonfle", "part_masquee_inhabituelle"),
    *("montant_inhabituel", "region_inhabituelle"),
)
"""The rules by which a release is held."""


@dataclass(frozen=True, slots=True)
class Shrinkage:
    """What a release lost of one quarter, or has too much of.

    Attributes:
        quarter: id of the quarter.
        rule: of `GUARDS`.
        measure: ``lines``, ``dossiers``, ``% of lines masked``, ``€ by dossier``, or ``dossiers of region 53``.
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
        if self.rule in ("part_masquee_inhabituelle", "montant_inhabituel", "region_inhabituelle"):
            return f"{self.quarter} has {self.after} {self.measure}, {self.before} before"
        if self.rule == "trimestre_gonfle":
            gained = self.after / self.before - 1
            return (
                f"{self.quarter} was closed and gained {gained:.0%} in {self.measure} ({self.before} to {self.after})"
            )
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
    last: Manifest | None = None
    # Kept up, not looked up in all releases before: with 200 of them that took longer than the intake itself. Most of
    # them repeat what the one before said of a quarter.
    stood: dict[str, dict[str, QuarterContent]] = {}
    for manifest in sorted(manifests, key=lambda m: m.time_order):
        lost = [] if manifest.release_id in accepted else shrinkages(manifest, last, stood)
        if lost:
            held[manifest.release_id] = lost
            continue
        last = manifest
        for quarter_id, content in manifest.quarters.items():
            stood.setdefault(quarter_id, {})[content.sha256] = content
    return held


def shrinkages(
    release: Manifest, predecessor: Manifest | None, stood: Mapping[str, Mapping[str, QuarterContent]] | None = None
) -> list[Shrinkage]:
    """What a release lost of the one before it, or has too much of, in the order of the quarters.

    Args:
        release: the new release.
        predecessor: the release before it in time, or None for the first.
        stood: by quarter, its contents in the releases that stood before: a quarter that comes back to what it was has
            not grown.

    Returns:
        One entry per quarter that vanished, per measure of a closed quarter that lost more than `SHRINK_SHARE`, and per
        measure that gained more than `GROWTH_SHARE` in a quarter that was closed for the release before, too (one that
        still ran may have doubled); of such a quarter also where the share of masked lines, the amount by dossier or a
        region moved too far. A quarter is closed once it has ended before the release's day.
    """
    found: list[Shrinkage] = []
    if predecessor is None:
        return found
    for quarter_id, before in sorted(predecessor.quarters.items()):
        after = release.quarters.get(quarter_id)
        if after is None:
            found.append(Shrinkage(quarter_id, "trimestre_disparu", "lines", before.rows, 0))
            continue
        last_day = Quarter.parse(quarter_id).last_day
        if last_day >= release.day:
            continue
        was_closed = last_day < predecessor.day
        known = list((stood or {}).get(quarter_id, {}).values())
        for measure, old, new, ever in (
            ("lines", before.rows, after.rows, max(c.rows for c in (before, *known))),
            ("dossiers", before.dossiers, after.dossiers, max(c.dossiers for c in (before, *known))),
        ):
            is_more = new - ever > GROWTH_SHARE * ever
            if old - new > SHRINK_SHARE * old:
                found.append(Shrinkage(quarter_id, "trimestre_retreci", measure, old, new))
            elif was_closed and old and is_more and before.rows >= MIN_LINES:
                found.append(Shrinkage(quarter_id, "trimestre_gonfle", measure, old, new))
        if before.masked is not None and after.masked is not None and min(before.rows, after.rows) >= MIN_LINES:
            old, new = round(100 * before.masked / before.rows), round(100 * after.masked / after.rows)
            if abs(new - old) > 100 * MASKED_CHANGE:
                found.append(Shrinkage(quarter_id, "part_masquee_inhabituelle", "% of lines masked", old, new))
        if was_closed:
            found += _dearer(quarter_id, before, after, known)
            found += _regions(quarter_id, before, after, known)
    return found


def _dearer(
    quarter: str, before: QuarterContent, after: QuarterContent, known: Sequence[QuarterContent]
) -> Iterator[Shrinkage]:
    """The amount by dossier, where it moved: all amounts may have been multiplied, and each line agrees with itself."""
    new = _by_dossier(after)
    old = [price for content in (before, *known) if (price := _by_dossier(content))]
    if new is None or not old or min(before.rows, after.rows) < MIN_LINES or _by_dossier(before) is None:
        return
    # One that comes back to what it was is as it was.
    if all(abs(new - price) > PRICE_CHANGE * price for price in old):
        yield Shrinkage(quarter, "montant_inhabituel", "€ by dossier", round(old[0]), round(new))


def _by_dossier(content: QuarterContent) -> Decimal | None:
    return Decimal(content.amount) / content.dossiers if content.amount and content.dossiers else None


def _regions(
    quarter: str, before: QuarterContent, after: QuarterContent, known: Sequence[QuarterContent]
) -> Iterator[Shrinkage]:
    """The regions that lost or gained too much, which the country's figures may hardly show."""
    if before.regions is None or after.regions is None:
        return
    for region, old in before.regions.items():
        # What was not given may be given later.
        if region == NOT_GIVEN_ID or old < MIN_DOSSIERS_OF_REGION:
            continue
        new = after.regions.get(region, 0)
        most = max((old, *(content.regions.get(region, 0) for content in known if content.regions is not None)))
        if old - new > REGION_CHANGE * old or new - most > REGION_CHANGE * most:
            yield Shrinkage(quarter, "region_inhabituelle", f"dossiers of region {region}", old, new)
