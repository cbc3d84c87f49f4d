"""The marts under column names that they had once, for queries written then; they will go.

`release_id` there is the release in which a state began, and the three counts of `mart_qualite` are of lines.

What does not belong here: any column that has no former name.
"""

from __future__ import annotations

from typing import Annotated, Any

import pandas as pd

from mcf_pipeline.schemas.base import Table, column, describe, schema_of
from mcf_pipeline.schemas.financing import MartFinancement
from mcf_pipeline.schemas.marts import (
    MartProfil,
    MartQualite,
    MartRegion,
    MartStatut,
    MartTrimestre,
)

_RELEASE = {"release_id": "release_id_debut_etat"}
RENAMED: dict[type[Table], dict[str, str]] = {
    MartTrimestre: _RELEASE,
    MartRegion: _RELEASE,
    MartProfil: _RELEASE,
    MartFinancement: _RELEASE,
    MartStatut: _RELEASE,
    MartQualite: {
        **_RELEASE,
        "nb_dossiers_masques": "nb_lignes_dossiers_masques",
        "nb_titulaires_masques": "nb_lignes_titulaires_masques",
        "nb_montants_masques": "nb_lignes_montants_masques",
    },
}
"""By mart, today's name of each column that had another."""


def _former(mart: type[Table], names: dict[str, str]) -> type[Table]:
    """The model of a mart under its former names; types, descriptions and rules are the mart's own."""
    spec, schema = describe(mart), schema_of(mart)
    former = {new: old for old, new in names.items()}
    annotations: dict[str, Any] = {}
    fields: dict[str, Any] = {}
    for found in spec.columns:
        name = former.get(found.name, found.name)
        annotations[name] = Annotated[pd.ArrowDtype, schema.columns[found.name].dtype.type.pyarrow_dtype]
        fields[name] = column(
            found.description if name == found.name else f"Ancien nom de `{found.name}` : {found.description}",
            unit=found.unit,
            computed=found.computed,
            masking=found.masking,
            references=found.references,
            nullable=found.nullable,
        )
    config = {
        "name": f"ancien_{spec.name}",
        "description": f"`{spec.name}` sous d'anciens noms de colonnes, pour les requêtes déjà écrites. Cette vue sera "
        f"supprimée : prenez `{spec.name}`.",
        "unique": list(spec.key),
    }
    body = {"__annotations__": annotations, "__module__": __name__, "__doc__": f"`{spec.name}` under its former names."}
    return type(f"Ancien{mart.__name__}", (Table,), {**body, **fields, "Config": type("Config", (), config)})


FORMER: tuple[type[Table], ...] = tuple(_former(mart, names) for mart, names in RENAMED.items())
