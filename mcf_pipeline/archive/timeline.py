"""The timeline: which content each quarter had, from which release until which.

A pure function of the archived manifests. That is why any order of ingesting releases gives the same
warehouse: a late release changes the timeline, and the warehouse follows it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from mcf_pipeline.archive.manifest import Manifest
from mcf_pipeline.quarter import Quarter


@dataclass(frozen=True, slots=True)
class State:
    """What a quarter was, from one release until before another.

    Attributes:
        sha256: of the quarter's content.
        since: id of the first release that says so.
        until: id of the first release that says something else, or None for the current state.
    """

    sha256: str
    since: str
    until: str | None


@dataclass(frozen=True, slots=True)
class Timeline:
    """Every state of every quarter.

    Attributes:
        releases: the releases that say something new, in time order.
        states: of each quarter that a release covers, in time order.
    """

    releases: tuple[Manifest, ...]
    states: dict[Quarter, tuple[State, ...]]

    @property
    def quarters(self) -> list[Quarter]:
        """Every quarter that has a state, in order."""
        return sorted(self.states)

    @property
    def latest(self) -> Manifest | None:
        """The newest release."""
        return self.releases[-1] if self.releases else None

    def current(self, quarter: Quarter) -> State | None:
        """The current state, or None where the newest release does not cover the quarter."""
        states = self.states.get(quarter, ())
        return states[-1] if states and states[-1].until is None else None


def timeline(manifests: Iterable[Manifest], refused: Collection[tuple[Quarter, str]] = ()) -> Timeline:
    """Order releases in time and follow each quarter through them.

    A release that repeats its predecessor is left out: portals process a dataset again without its content
    changing, and that is no news.

    Args:
        manifests: the applied releases, in any order.
        refused: contents (quarter and hash) that were read and are not to be trusted. A quarter keeps its state
            through a release that has one of them, as if the release had said nothing new of it.
    """
    releases: list[Manifest] = []
    for manifest in sorted(manifests, key=lambda m: m.time_order):
        if not releases or not manifest.same_content(releases[-1]):
            releases.append(manifest)
    quarters = {Quarter.parse(quarter) for manifest in releases for quarter in manifest.quarters}
    states = {quarter: _states(quarter, releases, refused) for quarter in quarters}
    return Timeline(tuple(releases), {quarter: found for quarter, found in states.items() if found})


def _states(
    quarter: Quarter, releases: Sequence[Manifest], refused: Collection[tuple[Quarter, str]]
) -> tuple[State, ...]:
    states: list[State] = []
    for release in releases:
        content = release.quarter(quarter)
        if content is not None and (quarter, content.sha256) in refused:
            continue
        if states and states[-1].until is None:
            last = states[-1]
            if content is not None and content.sha256 == last.sha256:
                continue
            states[-1] = State(last.sha256, last.since, release.release_id)
        if content is not None:
            states.append(State(content.sha256, release.release_id, None))
    return tuple(states)
