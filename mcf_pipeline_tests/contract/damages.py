"""Ways in which a good release (`made_up`) goes silently wrong, each as people met it in French open data."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal

from mcf_pipeline_tests.contract.made_up import AMOUNTS, COUNTS, DIMENSIONS, PARTS, Line

KEY = ("trimestre", *DIMENSIONS)
SUMMED = (*COUNTS, *AMOUNTS)


def number(text: str) -> Decimal:
    return Decimal(text) if text[:1].isdigit() else Decimal(0)


def sums(lines: Sequence[Line], over: Iterable[str], text: str, where: Callable[[Line], bool] = bool) -> list[Line]:
    """Lines that add up others over some dimensions, which hold `text`; only what is not masked is added up."""
    over = tuple(over)
    rest = [name for name in KEY if name not in over]
    chosen = sorted((line for line in lines if where(line)), key=lambda line: [line[name] for name in rest])
    found = []
    for _, group in itertools.groupby(chosen, key=lambda line: [line[name] for name in rest]):
        members = [line for line in group if line["nb_dossiers"]]
        if not members:
            continue
        total = {name: str(sum(number(line[name]) for line in members)) for name in SUMMED if name in members[0]}
        mean = {}
        if "prix_moyen" in members[0]:
            mean["prix_moyen"] = f"{number(total['montant_engage']) / number(total['nb_dossiers']):.2f}"
        found.append(members[0] | dict.fromkeys(over, text) | total | mean)
    return found


def with_sums(lines: Sequence[Line], over: Iterable[str], text: str, **options) -> list[Line]:
    """A release with such lines among its own."""
    return [*lines, *sums(lines, over, text, **options)]


def rollup(lines: Sequence[Line], text: str = "") -> list[Line]:
    """A release with the lines that SQL's ROLLUP adds, from the last dimension to the first."""
    found = list(lines)
    for place in range(len(DIMENSIONS)):
        found += sums(lines, DIMENSIONS[place:], text)
    return found


def cube(lines: Sequence[Line], text: str) -> list[Line]:
    """A release with the lines that SQL's CUBE adds over two dimensions."""
    found = list(lines)
    for over in (("region",), ("genre",), ("region", "genre")):
        found += sums(lines, over, text)
    return found


def scaled(lines: Sequence[Line], columns: Iterable[str], factor: str, decimals: int = 5) -> list[Line]:
    """A release in which some columns are in another unit."""
    names = set(columns)
    return [
        {n: f"{number(v) * Decimal(factor):.{decimals}f}" if n in names and v else v for n, v in line.items()}
        for line in lines
    ]


def as_percentages(lines: Sequence[Line], of: int = 100) -> list[Line]:
    """A release in which the parts are shares of the amount."""
    return [
        line
        | {
            name: f"{of * number(line[name]) / number(line['montant_engage']):.4f}"
            for name in PARTS
            if line.get(name) and number(line["montant_engage"])
        }
        for line in lines
    ]


def separated(lines: Sequence[Line], columns: Iterable[str], mark: str) -> list[Line]:
    """A release of whole figures in which some columns have a mark between thousands."""
    names = set(columns)
    return [
        {n: f"{round(number(v)):,}".replace(",", mark) if n in names and v else v for n, v in line.items()}
        for line in lines
    ]


def masked_as_zero(lines: Sequence[Line]) -> list[Line]:
    """A release whose masked cells hold 0."""
    return [line if line["nb_dossiers"] else line | dict.fromkeys(SUMMED, "0") for line in lines]
