"""The rules on the figures of one line, which is used all the same: what the publisher says that does not fit together.

Each is a condition on a line as staged. What does not belong here: what is refused or quarantined
(`contract.lines`), and how a finding is shown (`quality.lines`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mcf_pipeline.contract.columns import COLUMNS, PART_COLUMNS
from mcf_pipeline.contract.thresholds import MIN_PERSONS, PARTS_ABSOLUTE, PARTS_RELATIVE, PRICE_RELATIVE

if TYPE_CHECKING:
    import duckdb
    import pandas as pd

Broken = tuple[str, int, int]
"""A rule, how many lines break it, and how many say enough to be judged by it."""


@dataclass(frozen=True, slots=True)
class LineRule:
    """A rule on one line.

    Attributes:
        name: as in `contract.rules`.
        judged: SQL condition: the line says enough to be judged.
        broken: SQL condition: the line breaks the rule.
        shown: the columns that show why.
    """

    name: str
    judged: str
    broken: str
    shown: tuple[str, ...]


_COUNT_GIVEN = "(nb_dossiers IS NOT NULL OR nb_titulaires IS NOT NULL)"
_COUNT_MASKED = "(nb_dossiers IS NULL OR nb_titulaires IS NULL)"
OF_PRICES = "prix_hors_plage"
"""The rule that needs what other releases said: the columns ``prix_min`` and ``prix_max``."""

LINE_RULES = (
    LineRule(
        "ecart_parts_montant",
        "montant_engage IS NOT NULL AND parts IS NOT NULL",
        f"abs(montant_engage - parts) > greatest({PARTS_RELATIVE} * montant_engage, {PARTS_ABSOLUTE})",
        ("montant_engage", "parts"),
    ),
    LineRule(
        "ecart_prix_montant",
        "prix_moyen IS NOT NULL AND nb_dossiers IS NOT NULL AND montant_engage IS NOT NULL",
        f"abs(prix_moyen * nb_dossiers - montant_engage) > {PRICE_RELATIVE} * montant_engage",
        ("prix_moyen", "nb_dossiers", "montant_engage"),
    ),
    LineRule(
        "effectif_sous_le_seuil",
        "nb_dossiers IS NOT NULL OR nb_titulaires IS NOT NULL",
        f"nb_dossiers < {MIN_PERSONS} OR nb_titulaires < {MIN_PERSONS}",
        ("nb_dossiers", "nb_titulaires"),
    ),
    LineRule(
        "titulaires_superieurs_aux_dossiers",
        "nb_dossiers IS NOT NULL AND nb_titulaires IS NOT NULL",
        "nb_titulaires > nb_dossiers",
        ("nb_dossiers", "nb_titulaires"),
    ),
    LineRule(
        "masque_avec_montant",
        _COUNT_MASKED,
        f"{_COUNT_MASKED} AND (montant_engage IS NOT NULL OR parts_donnees > 0)",
        ("nb_dossiers", "nb_titulaires", "montant_engage", "parts_donnees"),
    ),
    LineRule(
        "masque_avec_zero",
        "nb_dossiers IS NULL",
        "nb_dossiers IS NULL AND (prix_moyen = 0 OR duree_moyenne = 0 OR effectif_max = 0)",
        ("nb_dossiers", "prix_moyen", "duree_moyenne", "effectif_max"),
    ),
    LineRule(
        "effectif_avec_montant_masque",
        "montant_engage IS NULL",
        f"montant_engage IS NULL AND {_COUNT_GIVEN}",
        ("nb_dossiers", "nb_titulaires", "montant_engage"),
    ),
    LineRule(
        "effectif_superieur_aux_dossiers",
        "nb_dossiers IS NOT NULL AND effectif_max IS NOT NULL",
        "effectif_max > nb_dossiers",
        ("nb_dossiers", "effectif_max"),
    ),
    LineRule(
        OF_PRICES,
        "prix_moyen IS NOT NULL AND prix_min IS NOT NULL",
        "prix_moyen NOT BETWEEN prix_min AND prix_max",
        ("prix_moyen", "prix_min", "prix_max"),
    ),
)


def parts_sql(columns: Collection[str]) -> str:
    """SQL: what the rules need of several columns, ``parts``, ``parts_donnees`` and ``effectif_max``.

    The last is the largest number of the line that counts some of its dossiers: those of known duration, and those
    that each financer pays for.

    Args:
        columns: of the staged lines.
    """
    names = [name for name in columns if name in PART_COLUMNS]
    # A line of which a part is masked cannot be added up: NULL.
    added = " + ".join(names) or "NULL"
    given = " + ".join(f"({name} IS NOT NULL)::INTEGER" for name in names) or "0"
    some = ", ".join(name for name in columns if is_some_of_the_dossiers(name))
    most = f"greatest({some})" if some else "NULL::BIGINT"
    return f"{added} AS parts, {given} AS parts_donnees, {most} AS effectif_max"


def is_some_of_the_dossiers(canonical: str) -> bool:
    """Whether a column counts some of the dossiers of a line, and so can never count more than all of them."""
    rule = COLUMNS.get(canonical)
    return canonical == "nb_dossiers_a_duree_connue" or bool(rule and rule.financer and rule.kind == "count")


def counts_sql(rules: Iterable[LineRule]) -> str:
    """SQL: of each rule, how many lines are judged, then how many break it."""
    return ", ".join(f"count(*) FILTER (WHERE {rule.judged}), count(*) FILTER (WHERE {rule.broken})" for rule in rules)


def broken_lines(con: duckdb.DuckDBPyConnection, lines: pd.DataFrame) -> dict[tuple[str, str], list[Broken]]:
    """By release and quarter, how many valid lines break each rule, broken or not.

    The range of prices, which needs other releases, is left out.
    """
    rules = [rule for rule in LINE_RULES if rule.name != OF_PRICES]
    con.register("lignes_valides", lines)
    try:
        rows = con.execute(
            f"SELECT release_id, trimestre_id, {counts_sql(rules)} "
            f"FROM (SELECT *, {parts_sql(list(lines.columns))} FROM lignes_valides) GROUP BY release_id, trimestre_id"
        ).fetchall()
    finally:
        con.unregister("lignes_valides")
    return {
        (release_id, quarter): [
            (rule.name, broken, judged) for rule, judged, broken in zip(rules, counts[::2], counts[1::2], strict=True)
        ]
        for release_id, quarter, *counts in rows
    }


def added_up(found: Iterable[Iterable[Broken]]) -> list[Broken]:
    """The rules that are broken, in their order, over several quarters of `broken_lines`."""
    broken, judged = Counter[str](), Counter[str]()
    for quarter in found:
        for rule, lines, of in quarter:
            broken[rule] += lines
            judged[rule] += of
    return [(rule.name, broken[rule.name], judged[rule.name]) for rule in LINE_RULES if broken[rule.name]]
