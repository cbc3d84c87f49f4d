"""Retention: which releases go when only the newest are kept. A pure function of the manifests; it removes nothing.

Afterwards the archive is what it would be had it begun with the first kept release: each quarter's state at that
release counts as valid from it. So every state that a kept release shows must be one that a kept release names.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from mcf_pipeline.archive.guards import held_releases
from mcf_pipeline.archive.manifest import Manifest
from mcf_pipeline.archive.timeline import timeline
from mcf_pipeline.quarter import Quarter


@dataclass(frozen=True, slots=True)
class Retention:
    """What is kept of an archive, and what goes.

    Attributes:
        removed: the releases that go, in time order, held ones included.
        kept: those that stay, in time order.
        applied: how many of the kept ones are applied and say something new.
        states: states of quarters that the history loses.
        to_accept: kept releases that were applied, and that the guards would hold once the removed ones no longer
            stand before them.
        reason: why more are kept than was asked for; None where that is not so.
    """

    removed: tuple[Manifest, ...]
    kept: tuple[Manifest, ...]
    applied: int
    states: int
    to_accept: tuple[str, ...]
    reason: str | None


def retain(
    manifests: Sequence[Manifest],
    accepted: Collection[str],
    refused: Collection[tuple[Quarter, str]],
    keep: int,
) -> Retention:
    """Keep the newest applied releases that say something new, with all that came after the first of them.

    A release that repeats its predecessor goes or stays with it. One that is held and older than the first kept goes,
    too: accepted later, it would be history from before the history begins. A held one that stays is compared with the
    same release as before.

    Args:
        manifests: every archived release.
        accepted: ids of those that somebody accepted.
        refused: contents that were read and refused, for which a quarter keeps an earlier state.
        keep: how many to keep, at least 1.
    """
    ordered = sorted(manifests, key=lambda m: m.time_order)
    held = held_releases(ordered, accepted)
    applied = [m for m in ordered if m.release_id not in held]
    line = timeline(applied, refused)
    place, reason = max(len(line.releases) - keep, 0), None
    while place > 0:
        first = line.releases[place]
        kept = [m for m in ordered if m.time_order >= first.time_order]
        why = _carried(applied, refused, first) or _without_export(kept)
        if why is None:
            break
        # The reason nearest to what was asked for is the one that can be acted upon.
        reason = reason or why
        place -= 1
    else:
        kept = ordered
    removed = ordered[: len(ordered) - len(kept)]
    after = timeline((m for m in kept if m.release_id not in held), refused)
    return Retention(
        removed=tuple(removed),
        kept=tuple(kept),
        applied=len(line.releases) - place,
        states=sum(map(len, line.states.values())) - sum(map(len, after.states.values())),
        to_accept=_newly_held(kept, held, accepted) if removed else (),
        reason=reason,
    )


def _carried(applied: Sequence[Manifest], refused: Collection[tuple[Quarter, str]], first: Manifest) -> str | None:
    """Why the history cannot begin with a release: a quarter whose content it was refused shows an older one."""
    until = timeline((m for m in applied if m.time_order <= first.time_order), refused)
    for quarter in until.quarters:
        state, content = until.current(quarter), first.quarter(quarter)
        if state and (content is None or content.sha256 != state.sha256):
            shown = f"it shows what release {state.since} says of it"
            return f"{quarter} of release {first.release_id} was refused, so {shown}"
    return None


def _without_export(kept: Sequence[Manifest]) -> str | None:
    """Why some releases cannot stand alone: one has no export of its own, and the one that it repeats would go."""
    having: list[Manifest] = []
    for manifest in kept:
        if manifest.export is not None:
            having.append(manifest)
        elif not any(map(manifest.same_content, having)):
            return f"release {manifest.release_id} repeats an older one, with which its export is kept"
    return None


def _newly_held(kept: Sequence[Manifest], held: Collection[str], accepted: Collection[str]) -> tuple[str, ...]:
    """Kept releases that would be held without the removed ones: say, where a quarter came back to what it was."""
    found: set[str] = set()
    while new := held_releases(kept, {*accepted, *found}).keys() - set(held) - found:
        found |= new
    return tuple(sorted(found))
