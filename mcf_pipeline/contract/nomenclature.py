"""The known modalities of the five dimensions: identifiers, labels, attributes, other spellings.

A new spelling or a new modality is one line here. What does not belong here: how a text meets a modality
(`contract.modalities`).

Sources: regions, INSEE code officiel géographique 2024; ISO 3166-2:FR as of its change of November 2020
(Corse became FR-20R, the overseas regions their departments' numbers); professions, INSEE PCS 2003, level 1;
statuses, the exact texts of the sibling dataset *formations engagées*.
"""

from __future__ import annotations

from typing import NamedTuple

Value = str | int | bool | None

LAST = 999
"""`ordre` of what is not given: after everything that has an order."""


class Known(NamedTuple):
    """A known modality.

    Attributes:
        id: identifier, the key in the warehouse.
        libelle: clear French label.
        attributes: the other columns of its dimension.
        spellings: other texts that mean it; its id and label always do.
    """

    id: str
    libelle: str
    attributes: dict[str, Value]
    spellings: tuple[str, ...] = ()


def _region(code: str, libelle: str, iso: str, *spellings: str, outre_mer: bool = False) -> Known:
    attributes: dict[str, Value] = {"code_insee": code, "iso_3166_2": iso, "est_outre_mer": outre_mer}
    return Known(code, libelle, attributes, (iso, *spellings))


def _ordered(known: tuple[Known, ...]) -> tuple[Known, ...]:
    """The same with their place in this list as `ordre`: regions sort by INSEE's code, those overseas after."""
    return tuple(k._replace(attributes={"ordre": place, **k.attributes}) for place, k in enumerate(known, start=1))


# The one-digit spellings are codes whose leading zero was lost in a numeric column.
REGIONS = _ordered(
    (
        _region("11", "Île-de-France", "FR-IDF", "IDF", "Région parisienne"),
        _region("24", "Centre-Val de Loire", "FR-CVL", "Centre", "CVL"),
        _region("27", "Bourgogne-Franche-Comté", "FR-BFC", "BFC"),
        _region("28", "Normandie", "FR-NOR"),
        _region("32", "Hauts-de-France", "FR-HDF", "HDF"),
        _region("44", "Grand Est", "FR-GES"),
        _region("52", "Pays de la Loire", "FR-PDL", "PDL"),
        _region("53", "Bretagne", "FR-BRE"),
        _region("75", "Nouvelle-Aquitaine", "FR-NAQ"),
        _region("76", "Occitanie", "FR-OCC", "Occitanie / Pyrénées-Méditerranée"),
        _region("84", "Auvergne-Rhône-Alpes", "FR-ARA", "ARA", "AURA"),
        _region("93", "Provence-Alpes-Côte d'Azur", "FR-PAC", "PACA", "Région Sud", "Sud Provence-Alpes-Côte d'Azur"),
        _region("94", "Corse", "FR-20R", "Collectivité de Corse", "FR-COR"),
        _region("01", "Guadeloupe", "FR-971", "1", "FR-GP", "FR-GUA", outre_mer=True),
        _region("02", "Martinique", "FR-972", "2", "FR-MQ", outre_mer=True),
        _region("03", "Guyane", "FR-973", "3", "Guyane française", "FR-GF", outre_mer=True),
        _region("04", "La Réunion", "FR-974", "4", "Réunion", "Île de la Réunion", "FR-RE", outre_mer=True),
        _region("06", "Mayotte", "FR-976", "6", "FR-YT", "FR-MAY", outre_mer=True),
    )
)

# INSEE's codes 1 and 2 are left out: nothing says that the source would mean INSEE's.
GENRES = _ordered(
    (
        Known("femme", "Femme", {}, ("F", "Féminin", "Female", "Mme", "Madame", "Woman")),
        Known("homme", "Homme", {}, ("H", "M", "Masculin", "Male", "Mr", "Monsieur", "Man")),
    )
)


def _age(id_: str, libelle: str, age_min: int | None, age_max: int | None, *spellings: str) -> Known:
    return Known(id_, libelle, age_attributes(age_min, age_max), spellings)


def age_attributes(age_min: int | None, age_max: int | None) -> dict[str, Value]:
    """Ages, inclusive, None = open; `ordre` is the lowest age: unknown classes sort among known ones."""
    return {"ordre": age_min or 0, "age_min": age_min, "age_max": age_max}


CLASSES_AGE = (
    _age("moins_de_25_ans", "Moins de 25 ans", None, 24),
    _age("25_a_39_ans", "25 à 39 ans", 25, 39),
    _age("40_a_49_ans", "40 à 49 ans", 40, 49),
    _age("50_ans_et_plus", "50 ans et plus", 50, None),
)


def _situation(ordre: int, id_: str, libelle: str, pcs: str | None, *spellings: str) -> Known:
    attributes: dict[str, Value] = {"ordre": ordre, "est_demandeur_emploi": pcs is None, "code_pcs": pcs}
    return Known(id_, libelle, attributes, spellings)


