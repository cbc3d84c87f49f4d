"""The manifest of an archived release: where it came from, what its bytes are, what each quarter holds.

It carries its own checksum, so that a flipped bit in it is found like one in any other file.
"""

from __future__ import annotations

import builtins
import dataclasses
import datetime as dt
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mcf_pipeline.contract.source import Format, SourceField
from mcf_pipeline.errors import ArchiveError
from mcf_pipeline.quarter import Quarter

FILE_NAME = "manifest.json"
_FORMAT = 3
"""Format 1 kept no labels and no descriptions of columns, format 2 no amounts and no regions; both are read."""

_BY_THE_SOURCE = ("label", "description")
"""Rules of recognition that rest on what the source says of a column beside its name."""


@dataclass(frozen=True, slots=True)
class ManifestColumn:
    """One column of the export.

    Attributes:
        source: its name in the export.
        canonical: what it was recognised as, or None if it is not used.
        rule: the rule of recognition, or None.
        label: the portal's label of it, or its technical name where the export is headed by labels; None where no
            portal described it.
        description: what the publisher says of it, or None.
    """

    source: str
    canonical: str | None
    rule: str | None
    label: str | None = None
    description: str | None = None


@dataclass(frozen=True, slots=True)
class QuarterContent:
    """What one release says of one quarter.

    Attributes:
        sha256: of the quarter's canonically ordered lines; names its file in ``raw/quarters``.
        rows: lines.
        dossiers: sum over the unmasked lines; only for comparing releases.
        masked: lines without a number of dossiers; None where an older version archived it.
        amount: sum of the amounts engaged over the unmasked lines, in whole euros; only for comparing, None likewise.
        regions: the dossiers of each region by its identifier, over the unmasked lines; likewise.
    """

    sha256: str
    rows: int
    dossiers: int
    masked: int | None = None
    amount: int | None = None
    regions: Mapping[str, int] | None = None


@dataclass(frozen=True, slots=True)
class Manifest:
    """Everything known of one archived release.

    Attributes:
        release_id: the release's day (``2026-10-08``), with a suffix if several share it.
        url: address or path it came from, without any secret.
        retrieved_at: when it was received (UTC).
        data_processed: the portal's time of the data (UTC), if a portal gave it.
        export: name of the compressed export beside the manifest; None where the release repeats the content
            of the one before it and only this manifest is kept.
        format: ``csv`` or ``parquet``.
        rows: lines of the export.
        bytes: of the export as received.
        sha256: of the export as received.
        lines_sha256: of the index of line numbers beside the manifest.
        columns: the export's columns, in its order.
        quarters: content of each quarter, by id.
        unreadable_rows: lines whose quarter could not be read; quarantined.
        licence: as the source names it.
        is_synthetic: whether the data is made up.
        unreadable_sha256: of the file of lines without a readable quarter, or None where there is none.
    """

    release_id: str
    url: str
    retrieved_at: dt.datetime
    data_processed: dt.datetime | None
    export: str | None
    format: Format
    rows: int
    bytes: int
    sha256: str
    lines_sha256: str
    columns: tuple[ManifestColumn, ...]
    quarters: Mapping[str, QuarterContent]
    unreadable_rows: int
    licence: str | None
    is_synthetic: bool
    unreadable_sha256: str | None = None

    @property
    def fields(self) -> tuple[SourceField, ...]:
        """The export's columns with what its source said of them, to recognise them again.

        Format 1 did not keep it: what was recognised by a label or a description keeps the name that this gave.
        """
        return tuple(
            SourceField(c.source, c.label or (c.canonical if c.rule in _BY_THE_SOURCE else None), c.description)
            for c in self.columns
        )

    @property
    def day(self) -> dt.date:
        """The day of the release, the first part of its id."""
        return dt.date.fromisoformat(self.release_id[:10])

    @property
    def time_order(self) -> tuple[dt.date, dt.datetime, int]:
        """Sorts releases in time; two of one day by the portal's time, then by their number."""
        number = int(self.release_id[11:] or 1)
        start = dt.datetime.combine(self.day, dt.time(), tzinfo=dt.UTC)
        return self.day, self.data_processed or start, number

    def same_content(self, other: Manifest) -> bool:
        """Whether both say the same of every quarter, in whatever order or format."""
        return {q: c.sha256 for q, c in self.quarters.items()} == {q: c.sha256 for q, c in other.quarters.items()}

    def quarter(self, quarter: Quarter) -> QuarterContent | None:
        """What the release says of a quarter, or None."""
        return self.quarters.get(quarter.id)

    def to_json(self) -> builtins.bytes:
        """The file's content: indented JSON with a checksum of everything else in it."""
        content = dataclasses.asdict(self) | {
            "manifest_format": _FORMAT,
            "retrieved_at": self.retrieved_at.isoformat(),
            "data_processed": self.data_processed and self.data_processed.isoformat(),
        }
        content["checksum"] = _checksum(content)
        return (json.dumps(content, indent=2, ensure_ascii=False) + "\n").encode()

    @classmethod
    def read(cls, folder: Path) -> Manifest:
        """Read the manifest of a release's folder.

        Raises:
            ArchiveError: it is missing, not what was written, or of a newer version.
        """
        path = folder / FILE_NAME
        try:
            return cls.parse(path.read_bytes(), path)
        except FileNotFoundError as error:
            raise ArchiveError(
                f"{path} is missing: restore the folder, or remove it and ingest the release again"
            ) from error

    @classmethod
    def parse(cls, text: builtins.bytes, path: Path) -> Manifest:
        """Read the bytes of a manifest.

        Raises:
            ArchiveError: they are not what was written, or of a newer version; it names `path`.
        """
        try:
            content: dict[str, Any] = json.loads(text)
            found = content.get("manifest_format")
            if isinstance(found, int) and found > _FORMAT:
                # Before anything else of it is believed: its checksum may be another, too.
                raise ArchiveError(
                    f"{path} was written by a newer version of mcf-pipeline (format {found}; this one reads up to "
                    f"{_FORMAT}): upgrade, or choose another directory with --data-dir; nothing was changed"
                )
            checksum = content.pop("checksum")
            if checksum != _checksum(content):
                raise ValueError("its checksum does not match")
            if content.pop("manifest_format") not in (1, 2, _FORMAT):
                raise ValueError("its format is unknown")
            moment = content["data_processed"]
            return cls(
                **content
                | {
                    "retrieved_at": dt.datetime.fromisoformat(content["retrieved_at"]),
                    "data_processed": moment and dt.datetime.fromisoformat(moment),
                    "columns": tuple(ManifestColumn(**column) for column in content["columns"]),
                    "quarters": {q: QuarterContent(**c) for q, c in content["quarters"].items()},
                }
            )
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ArchiveError(
                f"{path} is damaged ({error}): restore it from a copy, or remove its folder and ingest the release "
                "in again"
            ) from error


def _checksum(content: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True, ensure_ascii=False).encode()).hexdigest()
