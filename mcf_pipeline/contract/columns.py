"""The canonical columns: what each one is, and by which names a source may give it.

A new synonym is one word in the tables here. What does not belong here: the financers and what their columns are
called (`contract.financers`), and how a file's columns are matched against all of these (`contract.recognition`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Literal

from mcf_pipeline.contract.financers import AMOUNT_PREFIXES, COUNT_PREFIXES, FINANCER_TABLE
from mcf_pipeline.contract.text import singular, words

Kind = Literal["quarter", "text", "count", "amount", "decimal", "date", "marker"]

MEASURES: tuple[Kind, ...] = ("count", "amount", "decimal")
"""The kinds whose cells are figures."""

SYNTHETIC_VALUE = "oui"
"""What `donnees_synthetiques` holds in data that we made ourselves."""


@dataclass(frozen=True, slots=True)
class ColumnRule:
    """One canonical column.

    Attributes:
        name: canonical name.
        kind: what its cells are.
        required: a release without it is refused.
        description: in French, for the documentation.
        synonyms: other names, in any spelling; the name itself is always one.
        fallbacks: names that count only where no other column claims the rule: a code beside its label says
            the same thing twice, and is no ambiguity.
        financer: identifier of the financer, for `part_*` and `nb_dossiers_finances_par_*`.
    """

    name: str
    kind: Kind
    required: bool
    description: str
    synonyms: tuple[str, ...] = ()
    fallbacks: tuple[str, ...] = ()
    financer: str | None = None


def _plain_rules() -> tuple[ColumnRule, ...]:
    """The columns that are there once, not once per financer."""
    return (
        ColumnRule(
            "date_chargement",
            "date",
            False,
            "Date de chargement des données par le producteur.",
            ("date extraction", "date de mise à jour", "date maj", "date de publication"),
        ),
        ColumnRule(
            "trimestre",
            "quarter",
            True,
            "Trimestre d'entrée en formation, en une colonne.",
            (
                "trim",
                "trimestre entrée",
                "trimestre d'entrée en formation",
                "trimestre formation",
                "trimestre début formation",
                "trimestre année",
                "année trimestre",
                "année et trimestre",
                "année et trimestre d'entrée en formation",
                "date trimestre",
                "période",
                "période trimestre",
            ),
        ),
        ColumnRule(
            "annee",
            "quarter",
            False,
            "Année d'entrée en formation, quand le trimestre est donné en deux colonnes.",
            ("année d'entrée", "année d'entrée en formation", "année formation", "an"),
        ),
        ColumnRule(
            "numero_trimestre",
            "quarter",
            False,
            "Numéro du trimestre (1 à 4), quand le trimestre est donné en deux colonnes.",
            (
                "n° trimestre",
                "num trimestre",
                "no trimestre",
                "numéro du trimestre d'entrée en formation",
                "trimestre numéro",
            ),
        ),
        ColumnRule(
            "region",
            "text",
            True,
            "Région de résidence du titulaire.",
            (
                "région de résidence",
                "région domicile",
                "région habitation",
                "libellé région",
                "nom région",
                "région libellé",
                "libellé région résidence",
                "nom région résidence",
            ),
            fallbacks=(
                "code région",
                "code insee région",
                "code région résidence",
                "code officiel région",
                "nom officiel région",
                "région code",
            ),
        ),
        ColumnRule(
            "genre",
            "text",
            True,
            "Genre du titulaire.",
            ("sexe", "libellé genre", "libellé sexe", "civilité"),
        ),
        ColumnRule(
            "classe_age",
            "text",
            True,
            "Classe d'âge du titulaire.",
            (
                "tranche d'âge",
                "âge",
                "groupe d'âge",
                "catégorie d'âge",
                "libellé classe d'âge",
                "libellé tranche d'âge",
            ),
        ),
        ColumnRule(
            "situation",
            "text",
            True,
            "Situation : demandeur d'emploi, sinon catégorie socioprofessionnelle déclarée.",
            (
                "csp",
                "pcs",
                "catégorie socioprofessionnelle",
                "catégorie socio-pro",
                "profession et catégorie socioprofessionnelle",
                "csp déclarée",
                "situation professionnelle",
                "situation csp",
                "csp situation",
                "situation demandeur d'emploi ou csp",
                "libellé csp",
                "libellé situation",
            ),
        ),
        ColumnRule(
            "demandeur_emploi",
            "text",
            False,
            "Indicateur demandeur d'emploi (oui, non), quand la situation est donnée en deux colonnes.",
            (
                "indicateur demandeur d'emploi",
                "top demandeur d'emploi",
                "flag demandeur d'emploi",
                "statut demandeur d'emploi",
                "demandeur d'emploi oui non",
                "demandeur d'emploi o n",
            ),
        ),
        ColumnRule(
            "statut_dossier",
            "text",
            True,
            "Statut du dossier au jour de l'extraction.",
            (
                "statut",
                "état du dossier",
                "statut du dossier de formation",
                "libellé statut",
                "libellé statut dossier",
            ),
        ),
        ColumnRule(
            "nb_dossiers",
            "count",
            True,
            "Nombre de dossiers ; vide = masqué.",
            ("dossiers", "nombre de dossiers de formation", "nombre total de dossiers", "effectif dossiers"),
        ),
        ColumnRule(
            "nb_titulaires",
            "count",
            True,
            "Nombre de titulaires (stagiaires) ; vide = masqué. Ne s'additionne pas.",
            ("titulaires", "nombre de personnes", "nombre total de titulaires", "effectif titulaires"),
        ),
        ColumnRule(
            "montant_engage",
            "amount",
            True,
            "Montant engagé, en euros ; vide = masqué.",
            (
                "montant total engagé",
                "montant engagé total",
                "total montant engagé",
                "montant total",
                "somme engagée",
            ),
        ),
        ColumnRule(
            "prix_moyen",
            "decimal",
            False,
            "Prix moyen d'un dossier, en euros ; donné même quand la ligne est masquée.",
            (
                "prix moyen formation",
                "prix moyen dossier",
                "coût moyen",
                "coût moyen formation",
                "coût moyen dossier",
                "montant moyen",
                "montant moyen dossier",
            ),
        ),
        ColumnRule(
            "duree_moyenne",
            "decimal",
            False,
            "Durée moyenne, en heures, sur les dossiers dont la durée est connue.",
            (
                "durée moyenne formation",
                "durée moyenne dossier",
                "nombre moyen heures",
                "nombre heures moyen",
            ),
        ),
        ColumnRule(
            "nb_dossiers_a_duree_connue",
            "count",
            False,
            "Nombre de dossiers dont la durée est connue ; vide = masqué.",
            (
                "nombre de dossiers avec durée connue",
                "nombre de dossiers dont la durée est connue",
                "dossiers à durée connue",
            ),
        ),
        ColumnRule(
            "donnees_synthetiques",
            "marker",
            False,
            f"« {SYNTHETIC_VALUE} » si les données sont fabriquées ; jamais donné par le producteur.",
            ("données synthétiques",),
        ),
    )


def _financer_rules() -> list[ColumnRule]:
    rules = []
    for financer in FINANCER_TABLE:
        rules.append(
            ColumnRule(
                f"part_{financer.id}",
                "amount",
                False,
                f"Part du montant engagé : {financer.libelle}, en euros (non un taux) ; vide = masqué.",
                (
                    *(f"{prefix} {name}" for prefix in AMOUNT_PREFIXES for name in financer.names),
                    *financer.amounts,
                ),
                financer=financer.id,
            )
        )
    for financer in FINANCER_TABLE:
        rules.append(
            ColumnRule(
                f"nb_dossiers_finances_par_{financer.id}",
                "count",
                False,
                f"Nombre de dossiers auxquels contribue : {financer.libelle} ; vide = masqué.",
                tuple(f"{prefix} {name}" for prefix in COUNT_PREFIXES for name in financer.names),
                financer=financer.id,
            )
        )
    return rules


COLUMNS: Mapping[str, ColumnRule] = {rule.name: rule for rule in (*_plain_rules(), *_financer_rules())}
"""Every canonical column by name, in the order of `docs/contract.md`."""

DIMENSION_COLUMNS = ("region", "genre", "classe_age", "situation", "statut_dossier")
"""The columns that hold the five dimensions."""
PART_COLUMNS = tuple(f"part_{financer.id}" for financer in FINANCER_TABLE)
"""At least one of these must be there."""

_STOPWORDS = frozenset(
    singular(word)
    for word in "a au aux avec d de des du en est et l la le les ou par pour sur un une".split()  # noqa: SIM905
)
_ALIASES = {
    "nombre": "nb",
    "nbre": "nb",
    "nbr": "nb",
    "stagiaire": "titulaire",
    "usager": "titulaire",
    "beneficiaire": "titulaire",
    "financee": "finance",
    "engagee": "engage",
    "declaree": "declare",
    "renseignee": "renseigne",
    "cofinancee": "cofinance",
    "abondee": "abonde",
    "distincte": "distinct",
    "actuelle": "actuel",
    "moyenne": "moyen",
    "connu": "connue",
    "mediane": "median",
}
_UNITS = frozenset({"euro", "eur", "h", "heure"})
"""Words that only say the unit we expect anyway. Any other (%, k€, jours) hides the name, on purpose."""


def _spaced(name: str) -> str:
    spaced = re.sub(r"(?<=[a-zà-ÿ0-9])(?=[A-ZÀ-Þ][a-zà-ÿ])", " ", name[:500])
    spaced = re.sub(r"[kK]\s?€", " kiloeuro ", re.sub(r"[mM]\s?€", " million ", spaced))
    return spaced.replace("%", " pourcent ").replace("€", " euro ")


def raw_words(name: str) -> list[str]:
    """Every word of a name, those included that say nothing."""
    return [singular(word) for word in words(_spaced(name))]


def column_words(name: str, *, units: bool = False) -> list[str]:
    """The words of a column's name that say something, each in one spelling.

    Args:
        name: in any spelling.
        units: whether to keep the units at the end that we expect anyway.
    """
    found = [_ALIASES.get(word, word) for word in raw_words(name) if word not in _STOPWORDS]
    while not units and len(found) > 1 and found[-1] in _UNITS:
        found.pop()
    return found


def column_key(name: str) -> str:
    """What two names of one column have in common."""
    return "".join(column_words(name))


def kind_of(canonical: str) -> Kind:
    """What the cells of a canonical column are; raises KeyError for any other name."""
    return COLUMNS[canonical].kind


def is_money(canonical: str) -> bool:
    """Whether the cells of a canonical column are euros, and may say so."""
    return canonical == "prix_moyen" or COLUMNS[canonical].kind == "amount"


@cache
def names_by_key(*, fallbacks: bool = False) -> Mapping[str, str]:
    """Canonical column by the key of each of its names (or of each of its fallbacks)."""
    found: dict[str, str] = {}
    for rule in COLUMNS.values():
        for name in rule.fallbacks if fallbacks else (rule.name.replace("_", " "), *rule.synonyms):
            found[column_key(name)] = rule.name
            if rule.kind in {"text", "quarter"}:
                found.setdefault(column_key(f"{name} titulaire"), rule.name)
    return found
