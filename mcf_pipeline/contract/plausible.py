"""Figures that fit each other and cannot be this dataset's: durations in minutes, counts times ten, a wrong column.

What nearly all lines of a release, or of one quarter or region of it, say by themselves; each line looks possible. What
does not belong here: how price, dossiers, amount and parts go together (`contract.relations`), and what the quarters of
a release say side by side (`contract.levels`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mcf_pipeline.contract.line_rules import is_some_of_the_dossiers
from mcf_pipeline.contract.map_lines import Problem, Proposal
from mcf_pipeline.contract.text import clean
from mcf_pipeline.contract.thresholds import (
    BROKEN_SHARE,
    MIN_JUDGED,
    MIN_JUDGED_OF_FINANCER,
    MIN_JUDGED_OF_PART,
    MIN_PERSONS,
    MOST_LINES,
    USUAL_HOURS,
)

if TYPE_CHECKING:
    import duckdb

MAIN = "part_france_competences"
"""The part that is nine tenths of nearly every amount."""
THE_OTHERS = "toutes_les_autres"
"""Stands for the parts of all financers but that one, added up."""
FACTORS: tuple[int, ...] = (1000, 100, *range(10, 1, -1))
"""By which counts may have been multiplied, by 2 where a join repeats each line; the largest that fits is the one."""
ROUNDED = 10
"""To what counts are rounded at most: those that are say nothing of a smaller factor."""
IN_THOUSANDS = (500, 1500)
"""What is missing, as a multiple of a part that is given in thousands: 999, where it is not rounded to whole ones."""
TOO_LARGE = {100: (-0.995, -0.985), 1000: (-0.9995, -0.9985)}
"""What is too much, as a share of a part that was multiplied so. A part that is simply not in the amount gives -1."""


@dataclass(frozen=True, slots=True)
class Look:
    """What the lines of a group say.

    Attributes:
        lines: with dossiers.
        fewest: dossiers of one of them.
        multiples: lines whose dossiers (below ten, all counts) are a multiple of each of `FACTORS`.
        timed: lines with a mean duration.
        hours: their median.
        counts: by column that counts some of the dossiers: lines judged, and lines in which it holds more than all.
        parts: by financer's column (and `THE_OTHERS`): lines judged; in which what the parts lack is a thousand times
            it; and in which what they have too much is it, by each of `TOO_LARGE`.
    """

    lines: int
    fewest: float | None
    multiples: tuple[int, ...]
    timed: int
    hours: float | None
    counts: Mapping[str, tuple[int, int]]
    parts: Mapping[str, tuple[int, ...]]


Looks = Mapping[tuple[str, str], Look]
"""By kind (``release``, ``quarter``, ``region``) and name."""
WHOLE = ("release", "")


def counts_in(columns: Sequence[str]) -> list[str]:
    """The columns that count some of the dossiers of a line, or the persons behind them."""
    return [name for name in columns if name == "nb_titulaires" or is_some_of_the_dossiers(name)]


def look(con: duckdb.DuckDBPyConnection, counts: Sequence[str], parts: Sequence[str]) -> Looks:
    """Look at the table ``echantillon`` (see `release`), as a whole and by quarter and region.

    Args:
        con: holds it.
        counts: its columns of `counts_in`.
        parts: its columns of the financers' parts.
    """
    left = "(montant_engage - parts)"
    others = [name for name in parts if name != MAIN]
    of_part = {name: name for name in parts}
    if len(others) < len(parts) and len(others) > 1:
        of_part[THE_OTHERS] = "(" + " + ".join(f"coalesce({name}, 0)" for name in others) + ")"
    figures = [
        "count(*) FILTER (WHERE nb_dossiers > 0)",
        "min(nb_dossiers) FILTER (WHERE nb_dossiers > 0)",
        *(f"count(*) FILTER (WHERE nb_dossiers > 0 AND {_is_multiple(factor, counts)})" for factor in FACTORS),
        "count(*) FILTER (WHERE duree_moyenne > 0)",
        "median(duree_moyenne) FILTER (WHERE duree_moyenne > 0)",
    ]
    for name in counts:
        figures += [f"count(*) FILTER (WHERE nb_dossiers > 0 AND {name} IS NOT NULL)"]
        figures += [f"count(*) FILTER (WHERE nb_dossiers > 0 AND {name} > nb_dossiers)"]
    for value in of_part.values():
        # Below ten cents the rounding to cents says more than the unit.
        judged = f"montant_engage > 0 AND {value} >= 0.1"
        figures.append(f"count(*) FILTER (WHERE {judged})")
        for low, high in (IN_THOUSANDS, *TOO_LARGE.values()):
            figures.append(f"count(*) FILTER (WHERE {judged} AND {left} BETWEEN {low} * {value} AND {high} * {value})")
    rows = con.execute(f"""
        SELECT CASE WHEN grouping(trimestre_id) = 0 THEN 'quarter' WHEN grouping(region) = 0 THEN 'region'
            ELSE 'release' END, coalesce(trimestre_id, region, ''), {", ".join(figures)}
        FROM echantillon GROUP BY GROUPING SETS ((), (trimestre_id), (region)) ORDER BY ALL
    """).fetchall()
    found = {}
    for kind, name, *row in rows:
        figure = iter(row)
        lines, fewest = next(figure), next(figure)
        multiples = tuple(next(figure) for _ in FACTORS)
        timed, hours = next(figure), next(figure)
        of_counts = {column: (next(figure), next(figure)) for column in counts}
        of_parts = {column: tuple(next(figure) for _ in range(2 + len(TOO_LARGE))) for column in of_part}
        found[kind, name] = Look(lines, fewest, multiples, timed, hours, of_counts, of_parts)
    return found


def judge_figures(found: Looks, parts: Sequence[str], accepted: Sequence[str]) -> list[Problem]:
    """Say what cannot be, and why that may be.

    Args:
        found: see `look`.
        parts: the columns of the financers' parts.
        accepted: rules that a user lets pass.
    """
    if WHOLE not in found:
        return []  # no line
    judges: Mapping[str, Callable[[Looks], Iterator[Problem]]] = {
        "duree_hors_du_jeu": _hours,
        "relation_effectifs": _counts,
        "effectifs_multiplies": _multiples,
        "part_hors_unite": lambda looks: _parts(looks, parts),
    }
    return [problem for rule, judge in judges.items() if rule not in accepted for problem in list(judge(found))[:1]]


def _is_unusual(seen: Look, least: int) -> bool:
    low, high = USUAL_HOURS
    return seen.timed >= least and seen.hours is not None and not low <= seen.hours <= high


def _hours(found: Looks) -> Iterator[Problem]:
    low, high = USUAL_HOURS
    for kind in ("quarter", "region"):
        judged = {n: seen for (of, n), seen in found.items() if of == kind and seen.timed >= MIN_JUDGED_OF_PART}
        odd = {name: seen for name, seen in judged.items() if _is_unusual(seen, MIN_JUDGED_OF_PART)}
        # What is so in every part is the release's, or the file is too small to say.
        if 0 < len(odd) < len(judged):
            name, worst = next(iter(odd.items()))
            yield Problem(
                "duree_hors_du_jeu",
                f"in {several(kind, odd)}, unlike elsewhere in the file, the median of the mean durations is not {low} "
                f"to {high} hours ({worst.hours:,.1f} in {clean(name, 40)}): they may be in minutes or days there",
                (_accept("duree_hors_du_jeu"),),
            )
            return
    whole = found[WHOLE]
    if _is_unusual(whole, MIN_JUDGED):
        assert whole.hours is not None
        in_minutes = low <= whole.hours / 60 <= high
        cause = "they look like minutes" if in_minutes else "no known unit explains it"
        if whole.hours < low:
            cause = "they may be days, which cannot be converted ([ignore] in MCF_SOURCE_MAP leaves the column out)"
        yield Problem(
            "duree_hors_du_jeu",
            f"the median of the mean durations is {whole.hours:,.1f} over {whole.timed:,} lines; in this dataset it is "
            f"{low} to {high} hours: {cause}",
            (Proposal("units", "duree_moyenne", "minutes") if in_minutes else _accept("duree_hors_du_jeu"),),
        )


def _counts(found: Looks) -> Iterator[Problem]:
    for column, (judged, over) in found[WHOLE].counts.items():
        if judged >= MIN_JUDGED and over > MOST_LINES * judged:
            yield Problem(
                "relation_effectifs",
                f"{column} is larger than nb_dossiers in {over:,} of {judged:,} lines, and can never be: another "
                "column may stand for one of them",
                (_accept("relation_effectifs"),),
            )


def _is_multiple(factor: int, counts: Sequence[str]) -> str:
    """SQL: whether a line's counts are multiples; of a small factor all must be, for dossiers alone may be even."""
    judged = ("nb_dossiers", *counts) if factor < ROUNDED else ("nb_dossiers",)
    return " AND ".join(f"coalesce({name}, 0) % {factor} = 0" for name in judged)


