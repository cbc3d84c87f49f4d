"""The grammar of column names: head words name a column, qualifiers decide nothing, some words exclude.

`Libellé de la région de domiciliation du titulaire` has the head word of `region` and otherwise only qualifiers: it is
recognised. `Région de l'organisme` has a word that excludes: never. A name with a head word and a word that nobody
knows is only a candidate; its values decide (`contract.recognition`).

The words are those of the publisher's own pages and of its sibling dataset, and what such files are called elsewhere.
A new word is one entry here. What does not belong here: values, and which of two candidates wins.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from mcf_pipeline.contract.columns import COLUMNS, MEASURES, column_words, raw_words
from mcf_pipeline.contract.financers import FINANCER_TABLE

Words = frozenset[str]


def _set(text: str) -> Words:
    return frozenset(text.split())


UNITS: Words = _set("euro eur h heure")
"""Units that we expect anyway."""
OTHER_UNITS: Words = _set(
    "pourcent pourcentage pct taux ratio indice kiloeuro millier million milliard centime jour minute seconde semaine "
    "mois k ke meur keur"
)
"""Units that change a figure's meaning; `[units]` in the source map takes such a column knowingly."""

_UNIT_WORDS = {
    "pourcent": _set("pourcent pourcentage pct taux"),
    "ratio": _set("ratio"),
    "milliers": _set("kiloeuro millier k ke keur"),
    "millions": _set("million meur"),
    "centimes": _set("centime"),
    "minutes": _set("minute"),
}

_ENTRY = "entreeformation"
"""`entrée en formation` as one word: beside a region, `formation` alone is the place of the training."""
_PERSON = _set(
    "residence domicile domiciliation habitation habitat titulaire personne individu libelle nom intitule lib "
    "declare renseigne actuel modalite entree"
) | {_ENTRY}
_CODES = _set("code insee officiel id identifiant iso")
"""Qualifiers of a column that says by a code what another says in words: it counts where it is alone."""
_OF_A_COUNT = _set("nb total effectif volume formation somme")
_OF_AN_AMOUNT = _set("montant total somme formation cpf ttc")
_TIME = _set("entree formation debut date premier jour civil calendaire") | {_ENTRY}

NEVER = OTHER_UNITS - {"jour"} | _set(
    "cumul cumule evolution variation rang hors dont median mediane minimum maximum min max ecart type previsionnel "
    "prevision estime estimation theorique rembourse annule refuse plafond precedent ancien nouveau"
)
_ELSEWHERE = _set(
    "lieu organisme of formation etablissement siege employeur entreprise travail naissance dispensateur session "
    "departement commune academie"
)
_NO_MODALITY = _set("nb montant part taux moyen prix duree cout date reste charge")
_NO_COUNT = _set(
    "id identifiant numero code libelle statut etat date age region genre sexe csp situation moyen prix montant part "
    "reste charge duree cout par duplique abandonne"
)
_OTHER_DAYS = _set("validation sortie fin paiement facturation cloture chargement extraction publication maj")


@dataclass(frozen=True, slots=True)
class Grammar:
    """How one canonical column may be called.

    Attributes:
        heads: each alone names the column; the longest that fits a name counts.
        weak: heads that say too little; the values have to agree.
        qualifiers: words beside a head that decide nothing.
        excluding: words with which a name is never this column's.
    """

    heads: tuple[Words, ...]
    qualifiers: Words
    excluding: Words
    weak: tuple[Words, ...] = ()


@dataclass(frozen=True, slots=True)
class Reading:
    """What a name says.

    Attributes:
        canonical: the column.
        unknown: words that nobody knows; with any, or with a weak head, the values have to agree.
        is_weak: whether the head itself says too little.
        is_code: whether it counts only where nothing else claims the column.
    """

    canonical: str
    unknown: tuple[str, ...] = ()
    is_weak: bool = False
    is_code: bool = False

    @property
    def is_certain(self) -> bool:
        """Whether the name alone decides."""
        return not self.unknown and not self.is_weak


