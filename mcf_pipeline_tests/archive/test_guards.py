"""What counts as shrinking, and as growing beyond reason, quarter by quarter and measure by measure."""

from __future__ import annotations

import dataclasses
import hashlib
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcf_pipeline.archive.guards import held_releases, shrinkages
from mcf_pipeline.archive.manifest import Manifest, QuarterContent
from mcf_pipeline.archive.store import Archive
from mcf_pipeline.contract.columns import COLUMNS
from mcf_pipeline.contract.modalities import resolve
from mcf_pipeline.contract.source_map import SourceMap
from mcf_pipeline.contract.thresholds import MIN_DOSSIERS_OF_REGION
from mcf_pipeline.errors import HeldReleaseError
from mcf_pipeline_tests.archive.manifests import manifest
from mcf_pipeline_tests.contract import damages
from mcf_pipeline_tests.contract.made_up import AMOUNTS, Style, csv, release
from mcf_pipeline_tests.exports import archive_in, sender, workspace_in

BEFORE, RELEASE = "2024-07-02", "2024-08-01"
"""At the second, 2024-T2 is closed and 2024-T3 runs."""


def content(*said: Any) -> QuarterContent:
    """What a release says of a quarter, under a hash that is another where anything of it is."""
    return QuarterContent(hashlib.sha256(repr(said).encode()).hexdigest(), *said)


def telling(release_id: str, **quarters: tuple[int, int]) -> Manifest:
    """A release by lines and dossiers of each quarter: ``T2=(100, 1000)``."""
    contents = {f"2024-{name}": content(rows, dossiers) for name, (rows, dossiers) in quarters.items()}
    return dataclasses.replace(manifest(release_id), quarters=contents)


@pytest.mark.parametrize(
    ("quarter", "after", "expected"),
    [
        ("T2", (100, 1000), []),
        ("T2", (80, 800), []),
        ("T2", (79, 1000), ["trimestre_retreci lines 100 79"]),
        ("T2", (100, 799), ["trimestre_retreci dossiers 1000 799"]),
        ("T2", (10, 10), ["trimestre_retreci lines 100 10", "trimestre_retreci dossiers 1000 10"]),
        ("T2", (150, 1500), []),
        ("T2", (151, 1500), ["trimestre_gonfle lines 100 151"]),
        ("T2", (100, 2000), ["trimestre_gonfle dossiers 1000 2000"]),
        ("T3", (1, 1), []),
        ("T3", (200, 2000), []),
    ],
    ids=[
        *(
            "the same",
            "a fifth less",
            "lines",
            "dossiers",
            "both",
            "half as much again",
            "more lines",
            "twice the dossiers",
        ),
        *("a running quarter", "a running quarter that grew"),
    ],
)
def test_a_closed_quarter_may_lose_a_fifth_of_its_lines_and_of_its_dossiers(quarter, after, expected):
    found = shrinkages(telling(RELEASE, **{quarter: after}), telling(BEFORE, **{quarter: (100, 1000)}))
    assert [f"{s.rule} {s.measure} {s.before} {s.after}" for s in found] == expected


def test_a_quarter_that_ran_when_the_release_before_was_made_may_double():
    assert shrinkages(telling("2024-08-01", T2=(200, 2000)), telling("2024-06-15", T2=(100, 1000))) == []
    found = shrinkages(telling("2024-08-01", T2=(200, 2000)), telling("2024-07-15", T2=(100, 1000)))
    assert str(found[1]) == "2024-T2 was closed and gained 100% in dossiers (1000 to 2000)"


def test_a_quarter_that_comes_back_to_what_it_was_has_not_grown():
    releases = [telling(day, T1=(rows, rows)) for day, rows in zip(DAYS, (100, 60, 100, 151), strict=False)]
    assert held(*releases[:3], accepted={DAYS[1]}) == []
    assert held(*releases, accepted={DAYS[1]}) == [DAYS[3]]


def test_a_quarter_of_few_lines_may_double():
    assert shrinkages(telling(RELEASE, T2=(40, 400)), telling(BEFORE, T2=(20, 200))) == []


@pytest.mark.parametrize(
    ("before", "after", "is_held"),
    [(40, 40, False), (40, 70, False), (40, 71, True), (40, 9, True), (0, 40, True), (None, 90, False)],
)
def test_the_share_of_masked_lines_of_a_closed_quarter_moves_little(before, after, is_held):
    def release(release_id, masked):
        contents = {"2024-T2": content(100, 1000, masked)}
        return dataclasses.replace(manifest(release_id), quarters=contents)

    found = shrinkages(release(RELEASE, after), release(BEFORE, before))
    assert bool(found) is is_held
    if is_held:
        assert found[0].rule == "part_masquee_inhabituelle"
        assert str(found[0]) == f"2024-T2 has {after} % of lines masked, {before} before"


