"""The arithmetic of the marts, a second time, in plain loops over exact decimals; see `independent`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Decimal
from itertools import chain
from operator import attrgetter

from mcf_pipeline_tests.independent_lines import (
    EXACT,
    MEASURES,
    Line,
    Row,
    Value,
)


def evolution_of(name: str, now: Row, before: Row, columns: tuple[str, str, str]) -> Row:
    """A change on a year, its bounds, and the change itself only where they hold it closely."""
    value, least, most = columns
    low, high = change_of(now[least], before.get(most)), change_of(now[most], before.get(least))
    change = change_of(now[value], before.get(value))
    if change is None or low is None or high is None or not low <= change <= high or high - low > NARROW * (1 + high):
        change = None
    return {f"evolution_{name}": change, f"evolution_{name}_bas": low, f"evolution_{name}_haut": high}


MOST = 5
"""Dossiers of a masked line, at most."""
NARROW = Decimal("0.05")
MATURE = Decimal("0.9")
MOST_UNKNOWN = Decimal("0.01")
CENT = Decimal("0.01")


def summary_of(lines: list[Line], reasons: list[str]) -> Row:
    hidden = sum(line.nb_titulaires is None for line in lines)
    amounts = [amounts_of(line) for line in lines]
    prices = [(price_of(x), x.nb_dossiers, least_of(x), most_of(x)) for x in lines if price_of(x) is not None]
    hours = [
        (x.duree_moyenne, x.nb_dossiers_a_duree_connue, *known_of(x)) for x in lines if x.duree_moyenne is not None
    ]
    return {
        "nb_lignes": len(lines),
        "nb_lignes_masquees": sum(line.est_masque for line in lines),
        "nb_dossiers": sum_of(lines, "nb_dossiers"),
        "nb_dossiers_min": at_least_of(lines),
        "nb_dossiers_max": at_most_of(lines),
        "nb_titulaires_max": sum_of(lines, "nb_titulaires"),
        "nb_titulaires_lignes_masquees_min": hidden,
        "nb_titulaires_lignes_masquees_max": 4 * hidden,
        "nb_titulaires_toutes_lignes_max": (sum_of(lines, "nb_titulaires") or 0) + 4 * hidden,
        "montant_engage": sum_of(lines, "montant_engage"),
        "montant_engage_min": down_of(sum((low for low, _ in amounts), Decimal(0))),
        "montant_engage_max": None
        if any(high is None for _, high in amounts)
        else up_of(sum((high for _, high in amounts), Decimal(0))),
        **bounded_mean_of("prix_moyen", prices, reasons),
        "nb_dossiers_a_prix_connu": total_of(weight for _, weight, _, _ in prices),
        "nb_dossiers_a_prix_connu_min": sum(low for _, _, low, _ in prices),
        "nb_dossiers_a_prix_connu_max": sum(high for _, _, _, high in prices),
        "montant_a_prix_connu": total_of(price * weight for price, weight, _, _ in prices if weight is not None),
        **bounded_mean_of("duree_moyenne", hours, reasons),
        "nb_dossiers_a_duree_connue": total_of(weight for _, weight, _, _ in hours),
        "nb_dossiers_a_duree_connue_min": sum(low for _, _, low, _ in hours),
        "nb_dossiers_a_duree_connue_max": sum(high for _, _, _, high in hours),
        "heures_a_duree_connue": total_of(length * weight for length, weight, _, _ in hours if weight is not None),
    }


def least_of(line: Line) -> Decimal:
    return Decimal(1) if line.nb_dossiers is None else line.nb_dossiers


def most_of(line: Line) -> Decimal:
    return Decimal(MOST) if line.nb_dossiers is None else line.nb_dossiers


def known_of(line: Line) -> tuple[Decimal, Decimal]:
    """The fewest and the most dossiers of known duration that a line with a mean duration can have."""
    if line.nb_dossiers_a_duree_connue is not None:
        return line.nb_dossiers_a_duree_connue, line.nb_dossiers_a_duree_connue
    return min(Decimal(1), least_of(line)), most_of(line)


def price_of(line: Line) -> Decimal | None:
    if line.prix_moyen is not None:
        return line.prix_moyen
    price = ratio_of(line.montant_engage, line.nb_dossiers)
    return None if price is None else price.quantize(Decimal("0.0001"), ROUND_HALF_UP)


def amounts_of(line: Line) -> tuple[Decimal, Decimal | None]:
    if line.montant_engage is not None:
        return line.montant_engage, line.montant_engage
    price = price_of(line)
    if price is None:
        return Decimal(0), None
    half = CENT / 2
    return max(price - half, Decimal(0)) * least_of(line), (price + half) * most_of(line)


def down_of(value: Decimal) -> Decimal:
    return value.quantize(CENT, ROUND_FLOOR)


def up_of(value: Decimal) -> Decimal:
    return value.quantize(CENT, ROUND_CEILING)


def bounded_mean_of(
    name: str, lines: list[tuple[Decimal, Decimal | None, Decimal, Decimal]], reasons: list[str]
) -> Row:
    """A weighted mean and the least and most it can be; of each line: value, weight, fewest and most of it."""
    given = [(value, weight) for value, weight, _, _ in lines if weight is not None]
    mean = ratio_of(total_of(v * w for v, w in given), total_of(w for _, w in given))
    found = []
    for rising in (True, False):
        ordered = sorted(lines, key=lambda line: line[0], reverse=not rising)
        total = sum((value * low for value, _, low, _ in ordered), Decimal(0))
        weight = sum((low for _, _, low, _ in ordered), Decimal(0))
        means = [ratio_of(total, weight)]
        for value, _, low, high in ordered:
            total, weight = total + value * (high - low), weight + high - low
            means.append(ratio_of(total, weight))
        means = [m for m in means if m is not None]
        found.append((min if rising else max)(means) if means else None)
    low, high = found
    # What is beyond the fourth decimal of a cent is the rounding of a division.
    tiny = Decimal("0.000001")
    low = None if low is None else down_of(low.quantize(tiny))
    high = None if high is None else up_of(high.quantize(tiny))
    return quoted_of(name, mean, low, high, reasons)


IN_CENTS = {"prix_moyen", "duree_moyenne", "montant_moyen_par_dossier"}
"""Means, which are published to the cent and compared with their bounds so."""


def quoted_of(name: str, value: Decimal | None, low: Decimal | None, high: Decimal | None, reasons: list[str]) -> Row:
    """A figure beside its bounds; left out, with the reason, where it cannot be quoted."""
    reason = None
    if value is None:
        reason = "rien qui ne soit masqué"
    elif low is None or high is None:
        reason = "sans bornes"
    elif not low <= (value.quantize(CENT, ROUND_HALF_UP) if name in IN_CENTS else value) <= high:
        reason = "hors de ses bornes"
    elif high - low > NARROW * high:
        reason = "bornes trop larges"
    if reason:
        reasons.append(f"{name} : {reason}")
    return {name: None if reason else value, f"{name}_bas": low, f"{name}_haut": high}


def bounded_of(
    name: str,
    part: list[Line],
    rest: list[Line],
    strange: list[Line],
    everything: list[Line],
    reasons: list[str],
    what: str = "",
) -> Row:
    """A share of dossiers; lines that may be either are in both extremes."""
    either = at_most_of(strange)
    low = ratio_of(at_least_of(part), at_least_of(part) + at_most_of(rest) + either)
    high = ratio_of(at_most_of(part) + either, at_most_of(part) + either + at_least_of(rest))
    value = ratio_of(sum_of(part, "nb_dossiers"), (sum_of(part + rest, "nb_dossiers")))
    if what and value is None and sum_of(part + rest, "nb_dossiers"):
        value = Decimal(0)
    if either > MOST_UNKNOWN * at_least_of(everything):
        reasons.append(f"{name} : trop de {what}")
        return {name: None, f"{name}_bas": low, f"{name}_haut": high}
    return quoted_of(name, value, low, high, reasons)


def weights_of(name: str, lines: list[Line], strange: list[Line]) -> Row:
    return {
        name: sum_of(lines, "nb_dossiers") or 0,
        f"{name}_min": at_least_of(lines),
        f"{name}_max": at_most_of(lines) + at_most_of(strange),
    }


def amount_share_of(lines: list[Line], others: list[list[Line]], reasons: list[str]) -> Row:
    """The part of the country's amount; of the other regions, each bound is rounded by itself, as it is published."""
    ours, theirs = summary_of(lines, []), [summary_of(other, []) for other in others]
    low_of, high_of = "montant_engage_min", "montant_engage_max"
    low = high = None
    if None not in (ours[high_of], *(other[high_of] for other in theirs)):
        low = ratio_of(ours[low_of], ours[low_of] + sum(other[high_of] for other in theirs))
    if ours[high_of] is not None:
        high = ratio_of(ours[high_of], ours[high_of] + sum(other[low_of] for other in theirs))
    value = ratio_of(sum_of(lines, "montant_engage"), sum_of(chain(lines, *others), "montant_engage"))
    return quoted_of("part_montant", value, low, high, reasons)


