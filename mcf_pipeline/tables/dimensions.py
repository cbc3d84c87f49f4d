"""The dimensions: the modalities of the contract, and those that only the data has (`est_connue = false`).

They are small and follow from the snapshot and the staged quarters, so they are frames, not files.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from functools import cache
from pathlib import PurePath
from typing import Any

import pandas as pd

from mcf_pipeline.archive.timeline import Timeline
from mcf_pipeline.contract.financers import FINANCER_ROWS
from mcf_pipeline.contract.lines import validate
from mcf_pipeline.contract.modalities import KNOWN, Modality, resolve
from mcf_pipeline.contract.source_map import SourceMap
from mcf_pipeline.quarter import Quarter
from mcf_pipeline.schemas.base import Table, describe, schema_of
from mcf_pipeline.schemas.staging import StgUsagers
from mcf_pipeline.schemas.warehouse import (
    DIMENSIONS,
    DimClasseAge,
    DimFinanceur,
    DimGenre,
    DimRegion,
    DimRelease,
    DimSituation,
    DimStatut,
    DimTrimestre,
)
from mcf_pipeline.tables.snapshot import Snapshot
from mcf_pipeline.tables.staged import summary_of

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


def dimension_frames(
    snapshot: Snapshot, source_map: SourceMap, wanted: Collection[type[Table]] = DIMENSIONS
) -> dict[type[Table], pd.DataFrame]:
    """The dimensions of everything that is staged, by model.

    Args:
        snapshot: the quarters and releases.
        source_map: overrides of modalities.
        wanted: the dimensions to make.
    """
    names = {model: name for name, model in MODALITY_DIMENSIONS.items()}
    unknown = unknown_modalities(snapshot, source_map) if names.keys() & set(wanted) else {}
    made: dict[type[Table], Callable[[], pd.DataFrame]] = {
        DimTrimestre: lambda: quarters(snapshot.timeline.quarters),
        DimRelease: lambda: releases(snapshot.timeline),
        DimFinanceur: financers,
    }
    return {
        model: modalities(names[model], unknown.get(names[model], ())) if model in names else made[model]()
        for model in wanted
    }


def unknown_modalities(snapshot: Snapshot, source_map: SourceMap) -> dict[str, list[Modality]]:
    """By dimension, the modalities outside the contract that any state has; of two spellings of one, the first."""
    texts = {
        pair
        for quarter, states in snapshot.timeline.states.items()
        for state in states
        if snapshot.files.is_there(path := snapshot.file(describe(StgUsagers).name, quarter, state))
        for pair in summary_of(path).unknown
    }
    found: dict[str, list[Modality]] = {}
    for dimension, text in sorted(texts, reverse=True):
        found.setdefault(dimension, []).append(resolve(dimension, text, source_map))
    return found


@cache
def financers() -> pd.DataFrame:
    """The financers that the contract knows; nobody may change the frame."""
    return frame_of(DimFinanceur, FINANCER_ROWS)


def modalities(dimension: str, seen: Iterable[Modality]) -> pd.DataFrame:
    """A dimension: its known modalities, and the unknown ones that were seen; nobody may change the frame."""
    known = {modality.id for modality in KNOWN[dimension]}
    unknown = {m.id: m for m in sorted(seen, key=lambda m: m.id) if m.id not in known}
    if not unknown:
        return _known(dimension)
    return frame_of(MODALITY_DIMENSIONS[dimension], map(_row(dimension), [*KNOWN[dimension], *unknown.values()]))


@cache
def _known(dimension: str) -> pd.DataFrame:
    # Five ops of a run ask for it, and validating a frame costs more than its few rows.
    return frame_of(MODALITY_DIMENSIONS[dimension], map(_row(dimension), KNOWN[dimension]))


def quarters(reported: Iterable[Quarter]) -> pd.DataFrame:
    """The quarters that some release covers."""
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
            for quarter in sorted(reported)
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
