"""Which releases go: whatever was archived, every kept release shows what it showed, held or not as it was."""

from __future__ import annotations

import dataclasses
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcf_pipeline.archive.guards import held_releases
from mcf_pipeline.archive.manifest import Manifest
from mcf_pipeline.archive.retention import retain
from mcf_pipeline.archive.timeline import timeline
from mcf_pipeline.quarter import Quarter
from mcf_pipeline_tests.archive.manifests import content, manifest

T1 = Quarter(2024, 1)
DAYS = ("2024-08-08", "2025-01-08", "2025-04-08", "2025-07-08", "2025-10-08")
ROWS = {"a": 100, "b": 90, "c": 60, "d": 200, "x": 100}
"""Lines of each content: from a to c is a loss that is held, from b to d a gain that is."""


def told(day: str, contents: str, **changes: object) -> Manifest:
    found = manifest(day, quarters=contents, **changes)
    return dataclasses.replace(
        found, quarters={q: content(letter, ROWS[letter]) for q, c in found.quarters.items() for letter in c.sha256[0]}
    )


def releases(*contents: str) -> list[Manifest]:
    """One release per content, in time order; one that repeats its predecessor has no export."""
    found = [told(day, letters) for day, letters in zip(DAYS, contents, strict=False)]
    return [found[0], *(dataclasses.replace(m, export=None) if m.same_content(p) else m for p, m in pairwise(found))]


def ids(found) -> list[str]:
    return [DAYS.index(m.release_id[:10]) for m in found]


def kept(*contents: str, keep: int, accepted: str = "", refused: str = "") -> list[int]:
    """The places of the releases that stay."""
    marks = {DAYS[int(place)] for place in accepted}
    return ids(retain(releases(*contents), marks, {(T1, letter * 64) for letter in refused}, keep).kept)


@pytest.mark.parametrize(
    ("contents", "options", "expected"),
    [
        (["a", "ab", "bb"], {"keep": 1}, [2]),
        (["a", "ab", "bb"], {"keep": 2}, [1, 2]),
        (["a", "ab", "bb"], {"keep": 3}, [0, 1, 2]),
        (["a", "ab", "bb"], {"keep": 9}, [0, 1, 2]),
        (["a", "b", "b", "b"], {"keep": 1}, [1, 2, 3]),
        (["a", "a", "b"], {"keep": 1}, [2]),
        (["a", "c", "b"], {"keep": 1}, [2]),
        (["a", "c", "b"], {"keep": 2}, [0, 1, 2]),
        (["a", "b", "c"], {"keep": 1}, [1, 2]),
        (["a", "c"], {"keep": 1, "accepted": "1"}, [1]),
        (["a", "x", "b"], {"keep": 1, "refused": "x"}, [2]),
        (["a", "x", "b"], {"keep": 2, "refused": "x"}, [0, 1, 2]),
        (["aa", "xa", "xb"], {"keep": 1, "refused": "x"}, [0, 1, 2]),
    ],
    ids=[
        "one",
        "two",
        "all",
        "more than there are",
        "one with its repetitions",
        "a repetition goes with what it repeats",
        "a held one before the first that stays goes",
        "a held one within what stays",
        "a held one after the newest that is applied stays, with what it is compared with",
        "an accepted one can be the first",
        "a refused quarter that was told again",
        "the history cannot begin where a quarter is refused",
        "a quarter that rests on an old release keeps it",
    ],
)
def test_what_stays(contents, options, expected):
    assert kept(*contents, **options) == expected


def test_why_more_stays_than_was_asked_for_is_said():
    found = retain(releases("aa", "xa", "xb"), (), {(T1, "x" * 64)}, 1)
    assert (found.applied, found.reason) == (
        3,
        "2024-T1 of release 2025-04-08 was refused, so it shows what release 2024-08-08 says of it",
    )
    assert retain(releases("a", "b"), (), (), 1).reason is None


def test_a_release_without_an_export_keeps_the_one_that_has_it():
    """A late release came between the two, so both say something new."""
    first, late, again = told(DAYS[0], "a"), told(DAYS[1], "b"), told(DAYS[2], "a", export=None)
    found = retain([first, late, again], (), (), 1)
    assert (found.removed, ids(found.kept)) == ((), [0, 1, 2])
    assert found.reason == "release 2025-04-08 repeats an older one, with which its export is kept"


def test_what_was_applied_since_an_older_release_said_the_same_stays_applied():
    """The third doubles the second, and would be held, but for the first: a quarter that comes back has not grown."""
    found = retain(releases("dd", "bd", "dd"), {DAYS[1]}, (), 2)
    assert (ids(found.kept), found.to_accept) == ([1, 2], (DAYS[2],))


def test_the_states_that_the_history_loses_are_counted():
    assert retain(releases("aa", "ba", "bb"), (), (), 2).states == 1
    assert retain(releases("aa", "ba", "bb"), (), (), 1).states == 2
    assert retain(releases("aa", "-a", "bb"), {DAYS[1]}, (), 1).states == 2


ARCHIVES = st.lists(
    st.tuples(st.sampled_from(DAYS), st.text("abcdx-", min_size=1, max_size=3)), min_size=1, max_size=7
).map(lambda found: [told(f"{day}-{n}", letters) for n, (day, letters) in enumerate(found, start=2)])


def as_of(line, release_id: str) -> dict[str, str]:
    rank = {m.release_id: place for place, m in enumerate(line.releases)}
    at = rank[release_id]
    return {
        quarter.id: state.sha256
        for quarter, states in line.states.items()
        for state in states
        if rank[state.since] <= at and (state.until is None or at < rank[state.until])
    }


@given(ARCHIVES, st.data())
def test_every_kept_release_shows_what_it_showed(archive, data):
    accepted = data.draw(st.sets(st.sampled_from([m.release_id for m in archive])))
    refused = data.draw(st.sets(st.just((T1, "x" * 64))))
    keep = data.draw(st.integers(1, 5))
    found = retain(data.draw(st.permutations(archive)), accepted, refused, keep)
    assert [*found.removed, *found.kept] == sorted(archive, key=lambda m: m.time_order)

    held = held_releases(archive, accepted)
    marks = {*accepted, *found.to_accept}
    assert set(held_releases(found.kept, marks)) == {m.release_id for m in found.kept if m.release_id in held}
    before = timeline((m for m in archive if m.release_id not in held), refused)
    after = timeline((m for m in found.kept if m.release_id not in held), refused)
    assert after.latest == before.latest
    assert len(after.releases) == found.applied >= min(keep, len(before.releases))
    for release in after.releases:
        assert as_of(after, release.release_id) == as_of(before, release.release_id)
    again = retain(found.kept, marks, refused, keep)
    assert (again.removed, again.to_accept) == ((), ())
