"""Manifests made by hand, without any export behind them."""

from __future__ import annotations

import datetime as dt
from typing import Any

from mcf_pipeline.archive.manifest import Manifest, ManifestColumn, QuarterContent


def content(letter: str, rows: int = 10, dossiers: int = 100) -> QuarterContent:
    """What a quarter holds; the same letter is the same content."""
    return QuarterContent(letter * 64, rows, dossiers)


def manifest(release_id: str, *, at: str | None = None, quarters: str = "", **changes: Any) -> Manifest:
    """A manifest.

    Args:
        release_id: its id.
        at: the portal's time of that day (``04:00``), or None where no portal said it.
        quarters: contents of the quarters of 2024 in order, a letter each, ``-`` for none: ``ab-c``.
        changes: any other attribute.
    """
    contents = {f"2024-T{i}": content(letter) for i, letter in enumerate(quarters, start=1) if letter != "-"}
    attributes: dict[str, Any] = {
        "release_id": release_id,
        "url": "https://portail.invalid/exports",
        "retrieved_at": dt.datetime(2026, 11, 2, 8, 30, tzinfo=dt.UTC),
        "data_processed": dt.datetime.fromisoformat(f"{release_id[:10]}T{at}:00+00:00") if at else None,
        "export": "export.csv.gz",
        "format": "csv",
        "rows": sum(found.rows for found in contents.values()),
        "bytes": 1234,
        "sha256": "e" * 64,
        "lines_sha256": "f" * 64,
        "columns": (ManifestColumn("Région", "region", "synonym"), ManifestColumn("inconnue", None, None)),
        "quarters": contents,
        "unreadable_rows": 0,
        "licence": "Licence Ouverte v2.0",
        "is_synthetic": False,
    }
    return Manifest(**attributes | changes)