def rates_of(lines: list[Line], reasons: list[str]) -> Row:
    closed = [line for line in lines if line.family in {"realise", "partiel", "annule", "rejete"}]
    opened = [line for line in lines if line.family == "en_cours"]
    strange = [line for line in lines if line.family is None]
    abandoned = {"realisation_partielle", "annule_titulaire", "annule_of"}
    groups = {
        "taux_realisation": [line for line in closed if line.family == "realise"],
        "taux_abandon": [line for line in closed if line.statut_id in abandoned],
    }
    of_maturity: list[str] = []
    found = bounded_of("maturite", closed, opened, strange, lines, of_maturity, "statuts inconnus")
    least = found["maturite_bas"]
    is_mature = least is not None and least >= MATURE
    of_rates: list[str] = []
    for name, part in groups.items():
        if is_mature:
            rest = [line for line in closed if line not in part]
            found |= bounded_of(name, part, rest, strange, lines, of_rates, "statuts inconnus")
        else:
            found |= {name: None, f"{name}_bas": None, f"{name}_haut": None}
    if at_most_of(strange) > MOST_UNKNOWN * at_least_of(lines):
        reasons.append("maturite, taux_realisation, taux_abandon : trop de statuts inconnus")
    else:
        immature = [] if is_mature else ["taux_realisation, taux_abandon : trimestre immature"]
        reasons += [*of_maturity, *immature, *of_rates]
    return found


