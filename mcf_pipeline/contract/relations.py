"""Relations between the columns of a release: where nearly all lines break one, it is the release that is wrong.

Amounts in thousands, parts as percentages, a price in cents: each line looks possible, and all figures are off by one
factor. The factor tells the likely cause, and so the line for the source map. What does not belong here: lines that
break a relation one by one (`quality.lines`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mcf_pipeline.contract.columns import PART_COLUMNS
from mcf_pipeline.contract.grammar import other_unit, read_name, unit_in
from mcf_pipeline.contract.map_lines import Problem, Proposal, for_column
from mcf_pipeline.contract.plausible import several
from mcf_pipeline.contract.recognised import Recognition
from mcf_pipeline.contract.source_map import AMOUNT_UNITS, PARTS
from mcf_pipeline.contract.text import clean
from mcf_pipeline.contract.thresholds import (
    BROKEN_SHARE,
    MIN_JUDGED,
    MIN_JUDGED_OF_PART,
    PARTS_ABSOLUTE,
    PARTS_RELATIVE,
    PRICE_RELATIVE,
    USUAL_PRICES,
)

if TYPE_CHECKING:
    import duckdb


@dataclass(frozen=True, slots=True)
class Figures:
    """What some thousand lines of a release say, as numbers to be compared; never kept.

    Attributes:
        lines: how many of them are not masked.
        priced: those with a price, dossiers and an amount.
        price_broken: those of them in which price x dossiers is not the amount.
        price_ratio: median of amount / (price x dossiers).
        price: median of the mean price, or of the amount by dossier where there is none.
        parted: lines with an amount and parts that can be added up.
        parts_broken: those of them in which the parts are not the amount.
        parts_ratio: median of parts / amount.
        parts_sum: median of the sum of the parts.
        like_percent: lines in which the parts make about 100.
        like_ratio: lines in which they make about 1.
        short: lines in which the parts make less than the amount.
    """

    lines: int
    priced: int
    price_broken: int
    price_ratio: float | None
    price: float | None
    parted: int
    parts_broken: int
    parts_ratio: float | None
    parts_sum: float | None
    like_percent: int
    like_ratio: int
    short: int


@dataclass(slots=True)
class Judged:
    """What the relations say: problems of the release, and what is only worth knowing."""

    problems: list[Problem] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def measure(con: duckdb.DuckDBPyConnection) -> Figures:
    """Look at the table ``echantillon`` (`nb_dossiers`, `montant_engage`, `prix_moyen`, `parts`, all DOUBLE)."""
    return _measure(con, "'all'")["all"]


def measure_by(con: duckdb.DuckDBPyConnection, column: str) -> dict[str, Figures]:
    """The same for each value of a column of ``echantillon``: `trimestre_id` or `region`."""
    return _measure(con, column)


def _measure(con: duckdb.DuckDBPyConnection, group: str) -> dict[str, Figures]:
    product = "(prix_moyen * nb_dossiers)"
    is_priced = "prix_moyen > 0 AND nb_dossiers > 0 AND montant_engage > 0"
    is_parted = "montant_engage > 0 AND parts IS NOT NULL"
    allowed = f"greatest({PARTS_RELATIVE} * montant_engage, {PARTS_ABSOLUTE})"
    price = (
        f"coalesce(median(prix_moyen) FILTER (WHERE {is_priced}), "
        "median(montant_engage / nb_dossiers) FILTER (WHERE nb_dossiers > 0))"
    )
    rows = con.execute(f"""
        SELECT {group}, count(*) FILTER (WHERE nb_dossiers > 0 AND montant_engage IS NOT NULL),
            count(*) FILTER (WHERE {is_priced}),
            count(*) FILTER (WHERE {is_priced} AND abs({product} - montant_engage) > {PRICE_RELATIVE} * montant_engage),
            median(montant_engage / {product}) FILTER (WHERE {is_priced}),
            {price},
            count(*) FILTER (WHERE {is_parted}),
            count(*) FILTER (WHERE {is_parted} AND abs(parts - montant_engage) > {allowed}),
            median(parts / montant_engage) FILTER (WHERE {is_parted}),
            median(parts) FILTER (WHERE {is_parted}),
            count(*) FILTER (WHERE {is_parted} AND parts BETWEEN 98 AND 102),
            count(*) FILTER (WHERE {is_parted} AND parts BETWEEN 0.98 AND 1.02),
            count(*) FILTER (WHERE {is_parted} AND parts < montant_engage - {allowed})
        FROM echantillon GROUP BY ALL ORDER BY ALL
    """).fetchall()
    found = {str(name): Figures(*figures) for name, *figures in rows}
    return found or {"all": Figures(0, 0, 0, None, None, 0, 0, None, None, 0, 0, 0)}


def judge_relations(
    found: Figures, recognition: Recognition, units: Mapping[str, str], accepted: Sequence[str]
) -> Judged:
    """Say which relations nearly all lines break, and why that may be.

    Args:
        found: see `measure`.
        recognition: which columns there are.
        units: those that a user has given already.
        accepted: rules that a user lets pass.
    """
    judged = Judged()
    parts = [name for name in recognition.columns if name in PART_COLUMNS]
    amount_unit, price_unit = _money_units(found)
    prices_break = found.priced >= MIN_JUDGED and found.price_broken >= BROKEN_SHARE * found.priced
    out_of_range = found.lines >= MIN_JUDGED and found.price is not None and not _is_usual(found.price)
    elsewhere = _in_other_units(recognition)
    # Parts that stand in the file and are not used are a cause by themselves, and some financers are rare.
    least = BROKEN_SHARE / 2 if elsewhere else BROKEN_SHARE
    parts_break = found.parted >= MIN_JUDGED and found.parts_broken >= least * found.parted
    proposals: list[Proposal] = []
    if amount_unit != "euros":
        proposals.append(_unit("montant_engage", amount_unit))
    if price_unit != "euros" and "prix_moyen" in recognition.columns:
        proposals.append(_unit("prix_moyen", price_unit))
    if (prices_break or out_of_range) and proposals and not parts_break:
        # The parts go with the amount they make.
        proposals += [_unit(PARTS, amount_unit)] if parts and amount_unit != "euros" else []
    if prices_break and "relation_prix_montant" not in accepted:
        judged.problems.append(_price_problem(found, proposals, units))
    elif out_of_range and "prix_hors_du_jeu" not in accepted:
        low, high = USUAL_PRICES
        cause = _cause(proposals) or "no known unit explains it"
        judged.problems.append(
            Problem(
                "prix_hors_du_jeu",
                f"the median cost of a dossier is {found.price:,.2f} € over {found.lines:,} lines; in this dataset "
                f"it is {low:,} to {high:,} €: {cause}",
                tuple(proposals) or (_accept("prix_hors_du_jeu"),),
            )
        )
    if parts_break and "relation_parts_montant" not in accepted:
        _judge_parts(found, elsewhere, parts, amount_unit, judged)
    return judged


def judge_parts_of_it(found: Mapping[str, Mapping[str, Figures]], accepted: Sequence[str]) -> list[Problem]:
    """Say in which quarters or regions alone a relation breaks: other units in a part of a release look like a trend.

    Args:
        found: by ``quarter`` and ``region``, then by their names (see `measure_by`).
        accepted: rules that a user lets pass.
    """
    problems: list[Problem] = []
    for kind, parts in found.items():
        judged = {name: figures for name, figures in parts.items() if figures.lines >= MIN_JUDGED_OF_PART}
        broken = {
            name: figures
            for name, figures in judged.items()
            if figures.priced >= MIN_JUDGED_OF_PART and figures.price_broken >= BROKEN_SHARE * figures.priced
        }
        unusual = {n: f for n, f in judged.items() if f.price is not None and not _is_usual(f.price)}
        # What breaks in every part is the release's, or the file is too small to say.
        if 0 < len(broken) < len(judged) and "relation_prix_montant" not in accepted:
            name, worst = next(iter(broken.items()))
            problems.append(
                Problem(
                    "relation_prix_montant",
                    f"in {several(kind, broken)}, unlike elsewhere in the file, mean price x dossiers does not equal "
                    f"the amount (in {clean(name, 40)} the amount is {_times(worst.price_ratio)} of it, in "
                    f"{worst.price_broken:,} of {worst.priced:,} lines): figures there may be in another unit",
                    (_accept("relation_prix_montant"),),
                )
            )
        elif 0 < len(unusual) < len(judged) and "prix_hors_du_jeu" not in accepted:
            name, worst = next(iter(unusual.items()))
            low, high = USUAL_PRICES
            problems.append(
                Problem(
                    "prix_hors_du_jeu",
                    f"in {several(kind, unusual)}, unlike elsewhere in the file, the median cost of a dossier is not "
                    f"{low:,} to {high:,} € ({worst.price:,.2f} € in {clean(name, 40)}): figures there may be in "
                    "another unit",
                    (_accept("prix_hors_du_jeu"),),
                )
            )
    return problems


def _price_problem(found: Figures, proposals: Sequence[Proposal], units: Mapping[str, str]) -> Problem:
    cause = _cause(proposals)
    if not cause:
        cause = "another column may stand for one of the three"
        if {"prix_moyen", "montant_engage"} & set(units):
            cause = "a unit in MCF_SOURCE_MAP may be wrong"
    return Problem(
        "relation_prix_montant",
        f"mean price x dossiers does not equal the amount in {found.price_broken:,} of {found.priced:,} lines (the "
        f"amount is {_times(found.price_ratio)} of it): {cause}",
        tuple(proposals) or (_accept("relation_prix_montant"),),
    )


def _judge_parts(
    found: Figures, elsewhere: Sequence[tuple[str, str]], parts: Sequence[str], amount_unit: str, judged: Judged
) -> None:
    ratio = found.parts_ratio or 0.0
    what = (
        f"the financers' parts do not add up to the amount in {found.parts_broken:,} of {found.parted:,} lines (they "
        f"make {_times(ratio)} of it)"
    )
    rule = "relation_parts_montant"
    factor = float(AMOUNT_UNITS[amount_unit])
    share = (
        "pourcent"
        if found.like_percent >= BROKEN_SHARE * found.parted
        else ("ratio" if found.like_ratio >= BROKEN_SHARE * found.parted else None)
    )
    unit = next(
        (
            name
            for name, f in AMOUNT_UNITS.items()
            if name != "euros" and ratio and _near(ratio * float(f) / factor, 1.0)
        ),
        None,
    )
    if elsewhere:
        proposals = [line for canonical, name in elsewhere for line in _in_other_unit(canonical, name)]
        names = ", ".join(repr(clean(name, 40)) for _, name in elsewhere[:3])
        judged.problems.append(
            Problem(rule, f"{what}: {names} hold parts in another unit, and are not used", tuple(proposals))
        )
    elif share:
        cause = "the parts look like percentages" if share == "pourcent" else "the parts look like shares of 1"
        judged.problems.append(Problem(rule, f"{what}: {cause}", (_unit(PARTS, share),)))
    elif unit:
        judged.problems.append(Problem(rule, f"{what}: the parts look like {_called(unit)}", (_unit(PARTS, unit),)))
    elif amount_unit != "euros" and _near(ratio / factor, 1.0):
        return  # the parts are in euros, and the amount is not: said already
    elif 0 < ratio < 1 and 2 * found.short > found.parts_broken and len(parts) < len(PART_COLUMNS) - 1:
        judged.notes.append(f"{what}: the file does not give the part of every financer")
    else:
        judged.problems.append(Problem(rule, f"{what}: another column may stand for one of them", (_accept(rule),)))


def _in_other_units(recognition: Recognition) -> list[tuple[str, str]]:
    """The parts that columns give in another unit, by their names, and that are not used: (canonical, column)."""
    return [
        (reading.canonical, name)
        for name in recognition.unused
        if (reading := read_name(name, units_known=True))
        and reading.canonical in PART_COLUMNS
        and reading.canonical not in recognition.columns
        and other_unit(name)
    ]


def _in_other_unit(canonical: str, name: str) -> list[Proposal]:
    lines = [for_column(canonical, name, "check")]
    if unit := unit_in(name):
        lines.append(Proposal("units", canonical, unit, "from its name"))
    return lines


def _money_units(found: Figures) -> tuple[str, str]:
    """The likely units of the amount and of the mean price, from the factor between them and the usual prices."""
    if found.price is None:
        return "euros", "euros"
    for price_unit, price_factor in AMOUNT_UNITS.items():
        if not _is_usual(found.price * float(price_factor)):
            continue
        ratio = 1.0 if found.price_ratio is None else found.price_ratio
        for amount_unit, factor in AMOUNT_UNITS.items():
            if _near(ratio * float(factor) / float(price_factor), 1.0):
                return amount_unit, price_unit
        if price_unit == "euros":
            break
    return "euros", "euros"


def _is_usual(price: float) -> bool:
    low, high = USUAL_PRICES
    return low <= price <= high


def _near(value: float, other: float) -> bool:
    return 0.8 < value / other < 1.25


def _unit(canonical: str, unit: str) -> Proposal:
    return Proposal("units", canonical, unit)


def _accept(rule: str) -> Proposal:
    return Proposal("accept", "rules", (rule,), "only where you know that the publisher means it", is_remark=True)


def _cause(proposals: Sequence[Proposal]) -> str:
    amount = {p.key: str(p.value) for p in proposals}
    causes = [
        f"{what} look like {_called(amount[name])}"
        for name, what in (("montant_engage", "amounts"), ("prix_moyen", "mean prices"))
        if name in amount
    ]
    return " and ".join(causes)


def _called(unit: str) -> str:
    return {"milliers": "thousands of euros", "millions": "millions of euros", "centimes": "cents"}.get(unit, unit)


def _times(ratio: float | None) -> str:
    return "nothing" if not ratio else f"{ratio:.3g} times" if ratio >= 2 or ratio < 0.01 else f"{ratio:.0%}"
