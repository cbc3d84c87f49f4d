"""How a portal of the tests can misbehave: one table of names, and what each does to a request.

A fault of the answer changes what is said (`change`); one of the wire changes how it is sent (`wire`).
"""

from __future__ import annotations

import base64
import datetime as dt
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from mcf_pipeline.sample.portal.api import Reply, error_reply, json_reply

Target = Literal["any", "metadata", "exports", "records"]
Options = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Fault:
    """One way to misbehave.

    Attributes:
        name: as in ``POST /misbehave``.
        description: what the client sees.
        on: the requests it affects, unless another is given.
        options: further keys, each with its default.
        change: makes another answer of the right one; None where the wire is what breaks.
    """

    name: str
    description: str
    on: Target
    options: Options = field(default_factory=dict)
    change: Callable[[Reply, Options], Reply] | None = None


@dataclass(slots=True)
class Active:
    """A fault that is set.

    Attributes:
        fault: which.
        left: requests it will still affect; None for ever.
        on: the requests it affects.
        options: all of the fault's, as they were given.
    """

    fault: Fault
    left: int | None
    on: Target
    options: Options


def too_many(limit: int, reset_at: dt.datetime) -> Reply:
    """Status 429, whose body has a shape of its own."""
    content = {
        "errorcode": 10002,
        "error": "Too many requests on the domain. Please contact the domain administrator.",
        "reset_time": reset_at.isoformat(timespec="seconds"),
        "limit_time_unit": "day",
        "call_limit": limit,
    }
    return replace(json_reply(429, content), headers=quota_headers(limit, 0, reset_at))


def quota_headers(limit: int, remaining: int, reset_at: dt.datetime) -> dict[str, str]:
    """What every answer says of the quota; the reset is text, not seconds since 1970."""
    return {
        "X-RateLimit-Limit": str(limit),
        "X-RateLimit-Remaining": str(remaining),
        "X-RateLimit-Reset": reset_at.astimezone(dt.UTC).isoformat(sep=" ", timespec="seconds"),
    }


def _metas(reply: Reply, **changes: Any) -> Reply:
    content = json.loads(reply.body)
    content["metas"]["default"].update(changes)
    return replace(reply, body=json.dumps(content).encode())


def _wrong_count(reply: Reply, options: Options) -> Reply:
    count = json.loads(reply.body)["metas"]["default"]["records_count"]
    return _metas(reply, records_count=count + int(options["by"]))


def _moved(reply: Reply, options: Options) -> Reply:
    before = dt.datetime.fromisoformat(json.loads(reply.body)["metas"]["default"]["data_processed"])
    return _metas(reply, data_processed=(before + dt.timedelta(days=float(options["days"]))).isoformat())


def _restricted(reply: Reply, _: Options) -> Reply:
    return replace(reply, body=json.dumps(json.loads(reply.body) | {"has_records": False}).encode())


def _garbage(reply: Reply, options: Options) -> Reply:
    return replace(reply, body=json.dumps(options["value"]).encode())


def _nan(reply: Reply, _: Options) -> Reply:
    content = json.loads(reply.body)
    if "metas" in content:
        content["metas"]["default"]["records_count"] = float("nan")
    for row in content.get("results", []):
        row.update({name: float("nan") for name, value in row.items() if isinstance(value, (int, float))})
    return replace(reply, body=json.dumps(content).encode())


def _header_only(reply: Reply, _: Options) -> Reply:
    return replace(reply, body=reply.body[: reply.body.index(b"\n") + 1])


def _html(reply: Reply, _: Options) -> Reply:
    page = b"<!DOCTYPE html>\n<html><body><h1>Maintenance</h1><p>Revenez plus tard.</p></body></html>\n"
    return replace(reply, body=page, content_type="text/html; charset=utf-8")


def _json_instead(reply: Reply, _: Options) -> Reply:
    return error_reply(200, "InternalError", "Le service est indisponible.")


def _too_many(reply: Reply, options: Options) -> Reply:
    reset_at = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=float(options["reset_in"]))
    answer = too_many(int(options["limit"]), reset_at)
    if options["retry_after"] is not None:
        answer = replace(answer, headers={**answer.headers, "Retry-After": str(options["retry_after"])})
    return answer


def _forbidden(reply: Reply, _: Options) -> Reply:
    return error_reply(403, "ForbiddenAccess", "You don't have permission to access this resource.")


def _not_found(reply: Reply, _: Options) -> Reply:
    return error_reply(404, "NotFoundResource", "The requested resource does not exist.")


def _failing(reply: Reply, options: Options) -> Reply:
    return error_reply(int(options["status"]), "InternalError", "Unexpected error.")


def _redirect(reply: Reply, options: Options) -> Reply:
    headers = {"Location": str(options["to"])}
    return Reply(int(options["status"]), b"", "text/plain", headers=headers)


def _charset(reply: Reply, options: Options) -> Reply:
    text = reply.body.decode("utf-8-sig").encode(str(options["charset"]), "replace")
    return replace(reply, body=text)


