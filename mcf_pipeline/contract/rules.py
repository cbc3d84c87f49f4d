"""The one table of rules: what can be wrong with a release, how bad it is, and what to do.

`docs/contract.md` is made from here (`contract.page`). What does not belong here: the checking itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from mcf_pipeline.contract.thresholds import (
    BROKEN_SHARE,
    CUMULATED,
    GROWTH_SHARE,
    MASKED_CHANGE,
    MAX_DOSSIERS_OF_QUARTER,
    MAX_DOSSIERS_OF_YEAR,
    MIN_CODES,
    MIN_COPIED,
    MIN_CUMULATED,
    MIN_DOSSIERS_COPIED,
    MIN_DOSSIERS_OF_REGION,
    MIN_JUDGED,
    MIN_JUDGED_OF_FINANCER,
    MIN_JUDGED_OF_PART,
    MIN_LINES,
    MIN_PERSONS,
    MOST_LINES,
    PARTS_ABSOLUTE,
    PARTS_RELATIVE,
    PRICE_CHANGE,
    PRICE_RELATIVE,
    REGION_CHANGE,
    REJECTED_SHARE,
    SHRINK_SHARE,
    USUAL_HOURS,
    USUAL_PRICES,
)
from mcf_pipeline.schemas.bounds import MAX_AMOUNT, MAX_COUNT, MAX_HOURS, MAX_PRICE

Severity = Literal["refuse", "quarantine", "warn"]

NUMBERS = (
    "Numbers are read as `1234.5`, `1234,5` or `1 234,5`, and as `1,234.50` or `1.234,50` if a quarter writes a column "
    "in one of these two ways alone; amounts also with `€` behind them. `[numbers]` and `[masked]` in the source map "
    "say more."
)
"""How a number may be written, for whoever has one that cannot be read."""
DROPPED = "ligne_de_total"
"""The rule by which a user's map drops a line."""
OF_THE_DOWNLOAD = frozenset(
    {"pas_un_export", "metadonnees_illisibles", "export_vide", "export_tronque", "lignes_en_trop", "limite_depassee"}
)
"""Rules that a download can break and the next one keep: a portal in maintenance, a connection that was cut. What
breaks another rule breaks it again, until the source, the source map or this code changes."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of the contract.

    Attributes:
        name: French, as it appears in `stg_rejets.regle`, in errors and in checks.
        severity: ``refuse`` the release (or the quarter), ``quarantine`` the line, or ``warn``.
        meaning: what is wrong.
        action: what happens, and what to do.
        threshold: from when on, if it is a matter of degree.
        seuil: the same in French, for the checks of Dagster, which speak of data.
    """

    name: str
    severity: Severity
    meaning: str
    action: str
    threshold: str = ""
    seuil: str = ""


_ASK_AGAIN = "Only the error is kept. Download the export again, later if necessary."
_MAP = "Run `mcf-pipeline doctor`; put the lines it shows into the file that `MCF_SOURCE_MAP` points to."
_LIMIT = "Look at the source; if it is right, raise the `MCF_LIMIT_…` that the error names."
_LOOK = "The line is kept in `stg_rejets`, as received. Report it to the publisher if the error is theirs."
_SEEN = "The line is used; the check shows the number of such lines and a sample."

