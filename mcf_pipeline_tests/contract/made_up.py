"""Small releases that are made up, good ones of every kind that we can think of; a test damages them in one way.

Every line says that it is synthetic (`donnees_synthetiques`), as all data that we make does. What does not belong here:
the damage (`damages`), and the large sample (`mcf_pipeline.sample`).
"""

from __future__ import annotations

import itertools
import random
from dataclasses import dataclass, field
from decimal import Decimal

Line = dict[str, str]

REGIONS = (
    *("Île-de-France", "Centre-Val de Loire", "Bourgogne-Franche-Comté", "Normandie", "Hauts-de-France", "Grand Est"),
    *("Pays de la Loire", "Bretagne", "Nouvelle-Aquitaine", "Occitanie", "Auvergne-Rhône-Alpes", "Corse"),
    *("Provence-Alpes-Côte d'Azur", "Guadeloupe", "Martinique", "Guyane", "La Réunion", "Mayotte"),
)
GENRES = ("Femme", "Homme")
AGES = ("Moins de 25 ans", "25 à 39 ans", "40 à 49 ans", "50 ans et plus")
SITUATIONS = (
    *("Demandeur d'emploi", "Employés", "Ouvriers", "Professions intermédiaires", "Agriculteurs exploitants"),
    "Cadres et professions intellectuelles supérieures",
)
STATUSES = (
    *("Clos - Réalisation Totale", "Clos - Réalisation Partielle", "Clos - Non Réalisé annulé titulaire"),
    *("Clos - Non Réalisé annulé OF", "Entrée en formation", "Dossier annulé gestionnaire"),
)
DIMENSIONS = ("region", "genre", "classe_age", "situation", "statut_dossier")
PARTS = ("part_france_competences", "part_titulaire", "part_etat", "part_pole_emploi", "part_opco")
COUNTS = ("nb_dossiers", "nb_titulaires", "nb_dossiers_a_duree_connue")
AMOUNTS = ("montant_engage", *PARTS)
COLUMNS = ("donnees_synthetiques", "trimestre", *DIMENSIONS, *COUNTS, "prix_moyen", "duree_moyenne", *AMOUNTS)


@dataclass(frozen=True, slots=True)
class Style:
    """How a good release may be.

    Attributes:
        quarters: how many, from 2024-T1 on.
        regions: how many.
        masks: share of the small lines that are masked; the publisher masks all.
        mask: what a masked cell holds.
        decimals: of amounts.
        price_decimals: of the mean price.
        comma: whether a comma stands before decimals.
        spaces: whether spaces stand between thousands.
        not_given: what "not given" is, by dimension, and in which share of the lines.
        unknown: a modality that nobody knows, by dimension.
        zeros: real lines of 0 dossiers, without a mean price.
        broken: share of the lines whose figures do not fit together.
        without: columns that are not there.
        even: whether women and men are as many, which makes each half of the whole.
    """

    quarters: int = 3
    regions: int = 4
    masks: float = 1.0
    mask: str = ""
    decimals: int = 2
    price_decimals: int = 2
    comma: bool = False
    spaces: bool = False
    not_given: dict[str, tuple[str, float]] = field(default_factory=dict)
    unknown: dict[str, str] = field(default_factory=dict)
    zeros: int = 0
    broken: float = 0.0
    without: tuple[str, ...] = ()
    even: bool = False


def any_style(rng: random.Random) -> Style:
    """A style by chance, each as good as any other."""
    not_given = {
        name: (rng.choice(("", "-1", "Non renseigné", "NR")), rng.uniform(0.01, 0.3))
        for name in DIMENSIONS
        if rng.random() < 0.3
    }
    unknown = {
        name: text
        for name, text in (
            ("region", "Étranger"),
            ("situation", "Indépendants"),
            ("statut_dossier", "Clos - Service fait"),
            ("classe_age", "60 ans et plus"),
        )
        if rng.random() < 0.25
    }
    return Style(
        quarters=rng.randint(1, 3),
        regions=rng.randint(1, 5),
        masks=rng.choice((1.0, 1.0, 0.6, 0.0)),
        mask=rng.choice(("", "", "s", "nd", "<5", "NaN", "-")),
        decimals=rng.choice((2, 2, 2, 0, 1)),
        price_decimals=rng.choice((2, 2, 0, 3, 6)),
        comma=rng.random() < 0.3,
        spaces=rng.random() < 0.2,
        not_given=not_given,
        unknown=unknown,
        zeros=rng.choice((0, 0, 3, 20)),
        broken=rng.choice((0.0, 0.0, 0.02, 0.2, 0.5)),
        without=tuple(
            name
            for name in ("prix_moyen", "duree_moyenne", "nb_dossiers_a_duree_connue", *PARTS[1:])
            if rng.random() < 0.12
        ),
        even=rng.random() < 0.2,
    )