def _two_marks(reply: Reply, _: Options) -> Reply:
    return replace(reply, body=b"\xef\xbb\xbf" * 2 + reply.body.removeprefix(b"\xef\xbb\xbf"))


def _body(reply: Reply, options: Options) -> Reply:
    body = base64.b64decode(str(options["base64"]))
    status, content_type = int(options["status"]), options["content_type"] or reply.content_type
    headers = {**reply.headers, **options["headers"]}
    return replace(reply, status=status, body=body, content_type=str(content_type), headers=headers)


_GARBAGE = {"dataset_id": 7, "has_records": "x", "fields": {"a": 1}, "metas": ["default"]}

_TABLE: tuple[Fault, ...] = (
    # The answer
    Fault("wrong_count", "records_count is off by `by`", "metadata", {"by": 1}, _wrong_count),
    Fault("data_processed", "data_processed moves by `days`, the data does not", "metadata", {"days": 1}, _moved),
    Fault("restricted", "the metadata says that there are no records", "metadata", {}, _restricted),
    Fault(
        "garbage",
        "the metadata is the JSON `value`, of the wrong types",
        "metadata",
        {"value": _GARBAGE},
        _garbage,
    ),
    Fault("nan", "bare NaN in place of numbers", "any", {}, _nan),
    Fault("header_only", "a CSV with a header and no line", "exports", {}, _header_only),
    Fault("html", "an HTML page with status 200", "exports", {}, _html),
    Fault("json", "a JSON error with status 200", "exports", {}, _json_instead),
    Fault(
        "too_many",
        "429, with the reset in `reset_in` seconds and perhaps `retry_after`",
        "any",
        {"reset_in": 3600, "limit": 5000, "retry_after": None},
        _too_many,
    ),
    Fault("forbidden", "403", "any", {}, _forbidden),
    Fault("not_found", "404", "any", {}, _not_found),
    Fault("failing", "500, or another `status`", "any", {"status": 500}, _failing),
    Fault("redirect", "a redirect to the address `to`", "any", {"to": "/", "status": 302}, _redirect),
    Fault("charset", "the text in another `charset`, unannounced", "exports", {"charset": "latin-1"}, _charset),
    Fault("bom_twice", "two byte-order marks", "exports", {}, _two_marks),
    Fault(
        "body",
        "the bytes `base64` in place of the body, and perhaps more `headers`",
        "exports",
        {"base64": "", "status": 200, "content_type": None, "headers": {}},
        _body,
    ),
    # The wire
    Fault(
        "cut",
        "the body ends at the fraction `at`; `framing` chunked, length, none (of HTTP/1.0), "
        "or clean (chunks that end as if it were whole)",
        "exports",
        {"at": 0.5, "framing": "chunked"},
    ),
    Fault("gzip_cut", "the gzip ends at the fraction `at`, the chunks end properly", "exports", {"at": 0.5}),
    Fault("gzip_bomb", "gzip that unpacks to `megabytes` of blanks", "exports", {"megabytes": 512}),
    Fault("endless", "lines without end", "exports"),
    Fault("slow", "one byte every `seconds`", "exports", {"seconds": 1.0}),
    Fault("slow_head", "one byte of the answer's head every `seconds`", "any", {"seconds": 1.0}),
    Fault("silent", "no answer at all for `seconds`", "any", {"seconds": 3600.0}),
    Fault("raw", "the bytes `base64` in place of the whole answer, head and all", "exports", {"base64": ""}),
    Fault("reset", "the connection is reset at the fraction `at` of the body, or at once", "any", {"at": None}),
)

FAULTS: Mapping[str, Fault] = {fault.name: fault for fault in _TABLE}
"""Every fault by its name."""


def activate(name: str, times: int | None = 1, on: str | None = None, **options: Any) -> Active:
    """Set up a fault.

    Args:
        name: which.
        times: how many requests it affects; None for ever.
        on: ``any``, ``metadata``, ``exports`` or ``records``, if not the fault's own.
        options: the fault's.

    Raises:
        ValueError: there is no such fault, or it has no such option.
    """
    fault = FAULTS.get(name) if isinstance(name, str) else None
    if fault is None:
        raise ValueError(f"no fault {name!r}: there are {', '.join(FAULTS)}")
    if unknown := options.keys() - fault.options.keys():
        raise ValueError(f"{name} has no option {', '.join(sorted(unknown))}: it has {', '.join(fault.options)}")
    target = on or fault.on
    if target not in ("any", "metadata", "exports", "records"):
        raise ValueError(f"on is {target!r}: give any, metadata, exports or records")
    if times is not None and (isinstance(times, bool) or not isinstance(times, int) or times < 1):
        raise ValueError(f"times is {times!r}: give a number above 0, or null for ever")
    return Active(fault, times, target, {**fault.options, **options})  # type: ignore[arg-type]


def changed(reply: Reply, active: Active) -> Reply:
    """The answer as a fault of the answer leaves it; an answer that it does not fit stays."""
    if active.fault.change is None:
        return reply
    try:
        return active.fault.change(reply, active.options)
    except (ValueError, KeyError, TypeError) as error:
        return json_reply(500, {"error_code": "Fault", "message": f"{active.fault.name}: {error}"})