def funded_of(old: Line, new: Line) -> bool:
    return (old.amounts, old.counts) != (new.amounts, new.counts)


def moves_of(
    name: str,
    old: dict[tuple[str, ...], Line],
    new: dict[tuple[str, ...], Line],
    cells: Callable[[Line], list[Decimal | None]],
) -> Row:
    """What a release changed, by what became of each cell."""
    found = dict.fromkeys(("visibles", "demasques", "masques", "apparus", "disparus"), Decimal(0))
    for ids in old.keys() | new.keys():
        before = cells(old[ids]) if ids in old else []
        after = cells(new[ids]) if ids in new else []
        for place in range(max(len(before), len(after))):
            was = before[place] if before else None
            now = after[place] if after else None
            if not before:
                found["apparus"] += now or 0
            elif not after:
                found["disparus"] -= was or 0
            elif was is not None and now is not None:
                found["visibles"] += now - was
            elif now is not None:
                found["demasques"] += now
            elif was is not None:
                found["masques"] -= was
    return {f"{name}_ecart": sum(found.values()), **{f"{name}_ecart_{part}": moved for part, moved in found.items()}}


def groups_of(lines: Iterable[Line], *names: str) -> Iterator[tuple[tuple[str, ...], list[Line]]]:
    found: dict[tuple[str, ...], list[Line]] = defaultdict(list)
    for line in lines:
        found[tuple([getattr(line, name) for name in names])].append(line)
    yield from found.items()


