"""The Explore API v2.1 of a simulated portal: from a request's address to a whole answer.

What does not belong here: sockets.
"""

from __future__ import annotations

import decimal
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import unquote

from mcf_pipeline.sample.portal.store import Store

if TYPE_CHECKING:
    import pyarrow as pa

PREFIX = "/api/explore/v2.1/catalog/datasets/"
FORMATS = ("csv", "json", "jsonl", "parquet")

_TYPES = {"date32[day]": "date", "string": "text", "int64": "int"}
_CONTENT_TYPES = {
    "csv": "text/csv; charset=utf-8",
    "json": "application/json; charset=utf-8",
    "jsonl": "application/jsonlines; charset=utf-8",
    "parquet": "application/parquet",
}


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole answer, before its transport.

    Attributes:
        status: of HTTP.
        body: not compressed.
        content_type: with its charset.
        headers: beyond those that every answer has.
    """

    status: int
    body: bytes
    content_type: str = "application/json; charset=utf-8"
    headers: Mapping[str, str] = field(default_factory=dict)


class BadRequest(Exception):
    """A request that is answered with an error; `args` are status, code and message."""


def json_reply(status: int, value: Any) -> Reply:
    """An answer in JSON."""
    return Reply(status, json.dumps(value, ensure_ascii=False).encode())


def error_reply(status: int, code: str, message: str) -> Reply:
    """An error, in the shape that a portal gives them."""
    return json_reply(status, {"error_code": code, "message": message})


def answer(store: Store, dataset_id: str, formats: tuple[str, ...], path: str, params: Mapping[str, str]) -> Reply:
    """Answer a GET request."""
    try:
        asked, *rest = unquote(path).removeprefix(PREFIX).split("/")
        if not path.startswith(PREFIX) or asked != dataset_id:
            raise BadRequest(404, "NotFoundResource", f"Unknown dataset: {asked[:100]}")
        match rest:
            case []:
                return json_reply(200, metadata(store, dataset_id))
            case ["exports"]:
                links = [{"rel": rel, "href": f"{PREFIX}{dataset_id}/exports/{rel}"} for rel in formats]
                return json_reply(200, {"links": links})
            case ["exports", format] if format in formats:
                return _export(store, format, params)
        raise BadRequest(404, "NotFoundResource", f"Unknown resource: {'/'.join(rest)[:100]}")
    except BadRequest as error:
        status, code, message = error.args
        return error_reply(status, code, message)


def metadata(store: Store, dataset_id: str) -> dict[str, Any]:
    """What ``catalog/datasets/{id}`` says."""
    from mcf_pipeline.sample.synthetic import FIELDS

    described = {f.name: f for f in FIELDS}
    fields = [
        {
            "name": column.name,
            "label": getattr(described.get(column.name), "label", None) or column.name,
            "type": _TYPES.get(str(column.type), "double"),
            "description": getattr(described.get(column.name), "description", None),
            "annotations": {},
        }
        for column in store.lines.schema
    ]
    processed = store.data_processed.isoformat()
    return {
        "visibility": "domain",
        "dataset_id": dataset_id,
        "dataset_uid": "da_synth1",
        "has_records": store.lines.num_rows > 0,
        "features": ["analyze"],
        "attachments": [],
        "alternative_exports": [],
        "data_visible": True,
        "fields": fields,
        "metas": {
            "default": {
                "title": "Mon Compte Formation - Les usagers (données synthétiques)",
                "description": "<p>Données synthétiques : elles ne disent rien du monde réel.</p>",
                "keyword": ["formation", "CPF", "synthetique"],
                "license": "Licence Ouverte v2.0 (Etalab)",
                "language": "fr",
                "publisher": "mcf_pipeline, portail simulé",
                # Frozen on purpose: the real portal's can be, and nobody should watch it.
                "modified": "2020-01-01T00:00:00+00:00",
                "data_processed": processed,
                "metadata_processed": processed,
                "records_count": store.lines.num_rows,
                "federated": False,
            }
        },
    }


def _export(store: Store, format: str, params: Mapping[str, str]) -> Reply:
    limit = params.get("limit", "-1")
    if not limit.removeprefix("-").isdecimal() or int(limit) < -1:
        raise BadRequest(400, "InvalidRESTParameterError", f"Invalid value for limit API parameter: {limit[:20]}")
    table = store.lines if limit == "-1" else store.lines.slice(0, int(limit))
    body = {"csv": _csv, "json": _json, "jsonl": _jsonl, "parquet": _parquet}[format](table, params)
    name = f"moncompteformation-les-usagers-synthetique.{format}"
    disposition = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Reply(200, body, _CONTENT_TYPES[format], headers=disposition)


def _csv(table: pa.Table, params: Mapping[str, str]) -> bytes:
    import pyarrow as pa

    from mcf_pipeline.sample.synthetic import FIELDS

    delimiter = params.get("delimiter", ";")
    if delimiter not in {";", ",", "\t", "|"}:
        raise BadRequest(400, "InvalidRESTParameterError", f"Invalid value for delimiter: {delimiter[:10]!r}")
    labels = {f.name: f.label or f.name for f in FIELDS} if _flag(params, "use_labels", False) else {}
    head = delimiter.join(_csv_field(labels.get(name, name), delimiter) for name in table.schema.names)
    try:
        text = _arrow_csv(table, delimiter, "none")
    except pa.ArrowInvalid:  # a text holds a delimiter, a quote or a line end
        text = _arrow_csv(table, delimiter, "needed")
    body = b"\xef\xbb\xbf" if _flag(params, "with_bom", True) else b""
    body += head.encode() + b"\r\n"
    # Arrow ends lines with LF alone, and offers no choice in Python.
    return body + text.replace(b"\n", b"\r\n")


def _arrow_csv(table: pa.Table, delimiter: str, quoting: Literal["none", "needed"]) -> bytes:
    import pyarrow as pa
    import pyarrow.csv as pa_csv

    sink = pa.BufferOutputStream()
    options = pa_csv.WriteOptions(include_header=False, delimiter=delimiter, quoting_style=quoting)
    pa_csv.write_csv(table, sink, options)
    return bytes(sink.getvalue().to_pybytes())


def _csv_field(text: str, delimiter: str) -> str:
    return f'"{text}"' if delimiter in text else text


def _json(table: pa.Table, _: Mapping[str, str]) -> bytes:
    return json.dumps(table.to_pylist(), default=_json_value, ensure_ascii=False).encode()


def _jsonl(table: pa.Table, _: Mapping[str, str]) -> bytes:
    rows = (json.dumps(row, default=_json_value, ensure_ascii=False) for row in table.to_pylist())
    return b"".join(f"{row}\n".encode() for row in rows)


def _json_value(value: Any) -> Any:
    """A decimal as a double, since the portal has no other; a date as text."""
    return float(value) if isinstance(value, decimal.Decimal) else value.isoformat()


def _parquet(table: pa.Table, _: Mapping[str, str]) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    # The portal knows no decimals: an amount is a double there. By way of text, since Arrow's own cast is off
    # by a last bit (7696.860000000001).
    for i, column in enumerate(table.schema):
        if pa.types.is_decimal(column.type):
            doubles = table.column(i).cast(pa.string()).cast(pa.float64())
            table = table.set_column(i, column.name, doubles)
    sink = io.BytesIO()
    pq.write_table(table, sink, compression="snappy")
    return sink.getvalue()


def _flag(params: Mapping[str, str], name: str, default: bool) -> bool:
    return {"true": True, "false": False}.get(params.get(name, "").lower(), default)
