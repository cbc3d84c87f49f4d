"""What all models share: column types, the description of a column, and how to read it back.

What does not belong here: any table of the project.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any

import pandas as pd
import pandera.pandas as pandera
import pyarrow as pa

Text = Annotated[pd.ArrowDtype, pa.string()]
Count = Annotated[pd.ArrowDtype, pa.int64()]
Small = Annotated[pd.ArrowDtype, pa.int32()]
Flag = Annotated[pd.ArrowDtype, pa.bool_()]
Day = Annotated[pd.ArrowDtype, pa.date32()]
Moment = Annotated[pd.ArrowDtype, pa.timestamp("us")]
Amount = Annotated[pd.ArrowDtype, pa.decimal128(18, 2)]
"""Euros and cents, exact: no float ever holds an amount."""
Decimal4 = Annotated[pd.ArrowDtype, pa.decimal128(18, 4)]
"""A mean that the source gives: price in euros, duration in hours."""
Sum4 = Annotated[pd.ArrowDtype, pa.decimal128(28, 4)]
"""A sum of such means times their weights, which can be larger than any of them."""
Ratio = Annotated[pd.ArrowDtype, pa.float64()]
"""A share or a rate, between 0 and 1 unless said otherwise."""

_DUCKDB_TYPES: dict[pa.DataType, str] = {
    pa.string(): "VARCHAR",
    pa.int64(): "BIGINT",
    pa.int32(): "INTEGER",
    pa.bool_(): "BOOLEAN",
    pa.date32(): "DATE",
    pa.timestamp("us"): "TIMESTAMP",
    pa.decimal128(18, 2): "DECIMAL(18,2)",
    pa.decimal128(18, 4): "DECIMAL(18,4)",
    pa.decimal128(28, 4): "DECIMAL(28,4)",
    pa.float64(): "DOUBLE",
}


def column(
    description: str,
    *,
    unit: str | None = None,
    computed: str | None = None,
    masking: str | None = None,
    references: str | None = None,
    **checks: Any,
) -> Any:
    """Describe one column of a model.

    Args:
        description: what it is, in French.
        unit: of the values, in French (``euros``, ``dossiers``, ``heures``).
        computed: how it is computed, in French.
        masking: what masking does to it, in French.
        references: the dimension that its values are a key of.
        **checks: what Pandera checks (``nullable``, ``ge``, ``isin``…).

    Returns:
        A Pandera field.
    """
    return pandera.Field(
        description=description,
        metadata={"unit": unit, "computed": computed, "masking": masking, "references": references},
        **checks,
    )


class Table(pandera.DataFrameModel):
    """A table of the project; ``Config`` says its name, French description and key (`unique`)."""

    class Config:
        """No column may be missing, unknown or of another type; nothing is converted silently."""

        strict = True
        coerce = False


@dataclass(frozen=True, slots=True)
class ColumnSpec:
    """What a model says of one column."""

    name: str
    duckdb_type: str
    nullable: bool
    description: str
    unit: str | None
    computed: str | None
    masking: str | None
    references: str | None

    @property
    def comment(self) -> str:
        """Everything a reader must know of the column, in one French text."""
        parts = [self.description]
        if self.unit:
            parts.append(f"Unité : {self.unit}.")
        if self.computed:
            parts.append(f"Calcul : {self.computed}")
        if self.masking:
            parts.append(f"Masquage : {self.masking}")
        return " ".join(parts)


@dataclass(frozen=True, slots=True)
class TableSpec:
    """What a model says of its table: name, description, columns in order, key."""

    name: str
    description: str
    columns: tuple[ColumnSpec, ...]
    key: tuple[str, ...]

    @property
    def column_names(self) -> tuple[str, ...]:
        """The columns' names, in order."""
        return tuple(column.name for column in self.columns)


@cache
def schema_of(model: type[Table]) -> pandera.DataFrameSchema:
    """The model as a Pandera schema; made once, since making it costs more than using it."""
    return model.to_schema()


@cache
def describe(model: type[Table]) -> TableSpec:
    """Read a model's table back.

    Raises:
        ValueError: a table or a column has no description, or a type that DuckDB has no word for.
    """
    schema = schema_of(model)
    if not schema.name or not schema.description:
        raise ValueError(f"{model.__name__}: Config needs a name and a description")
    columns = []
    for name, field in schema.columns.items():
        if not field.description:
            raise ValueError(f"{schema.name}.{name} has no description")
        metadata = field.metadata or {}
        arrow_type = field.dtype.type.pyarrow_dtype
        if arrow_type not in _DUCKDB_TYPES:
            raise ValueError(f"{schema.name}.{name}: no DuckDB type for {arrow_type}")
        columns.append(
            ColumnSpec(
                name=name,
                duckdb_type=_DUCKDB_TYPES[arrow_type],
                nullable=field.nullable,
                description=field.description,
                unit=metadata.get("unit"),
                computed=metadata.get("computed"),
                masking=metadata.get("masking"),
                references=metadata.get("references"),
            )
        )
    key: Sequence[str] = schema.unique or ()
    # The key first: a model inherits its measures, and readers look for the key on the left.
    columns.sort(key=lambda column: key.index(column.name) if column.name in key else len(key))
    return TableSpec(schema.name, schema.description, tuple(columns), tuple(key))
