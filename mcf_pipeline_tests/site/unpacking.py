"""Reading a page's figures back, written from the format's description and not from the code that packs them."""

from __future__ import annotations

import base64
import json
import re
import zlib
from typing import Any


def between(page: str, element_id: str) -> str:
    found = re.search(rf'<script type="[^"]+" id="{element_id}">(.*?)</script>', page, re.DOTALL)
    assert found, f"the page has no {element_id}"
    return found[1]


def meta_of(page: str) -> dict[str, Any]:
    return json.loads(between(page, "meta"))


def unpack(packed: str, layout: list[dict[str, Any]]) -> dict[str, list[int | None]]:
    stream = zlib.decompress(base64.b64decode(packed))
    columns, at = {}, 0
    for entry in layout:
        codes = stream[at : at + entry["lines"]]
        at += entry["lines"]
        kept = codes.count(2)
        planes = [stream[at + plane * kept : at + (plane + 1) * kept] for plane in range(entry["bytes"])]
        at += kept * entry["bytes"]
        zigzag = iter(sum(byte << 8 * plane for plane, byte in enumerate(each)) for each in zip(*planes, strict=True))
        if not planes:
            assert kept == 0
        columns[entry["name"]] = [None if code == 0 else 0 if code == 1 else _signed(next(zigzag)) for code in codes]
    assert at == len(stream)
    return columns


def _signed(zigzag: int) -> int:
    return -(zigzag + 1) // 2 if zigzag % 2 else zigzag // 2


def lines_of(page: str) -> list[dict[str, Any]]:
    """The lines of a page's cube: ids of the dimensions, and figures; amounts in cents."""
    meta = meta_of(page)
    columns = unpack(between(page, "figures"), meta["layout"])
    masked = columns["masque"]
    order = sorted(range(len(masked)), key=lambda i: (masked[i], i))
    place = {line: rank for rank, line in enumerate(order)}
    names = [name for name in columns if not name.startswith(("e_", "r_")) and name not in ("cle", "masque")]
    key, lines = 0, []
    for i, difference in enumerate(columns["cle"]):
        key += difference
        rest, ids = key, {}
        for dimension, rows in reversed(meta["dimensions"].items()):
            if rows:
                rest, code = divmod(rest, len(rows))
                ids[dimension] = rows[code]["id"]
        figures = {name: columns[name][place[i]] for name in names}
        lines.append(ids | {"masque": masked[i]} | _undone(figures, meta))
    return lines


def _undone(figures: dict[str, int | None], meta: dict[str, Any]) -> dict[str, int | None]:
    """Figures in place of the differences that are kept."""
    dossiers = figures["nb_dossiers"] or 0
    done = dict(figures)
    for name in ("nb_titulaires", "duree_connue"):
        if figures[name] is not None:
            done[name] = dossiers - figures[name]
    if figures["montant"] is not None:
        done["montant"] = figures["montant"] + (figures["prix"] or 0) * dossiers * 100 // meta["scales"]["prix"]
    main = "part_france_competences"
    if figures.get(main) is not None:
        others = sum(figures[f"part_{row['id']}"] or 0 for row in meta["financers"] if f"part_{row['id']}" != main)
        done[main] = (done["montant"] or 0) - others - figures[main]
    return done