def summed(release_id: str, amount: int | None, regions: dict[str, int] | None = None, rows: int = 100) -> Manifest:
    """A release that says of 2024-T1 and T2, each of a thousand dossiers, what they add up to."""
    said = content(rows, 1000, 10, amount, regions)
    return dataclasses.replace(manifest(release_id), quarters={"2024-T1": said, "2024-T2": said})


@pytest.mark.parametrize(
    ("before", "after", "is_held"),
    [
        (1_500_000, 1_500_000, False),
        (1_500_000, 1_800_000, False),
        (1_500_000, 1_800_001, True),
        (1_500_000, 2_250_000, True),
        (1_500_000, 1_199_999, True),
        (None, 2_250_000, False),
        (1_500_000, None, False),
        (0, 1_500_000, False),
    ],
)
def test_the_amount_by_dossier_of_a_closed_quarter_moves_little(before, after, is_held):
    found = shrinkages(summed(RELEASE, after), summed("2024-07-15", before))
    assert [s.quarter for s in found] == (["2024-T1", "2024-T2"] if is_held else [])
    if is_held:
        assert {s.rule for s in found} == {"montant_inhabituel"}
        assert str(found[0]) == f"2024-T1 has {round(after / 1000)} € by dossier, 1500 before"


def test_an_amount_that_comes_back_to_what_it_was_is_as_it_was():
    releases = [summed(day, amount) for day, amount in zip(DAYS, (1_500_000, 2_250_000, 1_500_000), strict=False)]
    assert held(*releases) == [DAYS[1]]
    assert held(*releases, accepted={DAYS[1]}) == []


def test_a_quarter_of_few_lines_may_cost_what_it_likes():
    assert shrinkages(summed(RELEASE, 9_000_000, rows=40), summed("2024-07-15", 1_500_000, rows=40)) == []


REGIONS = {"11": 9000, "94": 600, "06": 499, "non_renseigne": 800}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, []),
        ({"94": 300}, []),
        ({"94": 299}, ["has 299 dossiers of region 94, 600 before"]),
        ({"94": 900}, []),
        ({"94": 901}, ["has 901 dossiers of region 94, 600 before"]),
        ({"11": 0, "94": 0}, ["has 0 dossiers of region 11, 9000 before", "has 0 dossiers of region 94, 600 before"]),
        ({"06": 0}, []),
        ({"non_renseigne": 0}, []),
    ],
)
def test_a_region_of_a_closed_quarter_neither_vanishes_nor_doubles(changes, expected):
    after = {region: count for region, count in (REGIONS | changes).items() if count}
    found = shrinkages(summed(RELEASE, None, after), summed("2024-07-15", None, REGIONS))
    assert [str(s) for s in found if s.quarter == "2024-T1"] == [f"2024-T1 {said}" for said in expected]
    assert {s.rule for s in found} <= {"region_inhabituelle"}
    assert shrinkages(summed(RELEASE, None, after), summed("2024-07-15", None, None)) == []


def test_a_quarter_that_has_just_closed_may_change():
    """2024-T2 still ran when the release before was made."""
    found = shrinkages(summed(RELEASE, 2_250_000, {"11": 1}), summed("2024-06-15", 1_500_000, REGIONS))
    assert {s.quarter for s in found} == {"2024-T1"}


@pytest.mark.parametrize("quarter", ["T2", "T3"])
def test_no_quarter_may_vanish_not_even_a_running_one(quarter):
    found = shrinkages(telling(RELEASE, T1=(1, 1)), telling(BEFORE, T1=(1, 1), **{quarter: (100, 1000)}))
    assert list(map(str, found)) == [f"2024-{quarter} vanished (100 lines before)"]


@pytest.mark.parametrize(("day", "is_closed"), [("2024-06-30", False), ("2024-07-01", True)])
def test_a_quarter_is_closed_once_it_has_ended(day, is_closed):
    found = shrinkages(telling(day, T2=(1, 1000)), telling("2024-06-01", T2=(100, 1000)))
    assert bool(found) is is_closed


def test_a_quarter_without_dossiers_has_none_to_lose():
    assert shrinkages(telling(RELEASE, T1=(10, 0)), telling(BEFORE, T1=(10, 0))) == []


def test_a_new_quarter_is_no_shrinkage():
    assert shrinkages(telling(RELEASE, T1=(10, 10), T2=(1, 1)), telling(BEFORE, T1=(10, 10))) == []


def test_the_first_release_of_all_shrinks_nothing():
    assert shrinkages(telling(RELEASE, T1=(1, 1)), None) == []


