"""What every source gives: an export on disk, and what is known of it before anyone has read it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from mcf_pipeline.contract.source import Format, SourceField

Progress = Callable[[int, int | None], None]
"""Called with the bytes received so far and, where known, the bytes to come in all."""


@dataclass(frozen=True, slots=True)
class Received:
    """An export as received, before anything was parsed.

    Attributes:
        path: the file on disk, decompressed from any transport encoding, else byte for byte.
        format: how to read it.
        origin: address or path it came from, without any secret.
        retrieved_at: when, UTC.
        data_processed: the portal's time of the data (UTC), or None where no portal said it.
        records_count: the number of lines that the source announces, or None.
        fields: the source's description of its columns, in its order; empty where there is none.
        licence: as the source names it, or None.
        suggested_day: what a file's own date says of the release day, where there is no `data_processed`.
    """

    path: Path
    format: Format
    origin: str
    retrieved_at: dt.datetime
    data_processed: dt.datetime | None = None
    records_count: int | None = None
    fields: tuple[SourceField, ...] = ()
    licence: str | None = None
    suggested_day: dt.date | None = None


@dataclass(frozen=True, slots=True)
class Peek:
    """What a source says of its newest release without sending it.

    Attributes:
        data_processed: the portal's time of the data (UTC), or None.
        records_count: lines, or None.
        sha256: of the export's bytes, where they can be read cheaply, or None.
    """

    data_processed: dt.datetime | None = None
    records_count: int | None = None
    sha256: str | None = None


class Source(Protocol):
    """Something that can be asked for its newest release."""

    def fetch(self, into: Path, progress: Progress) -> Received:
        """Put the newest export into the folder `into`.

        Raises:
            SourceError: it could not be reached, or refused.
            ContractError: what came is broken in a way that shows without reading it.
        """
        ...

    def peek(self) -> Peek | None:
        """What the source says of its newest release without sending it; None where it cannot say.

        Raises:
            SourceError: it could not be reached, or refused.
        """
        ...

    def earlier(self) -> Sequence[Source]:
        """The releases before its newest that it still offers, each as a source of its own, oldest first."""
        ...
