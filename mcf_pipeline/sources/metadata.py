"""What a portal says of a dataset, checked: nothing in it is taken on trust.

What does not belong here: asking for it (`sources.portal`), and deciding whether it is new.
"""

from __future__ import annotations

import datetime as dt
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, TypeVar

from mcf_pipeline.contract.source import SourceField
from mcf_pipeline.contract.text import clean
from mcf_pipeline.errors import ContractError
from mcf_pipeline.sources.answers import instant

T = TypeVar("T")

RULE = "metadonnees_illisibles"

_MOST = 10**15
"""More than any count of this dataset; `int()` of a decimal like 1e999999999 would fill the memory."""


@dataclass(frozen=True, slots=True)
class PortalMetadata:
    """A dataset as its portal describes it; None where it does not say.

    Attributes:
        data_processed: when it last processed the data (UTC); it can move without the content changing.
        records_count: lines.
        fields: the columns, in the portal's order.
        licence: as the publisher names it.
        has_records: whether the dataset has lines at all.
        data_visible: whether we may see them.
        quota_left: requests that the portal still grants us.
    """

    data_processed: dt.datetime | None = None
    records_count: int | None = None
    fields: tuple[SourceField, ...] = ()
    licence: str | None = None
    has_records: bool | None = None
    data_visible: bool | None = None
    quota_left: int | None = None

    @property
    def is_restricted(self) -> bool:
        """Whether an export would come without lines."""
        return self.has_records is False or self.data_visible is False or self.records_count == 0


def loads(body: bytes) -> Any:
    """Parse JSON whose decimals stay exact; the bare ``NaN`` and ``Infinity`` of some portals are floats.

    Raises:
        ValueError: it is no JSON.
    """
    try:
        return json.loads(body, parse_float=Decimal, parse_constant=float)
    except (ArithmeticError, RecursionError) as error:  # an exponent or a nesting out of all bounds
        raise ValueError(str(error)) from error


def parse_metadata(answer: object, dataset_id: str, where: str, headers: Mapping[str, str] = {}) -> PortalMetadata:
    """Read the answer to ``catalog/datasets/{id}``.

    Args:
        answer: the parsed JSON.
        dataset_id: what was asked for.
        where: the address, for messages.
        headers: of the answer, by lower-case name.

    Raises:
        ContractError: `metadonnees_illisibles`: a value that we need is there and makes no sense.
    """

    def complaint(name: str, value: object) -> ContractError:
        return ContractError(
            f"the portal's metadata cannot be read: {name} is {clean(repr(value), 60)}; "
            f"look at {where}, and try again later",
            rule=RULE,
        )

    def mapping(value: object, name: str) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise complaint(name, value)
        return value

    def read(holder: Mapping[str, Any], name: str, parse: Callable[[Any], T | None]) -> T | None:
        """A value; absent, null and NaN are None, what `parse` gives None for is an error."""
        value = holder.get(name)
        if value is None or (isinstance(value, float) and not math.isfinite(value)):
            return None
        found = parse(value)
        if found is None:
            raise complaint(name, value)
        return found

    def field(entry: object) -> SourceField:
        column = mapping(entry, "an entry of fields")
        name = column.get("name")
        if not isinstance(name, str) or not name:
            raise complaint("the name of a field", name)
        return SourceField(name, read(column, "label", _text) or None, read(column, "description", _text) or None)

    top = mapping(answer, "the answer")
    metas = mapping(mapping(top.get("metas"), "metas").get("default"), "metas.default")
    if read(top, "dataset_id", _text) != dataset_id:
        raise complaint("dataset_id", top.get("dataset_id"))
    left = headers.get("x-ratelimit-remaining", "").strip()
    return PortalMetadata(
        data_processed=read(metas, "data_processed", instant),
        records_count=read(metas, "records_count", _count),
        fields=tuple(map(field, read(top, "fields", _list) or ())),
        licence=read(metas, "license", _text) or None,
        has_records=read(top, "has_records", _flag),
        data_visible=read(top, "data_visible", _flag),
        quota_left=int(left) if left.isascii() and left.isdigit() and len(left) < 16 else None,
    )


def _count(value: object) -> int | None:
    if isinstance(value, bool) or not isinstance(value, (int, Decimal)) or not 0 <= value < _MOST:
        return None
    return int(value) if value == int(value) else None


def _text(value: object) -> str | None:
    return clean(value, 10_000) if isinstance(value, str) else None


def _flag(value: object) -> bool | None:
    return value if isinstance(value, bool) else None


def _list(value: object) -> list[object] | None:
    return value if isinstance(value, list) else None