def total_of(values: Iterable[Value]) -> Decimal | None:
    """The sum of what is given; None where nothing is."""
    given = [value for value in values if value is not None]
    return sum(given, Decimal(0)) if given else None


def sum_of(lines: Iterable[Line], name: str) -> Decimal | None:
    return total_of(map(attrgetter(name), lines))


def at_least_of(lines: list[Line]) -> Decimal:
    """The dossiers of all lines, each masked one taken for a single dossier."""
    return (sum_of(lines, "nb_dossiers") or Decimal(0)) + sum(line.nb_dossiers is None for line in lines)


def at_most_of(lines: list[Line]) -> Decimal:
    """The dossiers of all lines, each masked one taken for as many as it can stand for."""
    return (sum_of(lines, "nb_dossiers") or Decimal(0)) + MOST * sum(line.nb_dossiers is None for line in lines)


def ratio_of(part: Decimal | None, whole: Decimal | None) -> Decimal | None:
    return EXACT.divide(part, whole) if part is not None and whole else None


def share_of(part: list[Line], whole: list[Line]) -> Decimal | None:
    """Dossiers of some lines over those of more; lines that give none leave a share of zero, not of nothing."""
    return ratio_of(sum_of(part, "nb_dossiers") or Decimal(0), sum_of(whole, "nb_dossiers"))


def mean_of(lines: Iterable[Line], value: str, weight: str) -> Decimal | None:
    both = map(attrgetter(value, weight), lines)
    given = [(v, w) for v, w in both if v is not None and w is not None]
    return ratio_of(total_of(EXACT.multiply(v, w) for v, w in given), total_of(w for _, w in given))


def change_of(now: Value, before: Value) -> Decimal | None:
    if not isinstance(now, Decimal) or not isinstance(before, Decimal):
        return None
    return ratio_of(now - before, before)


def cents_of(value: Value) -> Decimal | None:
    return value.quantize(Decimal("0.01"), ROUND_HALF_UP) if isinstance(value, Decimal) else None


def differences_of(lines: Iterable[Line], gap: Callable[[Line], Decimal | None]) -> Iterator[tuple[Line, Decimal]]:
    for line in lines:
        found = gap(line)
        if found is not None:
            yield line, found


def minus_parts_of(line: Line) -> Decimal | None:
    if line.montant_engage is None or None in line.amounts:
        return None
    return line.montant_engage - sum(line.amounts, Decimal(0))


def price_minus_amount_of(line: Line) -> Decimal | None:
    price, dossiers, amount = line.prix_moyen, line.nb_dossiers, line.montant_engage
    if price is None or dossiers is None or amount is None:
        return None
    return price * dossiers - amount


def differs_of(old: Line, new: Line) -> bool:
    return any(getattr(old, name) != getattr(new, name) for name in MEASURES)


def before_and_after_of(before: list[Line], after: list[Line]) -> Row:
    found: Row = {}
    for side, lines in (("avant", before), ("apres", after)):
        found[f"dossiers_{side}"] = sum_of(lines, "nb_dossiers")
        found[f"montant_{side}"] = sum_of(lines, "montant_engage")
        for name, family in (
            ("en_cours", "en_cours"),
            ("realises", "realise"),
            ("partiels", "partiel"),
            ("annules", "annule"),
            ("rejetes", "rejete"),
        ):
            found[f"{name}_{side}"] = sum_of([line for line in lines if line.family == family], "nb_dossiers")
    return found