def _heads(*names: str) -> tuple[Words, ...]:
    return tuple(dict.fromkeys(_tokens(name) for name in names))


def _tokens(name: str) -> Words:
    joined: list[str] = []
    for word in column_words(name, units=True):
        if word == "formation" and joined and joined[-1] == "entree":
            joined[-1] = _ENTRY
        else:
            joined.append(word)
    return frozenset(joined)


_MORE: dict[str, Grammar] = {
    "trimestre": Grammar(
        _heads("trimestre", "trim", "période", "année trimestre", "année trim"),
        _TIME | {"annee", "an", "aaaa", "libelle"},
        _OTHER_DAYS | _NO_MODALITY - {"date"} | {"numero"},
        _heads("date entrée", "date d'entrée en formation", "date début", "mois entrée"),
    ),
    "annee": Grammar(_heads("année", "an", "millésime"), _TIME - {"date"}, _OTHER_DAYS | _NO_MODALITY),
    "numero_trimestre": Grammar(
        _heads("numéro trimestre", "num trimestre", "no trimestre", "n trimestre"),
        _TIME | {"annee"},
        _OTHER_DAYS | _NO_MODALITY - {"date"},
    ),
    "region": Grammar(_heads("région"), _PERSON | _CODES, _ELSEWHERE | _NO_MODALITY | {"conseil"}),
    "genre": Grammar(
        _heads("genre", "sexe", "civilité"),
        _PERSON | _set("homme femme f m") | {"h"},
        _ELSEWHERE | _NO_MODALITY,
    ),
    "classe_age": Grammar(
        _heads("âge", "classe âge", "tranche âge", "groupe âge", "catégorie âge"),
        _PERSON | _set("classe tranche groupe categorie an"),
        _ELSEWHERE | _NO_MODALITY,
    ),
    "situation": Grammar(
        _heads(
            "situation",
            "csp",
            "pcs",
            "catégorie socioprofessionnelle",
            "catégorie socio professionnelle",
            "catégorie professionnelle",
        ),
        _PERSON | _set("professionnelle professionnel profession demandeur emploi categorie pcs csp"),
        _ELSEWHERE | _NO_MODALITY,
    ),
    "demandeur_emploi": Grammar(
        _heads("demandeur emploi"),
        _PERSON | _set("indicateur indicatrice top flag statut oui non o n booleen inscrit"),
        _ELSEWHERE | _NO_MODALITY,
    ),
    "statut_dossier": Grammar(
        _heads("statut", "état dossier", "statut dossier"),
        _PERSON | _set("dossier formation avancement etat"),
        _ELSEWHERE - {"formation"} | _NO_MODALITY | {"demandeur"},
    ),
    "nb_dossiers": Grammar(_heads("dossiers", "nb dossiers"), _OF_A_COUNT, _NO_COUNT),
    "nb_titulaires": Grammar(
        _heads("titulaires", "nb titulaires", "personnes", "nb personnes"),
        _OF_A_COUNT | _set("distinct unique physique different titulaire personne"),
        _NO_COUNT | _ELSEWHERE - {"formation"},
    ),
    "montant_engage": Grammar(
        _heads("montant engagé", "somme engagée", "montant engagement", "total engagé", "montant total"),
        _OF_AN_AMOUNT | _set("engagement engage dossier"),
        _NO_COUNT - {"montant"} | {"prise", "finance", "contribution", "abondement"},
        _heads("montant", "engagements"),
    ),
    "prix_moyen": Grammar(
        _heads("prix moyen", "coût moyen", "montant moyen"),
        _set("formation dossier unitaire moyen"),
        _set("horaire heure titulaire personne reste charge part nb"),
    ),
    "duree_moyenne": Grammar(
        _heads("durée moyenne", "nombre moyen heures", "heures moyennes"),
        _set("formation dossier nb"),
        _set("jour prix montant cout"),
    ),
    "nb_dossiers_a_duree_connue": Grammar(_heads("dossiers durée connue"), _OF_A_COUNT, _set("moyen prix montant")),
    "date_chargement": Grammar(
        _heads("date chargement", "date extraction", "date mise à jour", "date maj", "date publication"),
        _set("donnee fichier derniere dernier dataset jour"),
        _set("validation entree sortie"),
    ),
}
_ALLOWED_PAR = {"prix_moyen"}
_ALLOWED_DONT = {"nb_dossiers_a_duree_connue"}

