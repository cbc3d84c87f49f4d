"""One valid row per model, written by hand, and what each model must say of its columns.

Written twice on purpose: a rule that is changed in a model has to be changed here too, with open eyes.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

import pandas as pd

from mcf_pipeline.schemas import documentation, lines, staging, warehouse
from mcf_pipeline.schemas.base import Table, schema_of
from mcf_pipeline_tests.schemas.figure_rows import figure_tables, rules

Row = dict[str, Any]


class Expected(NamedTuple):
    """What a model must hold to.

    Attributes:
        row: a valid row, its columns in the order of the table.
        key: columns that no two rows share.
        nullable: columns that may be empty.
        not_negative: columns that may be 0 and not less.
        shares: columns between 0 and 1.
        closed: values that a column with a closed list does not allow, and such as break a pattern or a minimum.
    """

    row: Row
    key: Sequence[str]
    nullable: Sequence[str] = ()
    not_negative: Sequence[str] = ()
    shares: Sequence[str] = ()
    closed: Mapping[str, Any] = {}


_LINE: Row = {
    "trimestre_id": "2024-T3",
    "region_id": "53",
    "genre_id": "femme",
    "classe_age_id": "25_a_39_ans",
    "situation_id": "employes",
    "statut_id": "valide",
}
_FIGURES: Row = {
    "nb_dossiers": 12,
    "nb_titulaires": 11,
    "montant_engage": Decimal("18000.05"),
    "prix_moyen": Decimal("1500.0042"),
    "duree_moyenne": Decimal("30.5000"),
    "nb_dossiers_a_duree_connue": 10,
}
_PART: Row = {"montant": Decimal("0.01"), "nb_dossiers_finances": 3}
_MODALITY: Row = {"libelle": "Femme", "est_connue": True}
_STATE: Row = {"valide_depuis": "2026-07-08", "valide_jusqua": "2026-10-08"}
_KEY = tuple(_LINE)

_FLAGS = ("est_clos", "est_commence", "est_annule", "est_abandon")
_RELEASES: Row = {"release_id": "2026-10-08", "release_id_debut_etat": "2026-07-08"}
_LABELS_KEY = ("trimestre_id", "region", "genre", "classe_age", "situation", "statut")
_LABELS: Row = dict(
    zip(_LABELS_KEY, ("2024-T3", "Bretagne", "Femme", "25 à 39 ans", "Employés", "Validé"), strict=True)
)
_CODES: Row = {
    "trimestre": "3e trimestre 2024",
    "annee": 2024,
    "code_region": "53",
    "est_demandeur_emploi": False,
    "famille_statut": "en_cours",
}
_CODES_NULLABLE = ("code_region", "est_demandeur_emploi", "famille_statut")

EXPECTED: dict[type[Table], Expected] = {
    staging.StgUsagers: Expected(
        {"release_id": "2026-10-08", **_LINE, "numero_ligne": 2, "est_masque": False, **_FIGURES},
        ("release_id", *_KEY),
        nullable=tuple(_FIGURES),
        not_negative=tuple(_FIGURES),
        closed={"numero_ligne": 1, "trimestre_id": "2024-T5"},
    ),
    staging.StgRejets: Expected(
        {
            "release_id": "2026-10-08",
            "numero_ligne": 2,
            "regle": "nombre_illisible",
            "colonne": "nb_dossiers",
            "trimestre_id": "2024-T3",
            "valeur": "douze",
            "ligne": '{"nb_dossiers": "douze"}',
        },
        ("release_id", "numero_ligne", "regle", "colonne"),
        nullable=("trimestre_id", "colonne", "valeur"),
        closed={"numero_ligne": 1},
    ),
    warehouse.DimTrimestre: Expected(
        {
            "trimestre_id": "2024-T3",
            "annee": 2024,
            "trimestre": 3,
            "date_debut": dt.date(2024, 7, 1),
            "date_fin": dt.date(2024, 9, 30),
            "libelle": "3e trimestre 2024",
        },
        ("trimestre_id",),
        closed={"trimestre": 5},
    ),
    warehouse.DimRegion: Expected(
        {
            "region_id": "53",
            "code_insee": "53",
            "ordre": 8,
            "iso_3166_2": "FR-BRE",
            "est_outre_mer": False,
            **_MODALITY,
        },
        ("region_id",),
        nullable=("code_insee", "ordre", "iso_3166_2", "est_outre_mer"),
    ),
    warehouse.DimGenre: Expected({"genre_id": "femme", "ordre": 1, **_MODALITY}, ("genre_id",), nullable=("ordre",)),
    warehouse.DimClasseAge: Expected(
        {"classe_age_id": "25_a_39_ans", "ordre": 25, "age_min": 25, "age_max": 39, **_MODALITY},
        ("classe_age_id",),
        nullable=("ordre", "age_min", "age_max"),
        not_negative=("age_min", "age_max"),
    ),
    warehouse.DimSituation: Expected(
        {"situation_id": "employes", "ordre": 6, "est_demandeur_emploi": False, "code_pcs": "5", **_MODALITY},
        ("situation_id",),
        nullable=("ordre", "est_demandeur_emploi", "code_pcs"),
    ),
    warehouse.DimStatut: Expected(
        {"statut_id": "valide", "ordre": 1, "famille": "en_cours", **dict.fromkeys(_FLAGS, False), **_MODALITY},
        ("statut_id",),
        nullable=("ordre", "famille", *_FLAGS),
        closed={"famille": "perdu"},
    ),
    warehouse.DimFinanceur: Expected({"financeur_id": "etat", "libelle": "État", "ordre": 3}, ("financeur_id",)),
    warehouse.DimRelease: Expected(
        {
            "release_id": "2026-10-08",
            "rang": 1,
            "date_release": dt.date(2026, 10, 8),
            "data_processed": dt.datetime(2026, 10, 8, 4, 12),
            "nb_lignes": 100,
            "nb_trimestres": 27,
            "sha256": "0" * 64,
            "origine": "https://portail.invalid/exports",
            "licence": "Licence Ouverte v2.0",
            "est_courante": True,
            "est_synthetique": False,
        },
        ("release_id",),
        nullable=("data_processed", "licence"),
        not_negative=("nb_lignes", "nb_trimestres"),
        closed={"rang": 0},
    ),
    warehouse.FctDossiers: Expected(
        {**_LINE, **_FIGURES, "est_masque": False, "release_id": "2026-10-08"},
        _KEY,
        nullable=tuple(_FIGURES),
        not_negative=tuple(_FIGURES),
    ),
    warehouse.FctFinancements: Expected(
        {**_LINE, "financeur_id": "etat", **_PART, "est_masque": False, "release_id": "2026-10-08"},
        (*_KEY, "financeur_id"),
        nullable=tuple(_PART),
        not_negative=tuple(_PART),
    ),
    warehouse.FctDossiersHistorique: Expected(
        {**_LINE, **_FIGURES, "est_masque": False, "release_id": "2026-07-08", **_STATE},
        (*_KEY, "valide_depuis"),
        nullable=(*_FIGURES, "valide_jusqua"),
        not_negative=tuple(_FIGURES),
    ),
    warehouse.FctFinancementsHistorique: Expected(
        {**_LINE, "financeur_id": "etat", **_PART, "est_masque": False, "release_id": "2026-07-08", **_STATE},
        (*_KEY, "financeur_id", "valide_depuis"),
        nullable=(*_PART, "valide_jusqua"),
        not_negative=tuple(_PART),
    ),
    warehouse.FctDossiersEtatsPasses: Expected(
        {**_LINE, **_FIGURES, "est_masque": False, "release_id": "2026-07-08", **_STATE},
        (*_KEY, "valide_depuis"),
        nullable=tuple(_FIGURES),
        not_negative=tuple(_FIGURES),
    ),
    warehouse.FctFinancementsEtatsPasses: Expected(
        {**_LINE, "financeur_id": "etat", **_PART, "est_masque": False, "release_id": "2026-07-08", **_STATE},
        (*_KEY, "financeur_id", "valide_depuis"),
        nullable=tuple(_PART),
        not_negative=tuple(_PART),
    ),
    **{model: Expected(**rules(model)) for model in figure_tables()},
    lines.VDossiers: Expected(
        {**_LABELS, **_CODES, **_FIGURES, "est_masque": False, **_RELEASES},
        _LABELS_KEY,
        nullable=(*_CODES_NULLABLE, *_FIGURES),
    ),
    lines.VFinancements: Expected(
        {**_LABELS, "financeur": "État", **_CODES, **_PART, "est_masque": False, **_RELEASES},
        (*_LABELS_KEY, "financeur"),
        nullable=(*_CODES_NULLABLE, *_PART),
    ),
    documentation.Dictionnaire: Expected(
        {
            "nom_table": "fct_dossiers",
            "nom_colonne": "nb_dossiers",
            "rang": 7,
            "type": "BIGINT",
            "unite": "dossiers",
            "description": "Nombre de dossiers.",
            "calcul": "somme.",
            "masquage": "vide.",
            "est_cle": False,
            "est_facultative": True,
            "reference": "dim_region",
            "exemple": "12",
        },
        ("nom_table", "nom_colonne"),
        nullable=("unite", "calcul", "masquage", "reference", "exemple"),
        closed={"rang": 0},
    ),
    documentation.MetaTables: Expected(
        {
            "nom_table": "fct_dossiers",
            "nature": "table",
            "description": "Une ligne par ligne.",
            "cle": "trimestre_id",
            "nb_lignes": 3,
        },
        ("nom_table",),
        nullable=("nb_lignes",),
        not_negative=("nb_lignes",),
        closed={"nature": "index"},
    ),
    documentation.MetaPublication: Expected(
        {
            "etat": "0" * 64,
            "mention": "Source : Caisse des Dépôts.",
            "release_id": "2026-10-08",
            "date_release": dt.date(2026, 10, 8),
            "licence": "Licence Ouverte 2.0",
            "est_synthetique": False,
            "version_mcf_pipeline": "0.1.0",
            "publie_le": dt.datetime(2026, 10, 8, 6, 0),
            "structure": "0" * 64,
        },
        ("etat",),
        nullable=("release_id", "date_release"),
    ),
    documentation.MetaFichiers: Expected(
        {"nom_table": "fct_dossiers", "trimestre_id": "2024-T3", "marque": "0" * 32}, ("nom_table", "trimestre_id")
    ),
}


def frame(model: type[Table], *rows: Row) -> pd.DataFrame:
    """Rows as a frame with the model's types; the model's own valid row if none is given."""
    columns = schema_of(model).columns
    rows = rows or (EXPECTED[model].row,)
    return pd.DataFrame(
        {name: pd.array([row[name] for row in rows], dtype=columns[name].dtype.type) for name in EXPECTED[model].row}
    )


def other_key(row: Row, key: str) -> Row:
    """The same row with another value in one column of its key."""
    value = row[key]
    if key == "trimestre_id":
        return row | {key: f"{int(value[:4]) + 1}{value[4:]}"}
    return row | {key: value + 1 if isinstance(value, int) else f"{value}x"}
