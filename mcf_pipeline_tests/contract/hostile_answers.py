"""Answers of a portal that are refused, and those that a retry gets past: faults of the simulated portal.

The intake (`test_hostile_portal`) and the command line (`commands.test_hostile_input`) are tested with the same ones.
"""

from __future__ import annotations

import base64
import datetime as dt

from mcf_pipeline.errors import ContractError, SourceError
from mcf_pipeline.sources.answers import RateLimitedError
from mcf_pipeline_tests.tiny_portal import TinyRelease

DAY = dt.date(2026, 7, 8)
SERVED = TinyRelease(DAY, 120)


def content(reply: bytes) -> dict[str, object]:
    return {"base64": base64.b64encode(reply).decode()}


CUT = (ContractError, "export_tronque", "truncated")
LIMIT = (ContractError, "limite_depassee")
REFUSED_ANSWERS = {
    "1 line more than announced": ("wrong_count", {"by": -1}, ContractError, "lignes_en_trop", "announces only 119"),
    "1 line less than announced": ("wrong_count", {"by": 1}, ContractError, "export_tronque", "announces 121"),
    "a header and no line": ("header_only", {}, ContractError, "export_vide", "announces 120"),
    "no byte": ("body", content(b""), ContractError, "export_vide", "0 bytes"),
    "no line that we may see": ("restricted", {}, ContractError, "export_vide", "empty or restricted"),
    "HTML": ("html", {}, ContractError, "pas_un_export", "but HTML"),
    "JSON": ("json", {}, ContractError, "pas_un_export", "Le service est indisponible."),
    "429 for ever, back in an hour": ("too_many", {}, RateLimitedError, None, "accepts requests again at"),
    "429 for ever, back at once": ("too_many", {"reset_in": -5}, RateLimitedError, None, "MCF_API_KEY"),
    "429 for the export alone": ("too_many", {"on": "exports"}, RateLimitedError, None, "csv export of"),
    "403": ("forbidden", {}, SourceError, None, "denies us access (status 403)"),
    "403 for the export alone": ("forbidden", {"on": "exports"}, SourceError, None, "MCF_API_KEY"),
    "404": ("not_found", {}, SourceError, None, "knows no dataset"),
    "404 for the export alone": ("not_found", {"on": "exports"}, SourceError, None, "knows no dataset"),
    "500 for ever": ("failing", {"on": "exports"}, SourceError, None, "failed with status 500"),
    "a redirect to nowhere": ("redirect", {"to": "file:///etc/passwd"}, SourceError, None, "an unusable address"),
    "redirects without end": ("redirect", {"on": "exports", "to": ""}, SourceError, None, "more than 5 redirects"),
    "a body that never ends": ("endless", {}, *LIMIT, "MCF_LIMIT_MAX_BYTES"),
    "a byte now and then": ("slow", {"seconds": 0.05}, *LIMIT, "MCF_LIMIT_MIN_BYTES_PER_SECOND"),
    "a gzip bomb": ("gzip_bomb", {}, *LIMIT, "MCF_LIMIT_MAX_RATIO"),
    "a gzip cut": ("gzip_cut", {}, ContractError, "export_tronque", "in the middle of its gzip"),
    "an hour of silence": ("silent", {}, SourceError, None, "timed out"),
    "a reset": ("reset", {"at": 0.5, "on": "exports"}, SourceError, None, "cannot be reached"),
    "UTF-16 without a mark": ("charset", {"charset": "utf-16-le"}, ContractError, "pas_un_export", "binary data"),
    "NUL bytes": ("body", content(b"a;b\n" * 200 + b"1;\0\n"), ContractError, "octet_nul", "NUL byte"),
    "metadata of the wrong types": ("garbage", {}, ContractError, "metadonnees_illisibles", "metas"),
    "a path for the day": (
        "garbage",
        {"value": {"dataset_id": "moncompteformation-les-usagers",
                   "metas": {"default": {"data_processed": "../../../etc/cron.d/x"}}}},
        ContractError, "metadonnees_illisibles", "data_processed is '../../../etc/cron.d/x'",
    ),
}  # fmt: skip

PASSING = {
    "429, then success": ("too_many", {"reset_in": 1, "on": "exports"}),
    "429 for the metadata, then success": ("too_many", {"retry_after": 1, "on": "metadata"}),
    "500, then success": ("failing", {"on": "exports"}),
    "500 for the metadata, then success": ("failing", {"on": "metadata"}),
    "cut, then whole": ("cut", {}),
    "a reset, then success": ("reset", {"on": "exports", "at": 0.5}),
}
