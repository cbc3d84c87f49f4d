"""What a portal says of a dataset, checked: nothing in it is taken on trust.

What does not belong here: asking for it (`sources.portal`), and deciding whether it is new.
"""

from __future__ import annotations

import datetime as dt
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from mcf_pipeline.contract.source import SourceField
from mcf_pipeline.contract.text import clean, key
from mcf_pipeline.errors import ContractError
from mcf_pipeline.sources.answers import instant

RULE = "metadonnees_illisibles"

SYNTHETIC_KEYWORD = "synthetique"
"""Stands among the keywords of a portal that serves made-up data (`sample.portal`)."""

_MOST = 10**15
"""More than any count of this dataset; `int()` of a decimal like 1e999999999 would fill the memory."""


@dataclass(frozen=True, slots=True)
class Quota:
    """What is left of the requests that the portal grants; None where it does not say.

    Attributes:
        limit: requests granted.
        remaining: requests left.
        reset_at: when they start anew (UTC).
    """

    limit: int | None = None
    remaining: int | None = None
    reset_at: dt.datetime | None = None

    @classmethod
    def from_headers(cls, headers: Mapping[str, str]) -> Quota:
        """Read ``x-ratelimit-*``; what cannot be read is not told."""

        def count(name: str) -> int | None:
            text = headers.get(name, "").strip()
            return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else None

        return cls(
            count("x-ratelimit-limit"),
            count("x-ratelimit-remaining"),
            instant(headers.get("x-ratelimit-reset")),
        )


@dataclass(frozen=True, slots=True)
class PortalMetadata:
    """A dataset as its portal describes it; None where it does not say.

    Attributes:
        dataset_id: the portal's id.
        data_processed: when it last processed the data (UTC); it can move without the content changing.
        records_count: lines.
        fields: the columns, in the portal's order.
        licence: as the publisher names it.
        title: as the publisher names it.
        keywords: the publisher's.
        has_records: whether the dataset has lines at all.
        data_visible: whether we may see them.
        quota: what is left of our requests.
    """

    dataset_id: str
    data_processed: dt.datetime | None = None
    records_count: int | None = None
    fields: tuple[SourceField, ...] = ()
    licence: str | None = None
    title: str | None = None
    keywords: tuple[str, ...] = ()
    has_records: bool | None = None
    data_visible: bool | None = None
    quota: Quota = Quota()

    @property
    def is_synthetic(self) -> bool:
        """Whether the portal says that its data is made up."""
        return any(key(keyword) == key(SYNTHETIC_KEYWORD) for keyword in self.keywords)

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
    except (ArithmeticError, RecursionError) as error:  # an exponent, or a nesting, beyond all measure
        raise ValueError(str(error)) from error


def parse_metadata(told: object, dataset_id: str, where: str, quota: Quota = Quota()) -> PortalMetadata:
    """Read the answer to ``catalog/datasets/{id}``.

    Args:
        told: the parsed JSON.
        dataset_id: what was asked for.
        where: the address, for messages.
        quota: from the headers.

    Raises:
        ContractError: `metadonnees_illisibles`: a value that we need is there and makes no sense.
    """
    reader = _Reader(where)
    top = reader.mapping(told, "the answer")
    metas = reader.mapping(reader.mapping(top.get("metas"), "metas").get("default"), "metas.default")
    found = reader.text(top, "dataset_id")
    if found != dataset_id:
        raise reader.complaint("dataset_id", found)
    keywords = metas.get("keyword")
    return PortalMetadata(
        dataset_id=dataset_id,
        data_processed=reader.time(metas, "data_processed"),
        records_count=reader.count(metas, "records_count"),
        fields=reader.fields(top.get("fields")),
        licence=reader.text(metas, "license"),
        title=reader.text(metas, "title"),
        # Only looked through for one word: whatever else stands here does no harm.
        keywords=tuple(k for k in keywords if isinstance(k, str)) if isinstance(keywords, list) else (),
        has_records=reader.flag(top, "has_records"),
        data_visible=reader.flag(top, "data_visible"),
        quota=quota,
    )


class _Reader:
    """Takes values out of untrusted JSON; absent, null and NaN are None, the wrong type is an error."""

    def __init__(self, where: str) -> None:
        self._where = where

    def complaint(self, name: str, value: object) -> ContractError:
        return ContractError(
            f"the portal's metadata cannot be read: {name} is {clean(repr(value), 60)}; "
            f"look at {self._where}, and try again later",
            rule=RULE,
        )

    def mapping(self, value: object, name: str) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise self.complaint(name, value)
        return value

    def text(self, holder: Mapping[str, Any], name: str, limit: int = 10_000) -> str | None:
        value = holder.get(name)
        if _is_not_told(value):
            return None
        if not isinstance(value, str):
            raise self.complaint(name, value)
        return clean(value, limit) or None

    def flag(self, holder: Mapping[str, Any], name: str) -> bool | None:
        value = holder.get(name)
        if _is_not_told(value):
            return None
        if not isinstance(value, bool):
            raise self.complaint(name, value)
        return value

    def count(self, holder: Mapping[str, Any], name: str) -> int | None:
        value = holder.get(name)
        if _is_not_told(value):
            return None
        number = whole(value)
        if number is None or number < 0:
            raise self.complaint(name, value)
        return number

    def time(self, holder: Mapping[str, Any], name: str) -> dt.datetime | None:
        value = holder.get(name)
        if _is_not_told(value):
            return None
        found = instant(value)
        if found is None:
            raise self.complaint(name, value)
        return found

    def fields(self, value: object) -> tuple[SourceField, ...]:
        if _is_not_told(value):
            return ()
        if not isinstance(value, list):
            raise self.complaint("fields", value)
        found = []
        for entry in value:
            column = self.mapping(entry, "an entry of fields")
            name = column.get("name")
            if not isinstance(name, str) or not name:
                raise self.complaint("the name of a field", name)
            found.append(SourceField(name, self.text(column, "label"), self.text(column, "description")))
        return tuple(found)


def whole(value: object) -> int | None:
    """A whole number out of JSON, or None if it is none, or beyond all measure."""
    number = amount(value)
    return int(number) if number is not None and number == int(number) else None


def amount(value: object) -> Decimal | None:
    """A number out of JSON, as exact as it was written, or None if it is none."""
    if isinstance(value, bool) or not isinstance(value, (int, Decimal)):
        return None
    return Decimal(value) if -_MOST < value < _MOST else None


def _is_not_told(value: object) -> bool:
    return value is None or (isinstance(value, float) and not math.isfinite(value))