SITUATIONS = (
    _situation(
        1,
        "demandeur_emploi",
        "Demandeur d'emploi",
        None,
        "DE",
        "En recherche d'emploi",
        "Recherche d'emploi",
        "Demandeuse d'emploi",
        "Inscrit à Pôle emploi",
        "Inscrit à France Travail",
        "Chômeur",
    ),
    _situation(
        2,
        "agriculteurs_exploitants",
        "Agriculteurs exploitants",
        "1",
        "Agriculteurs",
        "Exploitants agricoles",
    ),
    _situation(
        3,
        "artisans_commercants_chefs_entreprise",
        "Artisans, commerçants et chefs d'entreprise",
        "2",
        "Artisans, commerçants, chefs d'entreprise",
        "Artisan, commerçant ou chef d'entreprise",
        "Artisans, commerçants et chefs d'entreprises",
    ),
    _situation(
        4,
        "cadres",
        "Cadres et professions intellectuelles supérieures",
        "3",
        "Cadre",
        "Cadres, professions intellectuelles supérieures",
        "Cadres et prof. intellectuelles supérieures",
        "CPIS",
    ),
    _situation(5, "professions_intermediaires", "Professions intermédiaires", "4", "Prof. intermédiaires"),
    _situation(6, "employes", "Employés", "5", "Employées", "Employés et employées"),
    _situation(7, "ouvriers", "Ouvriers", "6", "Ouvrières"),
    _situation(8, "retraites", "Retraités", "7", "Retraitées"),
    _situation(
        9,
        "autres_sans_activite",
        "Autres personnes sans activité professionnelle",
        "8",
        "Sans activité professionnelle",
        "Autres sans activité",
        "Autres inactifs",
        "Inactifs",
    ),
)


BEGUN = {"entree_en_formation", "sortie_de_formation", "realisation_totale", "realisation_partielle"}
"""Statuses that a dossier has only if its holder entered the training; of one that was cancelled it is not known."""
ABANDONED = {"realisation_partielle", "annule_titulaire", "annule_of"}
"""Statuses of a training that was agreed and did not go to its end."""


STATUS_FLAGS = ("est_clos", "est_commence", "est_annule", "est_abandon")
"""What follows from a status, and is not known of one that nobody knows."""


def _statut(ordre: int, id_: str, libelle: str, famille: str, *spellings: str) -> Known:
    attributes: dict[str, Value] = {
        "ordre": ordre,
        "famille": famille,
        "est_clos": famille != "en_cours",
        "est_commence": id_ in BEGUN,
        "est_annule": famille in ("annule", "rejete"),
        "est_abandon": id_ in ABANDONED,
    }
    return Known(id_, libelle, attributes, spellings)


STATUTS = (
    _statut(1, "valide", "Validé", "en_cours", "Dossier validé", "Validée"),
    _statut(2, "entree_en_formation", "Entrée en formation", "en_cours", "Entré en formation", "En formation"),
    _statut(3, "sortie_de_formation", "Sortie de formation", "en_cours", "Sorti de formation"),
    _statut(
        4,
        "realisation_totale",
        "Clos - Réalisation Totale",
        "realise",
        "Réalisation totale",
        "Réalisé totalement",
        "Clos - Réalisé totalement",
        "Totalement réalisé",
    ),
    _statut(
        5,
        "realisation_partielle",
        "Clos - Réalisation Partielle",
        "partiel",
        "Réalisation partielle",
        "Réalisé partiellement",
        "Clos - Réalisé partiellement",
        "Partiellement réalisé",
    ),
    _statut(
        6,
        "annule_titulaire",
        "Clos - Non Réalisé annulé titulaire",
        "annule",
        "Non réalisé annulé titulaire",
        "Non réalisé - annulé par le titulaire",
        "Clos - Non réalisé - annulé par le titulaire",
        "Annulé par le titulaire",
        "Annulation titulaire",
        "Dossier annulé titulaire",
    ),
    _statut(
        7,
        "annule_of",
        "Clos - Non Réalisé annulé OF",
        "annule",
        "Non réalisé annulé OF",
        "Non réalisé - annulé par l'OF",
        "Clos - Non réalisé - annulé par l'organisme de formation",
        "Annulé par l'organisme de formation",
        "Annulé par l'OF",
        "Annulé organisme de formation",
        "Annulation OF",
        "Dossier annulé OF",
    ),
    _statut(
        8,
        "annule_gestionnaire",
        "Dossier annulé gestionnaire",
        "annule",
        "Annulé par le gestionnaire",
        "Annulation gestionnaire",
        "Dossier annulé par le gestionnaire",
    ),
    _statut(9, "rejete", "Rejeté", "rejete", "Dossier rejeté", "Rejetée"),
)

NOT_GIVEN = (
    "-1",
    "",
    "-",
    "--",
    "---",
    "?",
    ".",
    "NA",
    "N/A",
    "#N/A",
    "N.A.",
    "ND",
    "N/D",
    "#N/D",
    "N.D.",
    "NC",
    "N/C",
    "NR",
    "N/R",
    "null",
    "None",
    "NaN",
    "(vide)",
    "vide",
    "Non renseigné",
    "Non renseignée",
    "Pas renseigné",
    "Non communiqué",
    "Non communiquée",
    "Non précisé",
    "Non précisée",
    "Non déclaré",
    "Non déclarée",
    "Non spécifié",
    "Non déterminé",
    "Non déterminée",
    "Non disponible",
    "Non connu",
    "Non connue",
    "Indéterminé",
    "Indéterminée",
    "Inconnu",
    "Inconnue",
    "Manquant",
    "Manquante",
)
"""Texts that say that a dimension was not given; in every dimension alike."""
