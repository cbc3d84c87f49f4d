"""What the contract has to know of a source: the format of its export, and its columns as it describes them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Format = Literal["csv", "parquet"]


@dataclass(frozen=True, slots=True)
class SourceField:
    """One column as the source's own metadata describes it.

    Attributes:
        name: technical name.
        label: French label, if any.
        description: what the publisher says of it, if anything.
    """

    name: str
    label: str | None = None
    description: str | None = None
