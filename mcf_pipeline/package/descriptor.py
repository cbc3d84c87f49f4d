"""``datapackage.json``: the package as Data Package v2 (https://datapackage.org) describes one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mcf_pipeline.package.about import NAME, About, code
from mcf_pipeline.package.files import DELIMITER, referenced_key
from mcf_pipeline.package.state import STATE
from mcf_pipeline.schemas.base import ColumnSpec, Table, describe, schema_of
from mcf_pipeline.warehouse.attribution import (
    DATASET_PAGE,
    DATASET_TITLE,
    LICENCE_ID,
    LICENCE_NAME,
    LICENCE_URL,
    PRODUCER,
)

PROFILE = "https://datapackage.org/profiles/2.0"
_TYPES = {
    "VARCHAR": "string",
    "BIGINT": "integer",
    "INTEGER": "integer",
    "BOOLEAN": "boolean",
    "DATE": "date",
    "TIMESTAMP": "datetime",
    "DECIMAL(18,2)": "number",
    "DECIMAL(18,4)": "number",
    "DECIMAL(28,4)": "number",
    "DOUBLE": "number",
}
MEDIA_TYPES = {"csv": "text/csv", "parquet": "application/vnd.apache.parquet"}


@dataclass(frozen=True, slots=True)
class PackageFile:
    """One written file of a table.

    Attributes:
        model: the table.
        format: ``csv`` or ``parquet``.
        path: relative to the package.
        size: in bytes, as it is stored.
        sha256: of those bytes, in hexadecimal.
    """

    model: type[Table]
    format: str
    path: str
    size: int
    sha256: str

    @property
    def resource(self) -> str:
        """The name of its resource; foreign keys point to the CSV's, which is the table's."""
        name = describe(self.model).name
        return name if self.format == "csv" else f"{name}.{self.format}"

    @property
    def is_gzipped(self) -> bool:
        """Whether the file has to be decompressed before it is what its format says."""
        return self.path.endswith(".gz")

    @property
    def title(self) -> str:
        """A title for people."""
        form = "CSV" if self.format == "csv" else "Parquet"
        return f"{describe(self.model).name} ({form}{', compressé par gzip' if self.is_gzipped else ''})"

    @property
    def description(self) -> str:
        """What the file holds."""
        return describe(self.model).description


def descriptor(about: About, files: Sequence[PackageFile], package_state: str) -> dict[str, Any]:
    """The content of ``datapackage.json``.

    Args:
        about: what is said of the whole.
        files: the written files.
        package_state: fingerprint of data and code, by which the next run sees whether the package is current.
    """
    content = {
        "$schema": f"{PROFILE}/datapackage.json",
        "name": NAME + about.attribution.suffix,
        "title": about.attribution.title,
        "description": about.description,
        "version": about.attribution.release_id or "0",
        "created": f"{about.published_at:%Y-%m-%dT%H:%M:%SZ}",
        "keywords": list(about.keywords),
        "licenses": [{"name": LICENCE_ID, "path": LICENCE_URL, "title": LICENCE_NAME}],
        "sources": [_source(about)],
        "contributors": _contributors(about),
        "resources": [_resource(file) for file in files],
        "mcf:attribution": about.attribution.text,
        "mcf:isSynthetic": about.is_synthetic,
        "mcf:code": code(),
        STATE: package_state,
    }
    if about.first_day and about.last_day:
        content["mcf:temporalCoverage"] = f"{about.first_day}/{about.last_day}"
    return content


def _source(about: About) -> dict[str, str]:
    version = {"version": about.attribution.release_id} if about.attribution.release_id else {}
    if about.is_synthetic:
        return {"title": "Générateur de données synthétiques de mcf_pipeline", **version}
    return {"title": f"{PRODUCER}, « {DATASET_TITLE} »", "path": DATASET_PAGE, **version}


def _contributors(about: About) -> list[dict[str, Any]]:
    maker = {"title": "mcf_pipeline", "roles": ["wrangler"]}
    return [maker] if about.is_synthetic else [{"title": PRODUCER, "path": DATASET_PAGE, "roles": ["creator"]}, maker]


def _resource(file: PackageFile) -> dict[str, Any]:
    resource: dict[str, Any] = {
        "name": file.resource,
        "title": file.title,
        "description": file.description,
        "path": file.path,
        # `frictionless` reads a resource of format "parquet" through frames that turn an empty count into NaN,
        # and calls that an error. Written so, it takes it for a file: bytes and hash are checked.
        "format": "csv" if file.format == "csv" else "Parquet",
        "mediatype": MEDIA_TYPES[file.format],
        "bytes": file.size,
        "hash": f"sha256:{file.sha256}",
    }
    if file.format == "csv":
        resource |= {
            "type": "table",
            "encoding": "utf-8",
            "dialect": {
                "$schema": f"{PROFILE}/tabledialect.json",
                "delimiter": DELIMITER,
                "quoteChar": '"',
                "doubleQuote": True,
                "header": True,
            },
        }
    if file.is_gzipped:
        # Not in the standard but in its recipes; a reader that does not know it goes by the path's ending.
        resource["compression"] = "gz"
    return {**resource, "schema": table_schema(file.model)}


def table_schema(model: type[Table]) -> dict[str, Any]:
    """A model as a Table Schema: fields with types and constraints, key, foreign keys."""
    spec = describe(model)
    content: dict[str, Any] = {
        "$schema": f"{PROFILE}/tableschema.json",
        "fields": [_field(model, column) for column in spec.columns],
        "missingValues": [""],
    }
    # A primary key must not hold an empty cell; a unique key may.
    if any(column.nullable for column in spec.columns if column.name in spec.key):
        content["uniqueKeys"] = [list(spec.key)]
    else:
        content["primaryKey"] = list(spec.key)
    references = [
        {
            "fields": [column.name],
            "reference": {"resource": column.references, "fields": [referenced_key(column.references)]},
        }
        for column in spec.columns
        if column.references
    ]
    return {**content, "foreignKeys": references} if references else content


def _field(model: type[Table], column: ColumnSpec) -> dict[str, Any]:
    schema = schema_of(model).columns[column.name]
    constraints: dict[str, Any] = {}
    if not column.nullable:
        constraints["required"] = True
    if schema.unique:
        constraints["unique"] = True
    for check in schema.checks:
        limits = check.statistics or {}
        match check.name:
            case "greater_than_or_equal_to":
                constraints["minimum"] = limits["min_value"]
            case "in_range":
                constraints |= {"minimum": limits["min_value"], "maximum": limits["max_value"]}
            case "isin":
                constraints["enum"] = list(limits["allowed_values"])
            case "str_matches":
                constraints["pattern"] = str(getattr(limits["pattern"], "pattern", limits["pattern"]))
    field: dict[str, Any] = {
        "name": column.name,
        "type": _TYPES[column.duckdb_type],
        "description": column.comment,
    }
    if constraints:
        field["constraints"] = constraints
    if column.unit:
        field["mcf:unit"] = column.unit
    return field
