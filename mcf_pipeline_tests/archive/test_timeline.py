"""The timeline follows each quarter through the releases, whatever order they come in."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcf_pipeline.archive.timeline import State, timeline
from mcf_pipeline.quarter import Quarter
from mcf_pipeline_tests.archive.manifests import manifest

T1, T2 = Quarter(2024, 1), Quarter(2024, 2)
DAYS = ("2026-01-08", "2026-04-08", "2026-07-08", "2026-10-08")


def line(*contents: str, refused: str = ""):
    """The timeline of one release per content, in time order: ``ab`` says a of T1 and b of T2; `refused` are of T1."""
    given = (manifest(day, quarters=found) for day, found in zip(DAYS, contents, strict=False))
    return timeline(given, {(T1, content * 64) for content in refused})


def states_after(*contents: str, quarter: Quarter = T1, refused: str = "") -> list[str]:
    """The states of a quarter as ``a 01-04``: content, month of the first and of the ending release."""
    states = line(*contents, refused=refused).states.get(quarter, ())
    return [f"{s.sha256[0]} {s.since[5:7]}-{s.until[5:7] if s.until else ''}" for s in states]


@pytest.mark.parametrize(
    ("contents", "states"),
    [
        (["a"], ["a 01-"]),
        (["a", "ab"], ["a 01-"]),
        (["a", "b"], ["a 01-04", "b 04-"]),
        (["a", "b", "c"], ["a 01-04", "b 04-07", "c 07-"]),
        (["a", "b", "a"], ["a 01-04", "b 04-07", "a 07-"]),
        (["a-", "-b"], ["a 01-04"]),
        (["ab", "-b", "ab"], ["a 01-04", "a 07-"]),
        (["ab", "-b", "cb"], ["a 01-04", "c 07-"]),
        (["-b", "ab"], ["a 04-"]),
        (["a", "a", "b"], ["a 01-07", "b 07-"]),
    ],
    ids=[
        "first",
        "untouched by a new quarter",
        "revised",
        "revised twice",
        "reverted",
        "vanished",
        "vanished and returned as it was",
        "vanished and returned as another",
        "only in a late release",
        "repeated, then revised",
    ],
)
def test_the_states_of_a_quarter(contents, states):
    assert states_after(*contents) == states


@pytest.mark.parametrize(
    ("contents", "states"),
    [
        (["a", "x"], ["a 01-"]),
        (["a", "x", "b"], ["a 01-07", "b 07-"]),
        (["a", "x", "a"], ["a 01-"]),
        (["x", "a"], ["a 04-"]),
        (["x"], []),
        (["a", "x", "-b"], ["a 01-07"]),
        (["ab", "-b", "xb"], ["a 01-04"]),
        (["xa", "xb"], []),
    ],
    ids=[
        "now",
        "then",
        "between two tellings of one thing",
        "at first",
        "ever",
        "before it vanished",
        "after it had vanished",
        "ever, beside another quarter",
    ],
)
def test_a_refused_content_leaves_the_quarter_as_it_was(contents, states):
    assert states_after(*contents, refused="x") == states


@pytest.mark.parametrize(
    ("contents", "kept"),
    [
        (["a", "a"], [0]),
        (["a", "a", "a", "b"], [0, 3]),
        (["a", "b", "a"], [0, 1, 2]),
        (["ab", "a", "a", "ab"], [0, 1, 3]),
        ([], []),
    ],
)
def test_a_release_that_repeats_the_one_before_it_is_left_out(contents, kept):
    assert [m.release_id for m in line(*contents).releases] == [DAYS[i] for i in kept]


def test_a_late_release_ends_the_state_before_it_and_begins_its_own():
    first, late, last = (manifest(day, quarters=found) for day, found in zip(DAYS, "aba", strict=False))
    assert timeline([first, last]).states[T1] == (State("a" * 64, DAYS[0], None),)
    assert timeline([first, last, late]).states[T1] == (
        State("a" * 64, DAYS[0], DAYS[1]),
        State("b" * 64, DAYS[1], DAYS[2]),
        State("a" * 64, DAYS[2], None),
    )


def test_an_older_release_begins_the_state_earlier():
    old, new = manifest(DAYS[0], quarters="a"), manifest(DAYS[1], quarters="a")
    assert timeline([new]).states[T1] == (State("a" * 64, DAYS[1], None),)
    assert timeline([new, old]).states[T1] == (State("a" * 64, DAYS[0], None),)


def test_two_releases_of_one_day_stand_in_the_order_of_the_portals_times():
    second, first = (
        manifest(f"2026-10-08{n}", at=at, quarters=q) for n, at, q in [("", "09:00", "b"), ("-2", "04:00", "a")]
    )
    assert [s.since for s in timeline([second, first]).states[T1]] == ["2026-10-08-2", "2026-10-08"]


@pytest.mark.parametrize(
    ("contents", "current"),
    [(["ab"], "a"), (["ab", "cb"], "c"), (["ab", "-b"], None), (["-b"], None)],
)
def test_the_current_state_is_what_the_newest_release_says(contents, current):
    state = line(*contents).current(T1)
    assert (state and state.sha256[0]) == current


def test_quarters_are_all_that_any_release_told_of_in_order():
    assert line("-b", "a-").quarters == [T1, T2]


def test_no_release_is_an_empty_timeline():
    empty = timeline([])
    assert (empty.releases, empty.quarters, empty.latest, empty.current(T1)) == ((), [], None, None)


RELEASES = st.lists(
    st.tuples(st.sampled_from(DAYS), st.sampled_from(["", "04:00", "09:00"]), st.text("ab-", max_size=3)),
    max_size=7,
).map(
    lambda found: [
        manifest(f"{day}-{n}", at=at or None, quarters=contents) for n, (day, at, contents) in enumerate(found, start=2)
    ]
)


@given(RELEASES, st.randoms(use_true_random=False))
def test_any_order_of_the_manifests_gives_the_same_timeline(releases, random):
    shuffled = random.sample(releases, len(releases))
    assert timeline(shuffled) == timeline(releases)


@given(RELEASES)
def test_at_every_release_the_timeline_says_what_the_release_said(releases):
    """Reading the states at a release gives that release's own contents, for every quarter."""
    found = timeline(releases)
    rank = {m.release_id: i for i, m in enumerate(found.releases)}
    for release in found.releases:
        at = {
            quarter.id: state.sha256
            for quarter, states in found.states.items()
            for state in states
            if rank[state.since] <= rank[release.release_id]
            and (state.until is None or rank[release.release_id] < rank[state.until])
        }
        assert at == {quarter: c.sha256 for quarter, c in release.quarters.items()}


@given(RELEASES)
def test_the_states_of_a_quarter_never_overlap_and_never_repeat(releases):
    found = timeline(releases)
    rank = {m.release_id: i for i, m in enumerate(found.releases)}
    for states in found.states.values():
        for one, then in pairwise(states):
            assert one.until is not None
            assert rank[one.since] < rank[one.until] <= rank[then.since]
            assert one.until != then.since or one.sha256 != then.sha256
