"""What the quarters of a release say side by side: too much for the country, sums of the year so far, or copies.

A first release has none before it to be compared with (`archive.guards`), and each of its lines agrees with itself.
What does not belong here: what lines say (`contract.plausible`).
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping, Sequence

from mcf_pipeline.contract.map_lines import Problem, Proposal
from mcf_pipeline.contract.modalities import KNOWN, NOT_GIVEN_ID
from mcf_pipeline.contract.text import clean
from mcf_pipeline.contract.thresholds import (
    CUMULATED,
    MAX_DOSSIERS_OF_QUARTER,
    MAX_DOSSIERS_OF_YEAR,
    MIN_COPIED,
    MIN_CUMULATED,
    MIN_DOSSIERS_COPIED,
    MIN_DOSSIERS_OF_REGION,
    MIN_LINES,
    MIN_PERSONS,
    RESET,
)
from mcf_pipeline.quarter import Quarter

Regions = Mapping[str, Mapping[str, int]]
"""By quarter, the dossiers of each region by its identifier, over the unmasked lines."""

_BARE = re.compile(r"(?:[0-9]{4} ?[ /_-]? ?)?0?[12](?:[.,]0+)?")
"""A half of a year as well as a quarter: ``2023-1``, or the number beside a year. ``2023-T1`` says which."""
_KNOWN = frozenset(region.id for region in KNOWN["region"]) | {NOT_GIVEN_ID}


def judge_levels(quarters: Regions, accepted: Sequence[str]) -> list[Problem]:
    """Say why the quarters of a release cannot be what they are called.

    Args:
        quarters: of the release.
        accepted: rules that a user lets pass.
    """
    problems = []
    if "niveau_invraisemblable" not in accepted and (said := _too_many(quarters)):
        problems.append(Problem("niveau_invraisemblable", said, (_accept("niveau_invraisemblable"),)))
    years = _cumulated(quarters)
    if "trimestres_cumules" not in accepted and len(years) >= MIN_CUMULATED and _begins_again(quarters, years):
        problems.append(
            Problem(
                "trimestres_cumules",
                f"each quarter seems to hold its year so far, in every year ({_shown(quarters, years[-1])}): the "
                "difference of two such quarters says nothing of lines that are masked",
                (_accept("trimestres_cumules"),),
            )
        )
    if "chiffres_recopies" not in accepted and (said := _copied(quarters)):
        problems.append(Problem("chiffres_recopies", said, (_accept("chiffres_recopies"),)))
    return problems


def level_notes(quarters: Regions) -> list[str]:
    """What is only suspect: a year whose quarters grow as sums of the year so far do, and what is missing."""
    notes = _missing(quarters)
    years = _cumulated(quarters)
    if not years or (len(years) >= MIN_CUMULATED and _begins_again(quarters, years)):
        return notes
    return [
        *notes,
        f"dossiers grow from quarter to quarter of {years[-1]} as if each held its year so far "
        f"({_shown(quarters, years[-1])}): compare them with what is published elsewhere (trimestres_cumules)",
    ]


def masking_notes(lines: Mapping[str, tuple[int, int]]) -> list[str]:
    """Quarters without a masked line: those of fewer than 5 persons were left out, and no bound counts them.

    Args:
        lines: by quarter, how many valid ones, and how many of them are masked.
    """
    bare = [quarter for quarter, (of, masked) in sorted(lines.items()) if masked == 0 and of >= MIN_LINES]
    if not bare:
        return []
    is_all = len(bare) == len(lines)
    said = "no quarter holds a masked line" if is_all else f"none of the lines of {_listed(bare)} is masked"
    return [
        f"{said}: if the publisher leaves out lines of fewer than {MIN_PERSONS} persons, sums, shares and their bounds "
        "do not count them"
    ]


def _missing(quarters: Regions) -> list[str]:
    """Quarters that are not there between others, and large regions that a quarter has not and the one before has."""
    found = sorted(map(Quarter.parse, quarters))
    gaps = [q.id for before, after in itertools.pairwise(found) for q in map(before.__add__, range(1, after - before))]
    notes = [f"the release has no lines of {_listed(gaps)}, between quarters that it has"] if gaps else []
    for before, after in itertools.pairwise(found):
        gone = [
            region
            for region, dossiers in sorted(quarters[before.id].items())
            if region != NOT_GIVEN_ID and dossiers >= MIN_DOSSIERS_OF_REGION and region not in quarters[after.id]
        ]
        if gone:
            notes.append(
                f"{after} has no lines of region {_listed(gone)}, and {before} has: sums of {after} are without it"
            )
    return notes


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(clean(name, 40) for name in names[:3]) + more


def judge_spellings(spellings: Sequence[tuple[tuple[str | None, ...], str]], accepted: Sequence[str]) -> list[Problem]:
    """Say whether what was read as quarters are semesters: only 1 and 2, in years of which the next is there, too.

    Args:
        spellings: how the release writes each quarter, and the quarter's id.
        accepted: rules that a user lets pass.
    """
    if "semestres" in accepted or not spellings:
        return []
    if not all(texts[-1] and _BARE.fullmatch(texts[-1].strip()) for texts, _ in spellings):
        return []
    found = {Quarter.parse(quarter) for _, quarter in spellings}
    years = {quarter.year for quarter in found}
    whole = [year for year in years if year + 1 in years]
    if not whole or any(Quarter(year, number) not in found for year in whole for number in (1, 2)):
        return []
    written = " ".join(filter(None, spellings[0][0]))
    return [
        Problem(
            "semestres",
            f"every quarter is the first or the second of its year ({clean(written, 40)!r} and the like, "
            f"{min(years)} to {max(years)}): they may be semesters, and this dataset is by quarter",
            (_accept("semestres"),),
        )
    ]


def _totals(quarters: Regions, *, known_only: bool = False) -> dict[Quarter, int]:
    # The sample is made larger by regions that nobody knows, and such a one is seen elsewhere.
    return {
        Quarter.parse(quarter): sum(n for region, n in regions.items() if not known_only or region in _KNOWN)
        for quarter, regions in quarters.items()
    }


def _too_many(quarters: Regions) -> str | None:
    totals = _totals(quarters, known_only=True)
    quarter = max(totals, key=lambda q: totals[q], default=None)
    if quarter is not None and totals[quarter] > MAX_DOSSIERS_OF_QUARTER:
        return (
            f"{quarter} has {totals[quarter]:,} dossiers; the busiest year of the dataset has about 2,000,000: counts "
            "may have been multiplied, or lines be there several times"
        )
    years: dict[int, int] = {}
    for found, dossiers in totals.items():
        years[found.year] = years.get(found.year, 0) + dossiers
    year = max(years, key=lambda y: years[y], default=None)
    if year is not None and years[year] > MAX_DOSSIERS_OF_YEAR:
        return (
            f"{year} has {years[year]:,} dossiers; the busiest year of the dataset has about 2,000,000: counts may "
            "have been multiplied, quarters be cumulated, or lines be there several times"
        )
    return None


def _copied(quarters: Regions) -> str | None:
    """Two quarters, or two regions, whose dossiers are the same throughout: one was put in the place of the other."""
    by_region: dict[str, dict[str, int]] = {}
    for quarter, regions in sorted(quarters.items()):
        for region, dossiers in regions.items():
            by_region.setdefault(region, {})[quarter] = dossiers
    for what, groups, within in (("quarters", quarters, "region"), ("regions", by_region, "quarter")):
        seen: dict[frozenset[tuple[str, int]], str] = {}
        for name, figures in sorted(groups.items()):
            given = {key: dossiers for key, dossiers in figures.items() if dossiers}
            if len(given) < MIN_COPIED or sum(given.values()) < MIN_DOSSIERS_COPIED:
                continue
            other = seen.setdefault(frozenset(given.items()), name)
            if other != name:
                return (
                    f"{what} {clean(other, 40)} and {clean(name, 40)} have the same dossiers in every {within} "
                    f"({sum(given.values()):,} in all): one seems to be a copy of the other"
                )
    return None


def _cumulated(quarters: Regions) -> list[int]:
    """The years that look like sums of the year so far; none if a year that can be judged does not."""
    totals = _totals(quarters)
    found = []
    for year in sorted({quarter.year for quarter in totals}):
        given = [totals[q] for number in range(1, 5) if (q := Quarter(year, number)) in totals]
        is_whole = Quarter(year, 1) in totals and len(given) >= 3 and Quarter(year, len(given)) in totals
        if not is_whole or not given[0]:
            continue
        grows = all(later > before for before, later in itertools.pairwise(given))
        if not grows or given[-1] < CUMULATED * len(given) * given[0]:
            return []
        found.append(year)
    return found


def _begins_again(quarters: Regions, years: Sequence[int]) -> bool:
    totals = _totals(quarters)
    after = [(totals[Quarter(year, 4)], totals[Quarter(year + 1, 1)]) for year in years if _both(totals, year)]
    return bool(after) and all(first <= RESET * last for last, first in after)


def _both(totals: Mapping[Quarter, int], year: int) -> bool:
    return Quarter(year, 4) in totals and Quarter(year + 1, 1) in totals


def _shown(quarters: Regions, year: int) -> str:
    totals = _totals(quarters)
    return ", ".join(f"{q} {totals[q]:,}" for number in range(1, 5) if (q := Quarter(year, number)) in totals)


def _accept(rule: str) -> Proposal:
    return Proposal("accept", "rules", (rule,), "only where you know that the publisher means it", is_remark=True)