def test_what_shrank_is_told_in_words_in_the_order_of_the_quarters():
    found = shrinkages(telling(RELEASE, T2=(50, 1000)), telling(BEFORE, T2=(100, 1000), T1=(7, 7)))
    assert list(map(str, found)) == ["2024-T1 vanished (7 lines before)", "2024-T2 lost 50% of its lines (100 to 50)"]


GOOD = release(random.Random(11), Style(quarters=2, regions=6))


@pytest.mark.parametrize("sent_as", ["1.5", "unit"])
def test_a_second_release_with_other_money_throughout_is_held_with_the_numbers(tmp_path, sent_as):
    """Price, amount and parts go together, so each line is as good as before; another unit that is declared is none."""
    space = workspace_in(tmp_path)
    space.archive.ingest(sender(csv(GOOD), day="2026-07-08"))
    (first,) = space.archive.manifests()
    assert {q: c.dossiers for q, c in first.quarters.items()} == {
        q: sum((c.regions or {}).values()) for q, c in first.quarters.items()
    }
    again = damages.scaled(GOOD, (*AMOUNTS, "prix_moyen"), sent_as if sent_as == "1.5" else "0.001")
    if sent_as == "1.5":
        with pytest.raises(HeldReleaseError, match=r"2024-T1 has \d+ € by dossier, \d+ before"):
            space.archive.ingest(sender(csv(again), day="2026-10-08"))
    else:
        units = SourceMap(
            units=dict.fromkeys(
                (*(n for n in COLUMNS if n.startswith("part_")), "montant_engage", "prix_moyen"), "milliers"
            )
        )
        archive = Archive(space.data_dir, source_map=units)
        archive.ingest(sender(csv(again), day="2026-10-08"))
        assert archive.held() == {}


def test_a_second_release_without_one_region_is_held_with_the_numbers(tmp_path):
    archive = archive_in(tmp_path)
    archive.ingest(sender(csv(GOOD), day="2026-07-08"))
    (first,) = archive.manifests()
    regions = first.quarters["2024-T1"].regions or {}
    # One that holds less than a fifth of the country: its figures do not show that it is gone.
    gone, dossiers = max(((r, n) for r, n in regions.items() if n < sum(regions.values()) / 6), key=lambda of: of[1])
    assert dossiers > MIN_DOSSIERS_OF_REGION
    rest = [line for line in GOOD if resolve("region", line["region"]).id != gone]
    with pytest.raises(HeldReleaseError, match=f"has 0 dossiers of region {gone}, {dossiers} before"):
        archive.ingest(sender(csv(rest), day="2026-10-08"))


def held(*releases: Manifest, accepted: set[str] | None = None) -> list[str]:
    return list(held_releases(releases, accepted or set()))


FULL, HALF, MORE = {"T2": (100, 1000)}, {"T2": (50, 500)}, {"T2": (110, 1100)}
DAYS = ("2024-08-01", "2024-09-01", "2024-10-01", "2024-11-01")


@pytest.mark.parametrize(
    ("contents", "accepted", "expected"),
    [
        ([FULL, MORE], [], []),
        ([FULL, HALF], [], [1]),
        ([FULL, HALF, MORE], [], [1]),
        ([FULL, HALF, HALF], [], [1, 2]),
        ([FULL, HALF, HALF], [1], []),
        ([FULL, HALF, HALF], [2], [1]),
        ([FULL, HALF, FULL, HALF], [1], [3]),
        ([FULL, {"T1": (1, 1)}], [], [1]),
    ],
    ids=[
        "nothing shrank",
        "held",
        "the next is compared with the last that applies",
        "held again",
        "the accepted one applies, so the next lost nothing",
        "only what is accepted is",
        "shrunk again after it had grown again",
        "vanished",
    ],
)
def test_what_is_held_is_told_by_all_releases_and_by_what_was_accepted(contents, accepted, expected):
    releases = [telling(day, **found) for day, found in zip(DAYS, contents, strict=False)]
    assert held(*releases, accepted={DAYS[i] for i in accepted}) == [DAYS[i] for i in expected]


RELEASES = st.lists(
    st.tuples(st.sampled_from(DAYS), st.integers(0, 3), st.integers(1, 200)), max_size=6, unique_by=lambda r: r[0]
).map(lambda found: [telling(day, **({f"T{q}": (rows, rows)} if q else {})) for day, q, rows in found])


@given(RELEASES, st.sets(st.sampled_from(DAYS)), st.randoms(use_true_random=False))
def test_any_order_of_the_manifests_holds_the_same_releases(releases, accepted, random):
    shuffled = random.sample(releases, len(releases))
    assert held_releases(shuffled, accepted) == held_releases(releases, accepted)
    assert not accepted & held_releases(releases, accepted).keys()
