"""The dimensions: the modalities we know, and those that only the data has.

The known ones are there from the start, so that a mart can join them whatever was built before; a modality
that only the data has gets its row (`est_connue = false`) once the quarters are written.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

import pandas as pd

from mcf_pipeline.archive.timeline import Timeline
from mcf_pipeline.contract.financers import FINANCER_ROWS
from mcf_pipeline.contract.lines import validate
from mcf_pipeline.contract.modalities import KNOWN, Modality, resolve
from mcf_pipeline.contract.source_map import SourceMap
from mcf_pipeline.quarter import Quarter
from mcf_pipeline.schemas.base import Table, describe, schema_of
from mcf_pipeline.schemas.warehouse import (
    DimClasseAge,
    DimFinanceur,
    DimGenre,
    DimRegion,
    DimRelease,
    DimSituation,
    DimStatut,
    DimTrimestre,
)

if TYPE_CHECKING:
    import duckdb

MODALITY_DIMENSIONS: dict[str, type[Table]] = {
    "region": DimRegion,
    "genre": DimGenre,
    "classe_age": DimClasseAge,
    "situation": DimSituation,
    "statut": DimStatut,
}
"""The dimensions whose modalities come from the source's text, by their name in the contract."""


def frame_of(model: type[Table], rows: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
    """Rows as a validated frame of a model; a column that a row lacks is empty."""
    spec, schema = describe(model), schema_of(model)
    rows = list(rows)
    frame = pd.DataFrame(
        {
            name: pd.array([row.get(name) for row in rows], dtype=schema.columns[name].dtype.type)
            for name in spec.column_names
        }
    )
    return validate(model, frame)


def replace_dimension(con: duckdb.DuckDBPyConnection, model: type[Table], frame: pd.DataFrame) -> None:
    """Replace a whole dimension, inside the caller's transaction."""
    from mcf_pipeline.warehouse.build import insert_frame

    con.execute(f"DELETE FROM {describe(model).name}")
    insert_frame(con, model, frame)


def fill_reference_dimensions(con: duckdb.DuckDBPyConnection) -> None:
    """Write what is known without any data: the modalities and the financers."""
    for dimension, model in MODALITY_DIMENSIONS.items():
        replace_dimension(con, model, frame_of(model, map(_row(dimension), KNOWN[dimension])))
    replace_dimension(con, DimFinanceur, financers())


def financers() -> pd.DataFrame:
    """The financers that the contract knows."""
    return frame_of(DimFinanceur, FINANCER_ROWS)


def modalities(dimension: str, seen: Iterable[Modality]) -> pd.DataFrame:
    """A dimension: its known modalities, and the unknown ones that were seen."""
    rows = {modality.id: modality for modality in KNOWN[dimension]}
    unknown = sorted((m for m in seen if m.id not in rows), key=lambda m: m.id)
    return frame_of(
        MODALITY_DIMENSIONS[dimension],
        map(_row(dimension), [*rows.values(), *{m.id: m for m in unknown}.values()]),
    )


def unknown_seen(con: duckdb.DuckDBPyConnection, dimension: str, source_map: SourceMap) -> list[Modality]:
    """The unknown modalities that the quarters of the build hold; of two spellings of one, the first."""
    texts = con.execute(
        "SELECT DISTINCT texte FROM meta_modalite WHERE dimension = ? ORDER BY texte DESC", [dimension]
    ).fetchall()
    return [resolve(dimension, text, source_map) for (text,) in texts]


def quarters(told: Iterable[Quarter]) -> pd.DataFrame:
    """The quarters that some release told of."""
    return frame_of(
        DimTrimestre,
        (
            {
                "trimestre_id": quarter.id,
                "annee": quarter.year,
                "trimestre": quarter.number,
                "date_debut": quarter.first_day,
                "date_fin": quarter.last_day,
                "libelle": quarter.label,
            }
            for quarter in sorted(told)
        ),
    )


def releases(line: Timeline) -> pd.DataFrame:
    """The releases that are applied and say something new, in time order."""
    return frame_of(
        DimRelease,
        (
            {
                "release_id": manifest.release_id,
                "rang": rank,
                "date_release": manifest.day,
                "data_processed": manifest.data_processed and manifest.data_processed.replace(tzinfo=None),
                "nb_lignes": manifest.rows,
                "nb_trimestres": len(manifest.quarters),
                "sha256": manifest.sha256,
                "origine": _origin(manifest.url),
                "licence": manifest.licence,
                "est_courante": manifest is line.latest,
                "est_synthetique": manifest.is_synthetic,
            }
            for rank, manifest in enumerate(line.releases, start=1)
        ),
    )


def _origin(url: str) -> str:
    """An address as it is; of a file only its name, since the warehouse is handed on and the path is not."""
    return url if url.startswith(("http://", "https://", "sample:")) else PurePath(url).name


def _row(dimension: str) -> Any:
    def row(modality: Modality) -> dict[str, Any]:
        return {
            f"{dimension}_id": modality.id,
            "libelle": modality.libelle,
            "est_connue": modality.est_connue,
            **modality.attributes,
        }

    return row