_GIVES = ("part", "montant", "financement", "abondement", "contribution", "participation", "prise en charge")
_GIVES_MORE = _set("part montant financement finance abondement abonde contribution participation") | (
    _set("prise pris charge engage total cofinancement cofinance somme")
)
_COUNTED = ("financés", "cofinancés", "financement", "abondés", "abondement", "pris en charge", "cofinancement")


def _of_financers() -> dict[str, Grammar]:
    found: dict[str, Grammar] = {}
    for financer in FINANCER_TABLE:
        amounts = [f"{word} {name}" for word in _GIVES for name in financer.names]
        counts = [
            f"{dossiers} {word} {name}"
            for word in _COUNTED
            for name in financer.names
            for dossiers in ("dossiers", "nb")
        ]
        found[f"part_{financer.id}"] = Grammar(
            _heads(*amounts, *financer.amounts), _GIVES_MORE, _set("dossier nb moyen prix duree age")
        )
        found[f"nb_dossiers_finances_par_{financer.id}"] = Grammar(
            _heads(*counts),
            _OF_A_COUNT | _set("dossier finance cofinance abonde pris charge financement"),
            _set("montant part moyen prix duree"),
        )
    return found


@cache
def grammar() -> dict[str, Grammar]:
    """The grammar of every column, by canonical name."""
    return {name: found for name, found in (_MORE | _of_financers()).items() if name in COLUMNS}


def read_name(name: str, *, units_known: bool = False) -> Reading | None:
    """What a column's name says by the grammar, or None.

    Args:
        name: as the file or the portal gives it.
        units_known: whether the unit is settled elsewhere, so that ``(%)`` and ``(k€)`` do not exclude.
    """
    tokens = _tokens(name)
    raw = frozenset(raw_words(name))
    if units_known:
        tokens -= OTHER_UNITS
    never = tokens & (NEVER - OTHER_UNITS if units_known else NEVER)
    if not tokens or len(tokens) > 15:
        return None
    found: list[tuple[tuple[bool, int, int], Reading]] = []
    for canonical, rule in grammar().items():
        kind = COLUMNS[canonical].kind
        par = "par" in raw and kind in MEASURES and not COLUMNS[canonical].financer and canonical not in _ALLOWED_PAR
        excluded = never - ({"dont"} if canonical in _ALLOWED_DONT else set())
        for is_weak, heads in ((False, rule.heads), (True, rule.weak)):
            fitting = [head for head in heads if head <= tokens]
            if not fitting:
                continue
            head = max(fitting, key=len)
            if par or (rule.excluding | excluded) & (tokens - head):
                continue
            unknown = tokens - head - rule.qualifiers - UNITS - {"dont"}
            is_code = kind == "text" and bool((tokens - head) & _CODES)
            reading = Reading(canonical, tuple(sorted(unknown)), is_weak, is_code)
            found.append(((reading.is_certain, len(head), -len(unknown)), reading))
            break
    if not found:
        return None
    best = max(rank for rank, _ in found)
    winners = [reading for rank, reading in found if rank == best]
    return winners[0] if len(winners) == 1 else None


def other_unit(name: str) -> bool:
    """Whether a name says a unit in which its figures are not what the contract wants."""
    return bool(_tokens(name) & OTHER_UNITS)


def unit_in(name: str) -> str | None:
    """The unit of `[units]` that a column's name says, or None."""
    tokens = _tokens(name)
    for unit, called in _UNIT_WORDS.items():
        if tokens & called:
            return unit
    return None