def release(rng: random.Random, style: Style | None = None) -> list[Line]:
    """The lines of a good release, in any order."""
    style = style or Style()
    lines = []
    level = rng.uniform(5, 60)
    regions = [*rng.sample(REGIONS, style.regions), *([style.unknown["region"]] if "region" in style.unknown else [])]
    sizes = {region: rng.lognormvariate(0, 1) for region in regions}
    others = [
        [*known, *([style.unknown[name]] if name in style.unknown else [])]
        for name, known in (
            ("genre", GENRES),
            ("classe_age", AGES),
            ("situation", SITUATIONS[: rng.randint(2, 6)]),
            ("statut_dossier", STATUSES[: rng.randint(2, 6)]),
        )
    ]
    for quarter in range(style.quarters):
        trimestre = f"{2024 + quarter // 4}-T{quarter % 4 + 1}"
        for region in regions:
            for rest in itertools.product(*others):
                if rng.random() < 0.25:
                    continue
                key = dict(zip(DIMENSIONS, (region, *rest), strict=True))
                for name, (text, share) in style.not_given.items():
                    if rng.random() < share:
                        key[name] = text
                lines.append({"trimestre": trimestre, **key, **_figures(rng, style, level * sizes[region])})
    for line in lines[: style.zeros]:
        line |= dict.fromkeys((*COUNTS, *AMOUNTS), "0") | {"prix_moyen": "", "duree_moyenne": ""}
    lines = list({tuple(line[name] for name in ("trimestre", *DIMENSIONS)): line for line in lines}.values())
    rng.shuffle(lines)
    columns = [name for name in COLUMNS if name not in style.without]
    return [{name: line.get(name, "oui") for name in columns} for line in lines]


def _figures(rng: random.Random, style: Style, level: float) -> Line:
    dossiers = max(1, int(rng.lognormvariate(0, 1.2) * level))
    if style.even and dossiers % 2:
        dossiers += 1
    price = Decimal(f"{rng.uniform(400, 3500):.6f}")
    unit = Decimal(1).scaleb(-style.decimals)
    amount = (price * dossiers).quantize(unit)
    titulaire, state, travail, opco = (
        (amount * Decimal(f"{rng.uniform(0, most):.4f}")).quantize(unit) if rng.random() < often else Decimal(0)
        for most, often in ((0.1, 0.9), (0.02, 0.2), (0.1, 0.3), (0.02, 0.2))
    )
    figures = {
        "nb_dossiers": Decimal(dossiers),
        "nb_titulaires": Decimal(max(1, dossiers - dossiers // 9)),
        "nb_dossiers_a_duree_connue": Decimal(max(1, dossiers - dossiers // 20)),
        "montant_engage": amount,
        "part_france_competences": amount - titulaire - state - travail - opco,
        "part_titulaire": titulaire,
        "part_etat": state,
        "part_pole_emploi": travail,
        "part_opco": opco,
    }
    if rng.random() < style.broken:
        figures["montant_engage"] = (amount * Decimal(f"{rng.uniform(0.7, 1.4):.3f}")).quantize(unit)
    told = {name: _written(value, style) for name, value in figures.items()}
    if dossiers < 5 and rng.random() < style.masks:
        told = dict.fromkeys(told, style.mask)
    mean = price.quantize(Decimal(1).scaleb(-style.price_decimals))
    return told | {
        "prix_moyen": _written(mean, style),
        "duree_moyenne": _written(Decimal(f"{rng.uniform(10, 90):.2f}"), style),
    }


def _written(value: Decimal, style: Style) -> str:
    text = f"{value:,f}".replace(",", "\u202f" if style.spaces else "")
    return text.replace(".", ",") if style.comma else text


def csv(lines: list[Line]) -> bytes:
    """Lines as a file."""
    columns = list(lines[0])
    return "\n".join(";".join(row) for row in (columns, *(line.values() for line in lines))).encode() + b"\n"