def _factor(seen: Look) -> int | None:
    """By what all counts of a group were multiplied, as far as anyone can see."""
    if seen.lines < MIN_JUDGED_OF_PART or seen.fewest is None:
        return None
    for factor, lines in zip(FACTORS, seen.multiples, strict=True):
        # Counts that are rounded are multiples, too, and some of them are as small as the rounding.
        if lines >= BROKEN_SHARE * seen.lines:
            if seen.fewest >= MIN_PERSONS * factor:
                return factor
            if factor <= ROUNDED:
                return None  # and so are multiples of what divides it
    return None


def _multiples(found: Looks) -> Iterator[Problem]:
    for kind in ("release", "quarter", "region"):
        odd = {name: seen for (of, name), seen in found.items() if of == kind and _factor(seen)}
        if odd:
            seen = next(iter(odd.values()))
            where = "" if kind == "release" else f"in {several(kind, odd)}, "
            yield Problem(
                "effectifs_multiplies",
                f"{where}nearly all of {seen.lines:,} numbers of dossiers are multiples of {_factor(seen):,}, and none "
                f"is below {seen.fewest:,.0f}: they may have been multiplied by {_factor(seen):,}",
                (_accept("effectifs_multiplies"),),
            )
            return


def _part_problem(seen: Look, column: str) -> tuple[str, str | None, int, int] | None:
    """Of one financer's part: what it looks like, its unit, the lines that say so, the lines judged."""
    judged, short, *large = seen.parts[column]
    if judged < MIN_JUDGED_OF_FINANCER:
        return None
    for lines, what, unit in (
        (short, "in thousands of euros", "milliers"),
        (large[0], "in cents", "centimes"),
        (large[1], "multiplied by 1,000", None),
    ):
        if lines >= BROKEN_SHARE * judged:
            return what, unit, lines, judged
    return None


