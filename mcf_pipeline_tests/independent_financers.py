"""What each financer pays, a second time; see `independent`."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from mcf_pipeline_tests.independent_figures import (
    CENT,
    down_of,
    most_of,
    quoted_of,
    ratio_of,
    total_of,
    up_of,
)
from mcf_pipeline_tests.independent_lines import FINANCERS, Line, Row


def financers_of(lines: list[Line]) -> Iterator[Row]:
    """What each financer pays; a line hides its whole amount, or of one that is given the part that is empty."""
    masked = [line for line in lines if line.est_masque]
    amounts = [hidden_of(line) for line in masked]
    everything = total_of(amount for line in lines for amount in line.amounts)
    left = sum((blank_of(line)[1] for line in lines if not line.est_masque and None in line.amounts), Decimal(0))
    rows = []
    for i, financer in enumerate(FINANCERS):
        parts = [(line, line.amounts[i], line.counts[i]) for line in lines]
        amount, count = total_of(a for _, a, _ in parts), total_of(c for _, _, c in parts)
        blanks = [blank_of(line) for line, a, _ in parts if not line.est_masque and a is None]
        has_part = amount is not None or all(line.est_masque for line in lines) or any(hides for hides, _ in blanks)
        has_counts = count is not None or all(line.est_masque for line in lines)
        hidden = most = None
        if has_part:
            whole = total_of(amounts) if None not in amounts else None
            no_part = [line for line, a, _ in parts if line.est_masque and a is None]
            hidden = whole if no_part else Decimal(0)
            most = None if hidden is None else hidden + sum((rest for _, rest in blanks), Decimal(0))
        fewest = None
        if has_counts:
            no_count = [line for line, _, c in parts if line.est_masque and c is None]
            fewest = sum(map(most_of, masked), Decimal(0)) if no_count else Decimal(0)
            fewest += sum((x.nb_dossiers for x, _, c in parts if not x.est_masque and c is None), Decimal(0))
        rows.append((financer, parts, amount, count, most, fewest, hidden, has_part))
    bounded = all(most is not None for *_, most, _, _, has_part in rows if has_part)
    most_hidden = left + max((hidden for *_, hidden, _ in rows if hidden is not None), default=Decimal(0))
    for financer, parts, amount, count, most, extra, _, _ in rows:
        reasons: list[str] = []
        low = high = None
        if bounded and most is not None and everything is not None:
            low = ratio_of(amount or Decimal(0), everything + most_hidden)
            high = ratio_of((amount or Decimal(0)) + most, everything + most)
        share = ratio_of(amount, everything)
        both = [(a, c) for _, a, c in parts if a is not None and c is not None]
        paid, helped = total_of(a for a, _ in both), total_of(c for _, c in both)
        quoted = (
            quoted_of("part_montant", share, low, high, reasons)
            if most is not None
            else {
                "part_montant": None,
                "part_montant_bas": None,
                "part_montant_haut": None,
            }
        )
        mean_low, mean_high = mean_of_a_financer_of(parts, count, most, extra)
        means = quoted_of("montant_moyen_par_dossier", ratio_of(paid, helped), mean_low, mean_high, of_mean := [])
        if most is not None and extra is not None:
            reasons += of_mean
        yield {
            "financeur_id": financer,
            "nb_lignes": len(parts),
            "nb_lignes_masquees": sum(line.est_masque for line, _, _ in parts),
            "montant": amount,
            "montant_min": None if most is None else amount or Decimal(0),
            "montant_max": None if most is None else up_of((amount or Decimal(0)) + most),
            **quoted,
            "nb_dossiers_finances": count,
            "nb_dossiers_finances_min": None if extra is None else count or Decimal(0),
            "nb_dossiers_finances_max": None if extra is None else (count or Decimal(0)) + extra,
            **means,
            "montant_a_dossiers_connus": paid,
            "nb_dossiers_finances_a_montant_connu": helped,
            "motifs_vides": " ; ".join(reasons) or None,
        }


def blank_of(line: Line) -> tuple[bool, Decimal]:
    """Of a given line with a blank part: whether that hides something, and how much it can be."""
    assert line.montant_engage is not None
    given = sum((amount for amount in line.amounts if amount is not None), Decimal(0))
    if 100 * given >= 99 * line.montant_engage:
        return False, max(line.montant_engage - given, Decimal(0))
    return True, line.montant_engage


def hidden_of(line: Line) -> Decimal | None:
    if line.montant_engage is not None:
        return line.montant_engage
    return None if line.prix_moyen is None else (line.prix_moyen + CENT / 2) * most_of(line)


def mean_of_a_financer_of(
    parts: list[tuple[Line, Decimal | None, Decimal | None]],
    count: Decimal | None,
    most: Decimal | None,
    extra: Decimal | None,
) -> tuple[Decimal | None, Decimal | None]:
    paid = total_of(a for _, a, c in parts if a is not None and c is not None)
    if paid is None or count is None or extra is None:
        return None, None
    low = ratio_of(paid, count + extra)
    return None if low is None else down_of(low), None if most is None else highest_mean_of(parts)


def highest_mean_of(parts: list[tuple[Line, Decimal | None, Decimal | None]]) -> Decimal | None:
    """With as many of the lines that hide both as raise the mean, one dossier each; the other gaps are filled."""
    paid = helped = Decimal(0)
    limits = []
    for line, amount, count in parts:
        limit = hidden_of(line) if line.est_masque else blank_of(line)[1] if amount is None else None
        if amount is None and count is None:
            limits.append(limit)
        elif amount is None and count:
            if limit is None:
                return None
            paid, helped = paid + limit, helped + count
        elif amount is not None:
            paid, helped = paid + amount, helped + (count if count is not None else amount > 0)
    if None in limits:
        return None
    found = [ratio_of(paid, helped)]
    for limit in sorted(limits, reverse=True):
        paid, helped = paid + limit, helped + 1
        found.append(ratio_of(paid, helped))
    known = [mean for mean in found if mean is not None]
    return up_of(max(known)) if known else None