TABLE: tuple[Rule, ...] = (
    # Refused: the whole release, or one quarter that keeps its previous state.
    Rule(
        "pas_un_export",
        "refuse",
        "What was received is neither a CSV nor a Parquet file: a web page, JSON, or nothing.",
        _ASK_AGAIN,
    ),
    Rule(
        "controle_bloquant",
        "refuse",
        "A blocking check found that what was built is inconsistent.",
        "Nothing is published; the Dagster UI shows the check with its numbers.",
    ),
    Rule(
        "metadonnees_illisibles",
        "refuse",
        "The portal's description of the dataset holds invalid values.",
        "Only the error is kept. Look at the dataset's page; try again later.",
    ),
    Rule("export_vide", "refuse", "A header without lines, or an empty file.", _ASK_AGAIN),
    Rule(
        "export_tronque",
        "refuse",
        "The file ends within a line, or holds fewer lines than the source announces.",
        _ASK_AGAIN,
        "any line missing",
    ),
    Rule(
        "lignes_en_trop",
        "refuse",
        "The file holds more lines than the source announces.",
        _ASK_AGAIN,
        "any line too many",
    ),
    Rule("limite_depassee", "refuse", "The download or the file is larger or slower than a limit allows.", _LIMIT),
    Rule("trop_de_colonnes", "refuse", "More columns than the dataset can have.", _LIMIT, "200 columns"),
    Rule("encodage_illisible", "refuse", "The text encoding cannot be determined.", _ASK_AGAIN),
    Rule("octet_nul", "refuse", "The text contains a NUL byte.", _ASK_AGAIN),
    Rule(
        "ligne_irreguliere",
        "refuse",
        "A line has more or fewer fields than the header, or an unclosed quote swallows whole lines.",
        _ASK_AGAIN,
    ),
    Rule("type_inattendu", "refuse", "A Parquet column has a type other than text, number or date.", _ASK_AGAIN),
    Rule("entete_en_double", "refuse", "Two columns have the same name (ignoring case).", _ASK_AGAIN),
    Rule("nom_de_colonne_vide", "refuse", "A column has no name.", _ASK_AGAIN),
    Rule("colonne_manquante", "refuse", "No column is recognised as a required one.", _MAP),
    Rule("colonne_ambigue", "refuse", "Several columns could be the same canonical column.", _MAP),
    Rule(
        "aucun_trimestre_valide",
        "refuse",
        "No line, or too few lines, have a readable quarter.",
        _MAP,
        "more than 1% of lines without one",
    ),
    Rule(
        "doublons_en_conflit",
        "refuse",
        "Two lines have the same quarter, region, gender, age class, situation and status, but different figures.",
        "One modality may be read as another: map it in `MCF_SOURCE_MAP`.",
    ),
    Rule(
        "separateur_ambigu",
        "refuse",
        "Every separator in a column is followed by three digits (75,554), and no other column tells whether it "
        "separates thousands or decimals.",
        _MAP,
    ),
    Rule(
        "relation_prix_montant",
        "refuse",
        "Mean price times dossiers differs from the amount in nearly all lines, of the release or of one quarter or "
        "region: wrong unit, or wrong column.",
        _MAP,
        f"{BROKEN_SHARE:.0%} of the judged lines, {MIN_JUDGED} at least ({MIN_JUDGED_OF_PART} in a quarter or region)",
    ),
    Rule(
        "relation_parts_montant",
        "refuse",
        "The financers' parts do not add up to the amount in nearly all lines: wrong unit, percentages, or wrong "
        "column.",
        _MAP,
        f"{BROKEN_SHARE:.0%} of the judged lines, {MIN_JUDGED} at least",
    ),
    Rule(
        "relation_effectifs",
        "refuse",
        "A column that counts some of the dossiers (of known duration, or that a financer pays for) or the titulaires "
        "holds more than all the dossiers in most lines: wrong column.",
        _MAP,
        f"{MOST_LINES:.0%} of the judged lines, {MIN_JUDGED} at least",
    ),
    Rule(
        "prix_hors_du_jeu",
        "refuse",
        "The median cost of a dossier, in the release or in one quarter or region, is outside the usual range of this "
        "dataset.",
        _MAP,
        f"below {USUAL_PRICES[0]:,} € or above {USUAL_PRICES[1]:,} €",
    ),
    Rule(
        "duree_hors_du_jeu",
        "refuse",
        "The median of the mean durations, in the release or in one quarter or region, is outside the usual range of "
        "this dataset: minutes, or days.",
        _MAP,
        f"below {USUAL_HOURS[0]} or above {USUAL_HOURS[1]} hours",
    ),
    Rule(
        "part_hors_unite",
        "refuse",
        "One financer's part, often too small for the sum to show it, makes the parts add up to the amount only in "
        "another unit, in the release or in one quarter or region.",
        _MAP,
        f"{BROKEN_SHARE:.0%} of the lines in which it is given, {MIN_JUDGED_OF_FINANCER} at least",
    ),
    Rule(
        "effectifs_multiplies",
        "refuse",
        "Nearly all numbers of dossiers, in the release or in one quarter or region, are multiples of 2 to 10, 100 "
        "or 1,000 (by less than 10: with all other counts), and none is as small as the masking leaves them: they were "
        "multiplied, or lines counted twice.",
        _MAP,
        f"{BROKEN_SHARE:.0%} of the lines, {MIN_JUDGED_OF_PART} at least; none below {MIN_PERSONS} times that",
    ),
    Rule(
        "niveau_invraisemblable",
        "refuse",
        "A quarter or a year has more dossiers than the country can have.",
        "If the publisher means it, `[accept]` in the source map lets it pass.",
        f"above {MAX_DOSSIERS_OF_QUARTER:,} in a quarter or {MAX_DOSSIERS_OF_YEAR:,} in a year",
    ),
    Rule(
        "trimestres_cumules",
        "refuse",
        "Dossiers grow within each year and begin again with the next: each quarter holds its year so far. A single "
        "such year is only said by `run`, `status` and `doctor`.",
        "If the publisher means it, `[accept]` in the source map lets it pass.",
        f"{MIN_CUMULATED} years at least, and no other; the fourth quarter {4 * CUMULATED:.1f} times the first",
    ),
    Rule(
        "chiffres_recopies",
        "refuse",
        "Two quarters have the same dossiers in every region, or two regions in every quarter: one is a copy.",
        "If the publisher means it, `[accept]` in the source map lets it pass.",
        f"{MIN_COPIED} regions, or {MIN_COPIED} quarters, at least, of {MIN_DOSSIERS_COPIED:,} dossiers in all",
    ),
    Rule(
        "semestres",
        "refuse",
        "Quarters are written `2023-1`, and are all the first or the second of their year: semesters.",
        "If the publisher means quarters, `[accept]` in the source map lets it pass.",
        "a year and the next",
    ),
    Rule(
        "regions_autres",
        "refuse",
        "Regions are codes of something else, some of which are also codes of regions: départements, communes, EPCI.",
        _MAP,
        f"{MIN_CODES} codes that are no regions",
    ),
    Rule(
        "zeros_masques",
        "refuse",
        "Many lines have 0 dossiers and a mean price: masked figures written as 0.",
        _MAP,
        f"more than {REJECTED_SHARE:.0%} of the lines",
    ),
    Rule(
        "lignes_de_total",
        "refuse",
        "Lines are the sum of others, judging by their figures or their name (Total, Ensemble, an empty cell of a "
        "ROLLUP): everything would be counted twice.",
        "The error names the modality and the lines; `[totals]` in the source map drops them.",
    ),
    Rule(
        "trimestre_disparu",
        "refuse",
        "A quarter of the previous release is not in this one.",
        "The release is archived and held; `--accept-release` applies it.",
    ),
    Rule(
        "trimestre_retreci",
        "refuse",
        "A closed quarter has lost many of its lines or dossiers.",
        "The release is archived and held; `--accept-release` applies it.",
        f"more than {SHRINK_SHARE:.0%}",
    ),
    Rule(
        "trimestre_gonfle",
        "refuse",
        "A closed quarter has gained implausibly many lines or dossiers.",
        "The release is archived and held; `--accept-release` applies it.",
        f"more than {GROWTH_SHARE:.0%}",
    ),
    Rule(
        "part_masquee_inhabituelle",
        "refuse",
        "The share of masked lines of a closed quarter is far from that in the previous release.",
        "The release is archived and held; `--accept-release` applies it.",
        f"more than {MASKED_CHANGE * 100:.0f} points, in a quarter of {MIN_LINES} lines at least",
    ),
    Rule(
        "montant_inhabituel",
        "refuse",
        "The amount by dossier of a closed quarter is far from that in the previous release.",
        "The release is archived and held; `--accept-release` applies it.",
        f"more than {PRICE_CHANGE:.0%}, in a quarter of {MIN_LINES} lines at least",
    ),
    Rule(
        "region_inhabituelle",
        "refuse",
        "A region of a closed quarter has vanished, or has lost or gained implausibly many dossiers.",
        "The release is archived and held; `--accept-release` applies it.",
        f"more than {REGION_CHANGE:.0%} of {MIN_DOSSIERS_OF_REGION} dossiers at least",
    ),
    Rule(
        "trop_de_rejets",
        "refuse",
        "Too much of a quarter was rejected.",
        "The quarter keeps its previous state; the error names the three most common reasons.",
        f"more than {REJECTED_SHARE:.0%} of the quarter's lines, of its dossiers or of its amount",
    ),
    # Quarantined: the line.
    Rule(
        "trimestre_invalide",
        "quarantine",
        "The quarter cannot be read, is before 2020-T1 or after the current quarter.",
        _LOOK,
    ),
    Rule(
        "nombre_illisible",
        "quarantine",
        "A measure holds what is neither a number nor empty.",
        f"The line is kept in `stg_rejets`, as received. {NUMBERS}",
    ),
    Rule(
        "nombre_invraisemblable",
        "quarantine",
        "A figure is larger than any in this dataset can be; it would dominate every sum.",
        _LOOK,
        f"a count above {MAX_COUNT:,}, an amount (or a mean price times dossiers) above {MAX_AMOUNT:,} €, "
        f"a mean price above {MAX_PRICE:,} €, a mean duration above {MAX_HOURS:,} hours",
    ),
    Rule("nombre_negatif", "quarantine", "A count, an amount, a price or a duration is below zero.", _LOOK),
    Rule("doublon_exact", "quarantine", "The line repeats an earlier one, which is kept.", _LOOK),
    Rule(
        "zero_dossiers_avec_prix",
        "quarantine",
        "The line has 0 dossiers and a mean price, which only a masked line can have.",
        "The line is kept in `stg_rejets`; `[masked] zero_dossiers = true` in the source map reads it as masked.",
    ),
    Rule(
        DROPPED,
        "quarantine",
        "The line is the sum of others, according to `[totals]` in the source map.",
        "The line is kept in `stg_rejets`; it does not count as rejected.",
    ),
    Rule("valeur_manquante", "quarantine", "A value that every line must have is missing.", _LOOK),
    Rule("hors_schema", "quarantine", "A value fails another check of its Pandera model.", _LOOK),
    # Warned of: the line is used.
    Rule(
        "modalite_inconnue",
        "warn",
        "A dimension holds a modality that the contract does not know.",
        "It gets its own row (`est_connue = false`); if it is a known one, map it in `MCF_SOURCE_MAP`.",
    ),
    Rule(
        "ecart_parts_montant",
        "warn",
        "The parts of the financers do not add up to the amount.",
        _SEEN,
        f"more than {PARTS_RELATIVE:.0%} of the amount and more than {PARTS_ABSOLUTE} €",
        f"plus de {PARTS_RELATIVE * 100:.0f} % du montant et plus de {PARTS_ABSOLUTE} €",
    ),
    Rule(
        "ecart_prix_montant",
        "warn",
        "Mean price times dossiers is far from the amount.",
        _SEEN,
        f"more than {PRICE_RELATIVE:.0%} of the amount",
        f"plus de {PRICE_RELATIVE * 100:.0f} % du montant",
    ),
    Rule(
        "effectif_sous_le_seuil",
        "warn",
        "An unmasked count is below the publisher's masking threshold.",
        _SEEN,
        f"below {MIN_PERSONS}",
        f"moins de {MIN_PERSONS}",
    ),
    Rule("titulaires_superieurs_aux_dossiers", "warn", "More titulaires than dossiers.", _SEEN),
    Rule("masque_avec_montant", "warn", "The counts are masked, but an amount is given.", _SEEN),
    Rule(
        "masque_avec_zero",
        "warn",
        "The dossiers are masked, and the mean price, the mean duration, or every number of some of the dossiers "
        "beside them is 0: a masked figure written as 0, by which bounds are too narrow.",
        _SEEN,
    ),
    Rule("effectif_avec_montant_masque", "warn", "The amount is masked, but a count is given.", _SEEN),
    Rule(
        "effectif_superieur_aux_dossiers",
        "warn",
        "More dossiers of known duration, or that one financer pays for, than dossiers.",
        _SEEN,
    ),
    Rule(
        "prix_hors_plage",
        "warn",
        "The mean price is outside the range of earlier releases.",
        _SEEN,
        "below the lowest or above the highest price of earlier releases",
        "sous le plus bas ou au-dessus du plus haut prix des publications d'avant",
    ),
)

RULES: Mapping[str, Rule] = {rule.name: rule for rule in TABLE}
"""Every rule by its name."""


def severity_of(name: str) -> Severity:
    """The severity of a rule; raises KeyError for a name that is none."""
    return RULES[name].severity