def _parts(found: Looks, parts: Sequence[str]) -> Iterator[Problem]:
    for kind in ("release", "quarter", "region"):
        for column in (*parts, THE_OTHERS):
            odd = {
                name: problem
                for (of, name), seen in found.items()
                if of == kind and column in seen.parts and (problem := _part_problem(seen, column))
            }
            if not odd:
                continue
            what, unit, lines, judged = next(iter(odd.values()))
            columns = [name for name in parts if name != MAIN] if column == THE_OTHERS else [column]
            called = "the parts of all other financers" if column == THE_OTHERS else column
            where = "" if kind == "release" else f"in {several(kind, odd)}, "
            can_be_mapped = kind == "release" and unit
            yield Problem(
                "part_hors_unite",
                f"{where}{called} would make the parts add up to the amount if it were not {what}, in {lines:,} of "
                f"{judged:,} lines in which it is given",
                tuple(Proposal("units", name, str(unit)) for name in columns)
                if can_be_mapped
                else (_accept("part_hors_unite"),),
            )


def several(kind: str, names: Mapping[str, object]) -> str:
    """Some quarters or regions, as a message names them."""
    shown = [clean(name, 40) for name in names]
    more = f" and {len(shown) - 3} more" if len(shown) > 3 else ""
    return f"{kind}{'s' if len(shown) > 1 else ''} {', '.join(shown[:3])}{more}"


def _accept(rule: str) -> Proposal:
    return Proposal("accept", "rules", (rule,), "only where you know that the publisher means it", is_remark=True)
