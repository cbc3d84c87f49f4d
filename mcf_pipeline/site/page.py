"""Putting the figures, the program and the style into one page that needs nothing else.

What comes from the data is never written as HTML: it is in a JSON block, in which ``<`` is escaped, and the
program writes it as text. The page may load nothing and run nothing but that program (Content-Security-Policy).
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
from functools import cache
from importlib import resources
from string import Template

STYLE = ("front", "style.css")
PROGRAM = ("built", "app.js")
FRAME = ("front", "page.html")
NOTICES = ("built", "LICENCES.txt")
PARTS = (FRAME, STYLE, PROGRAM, NOTICES)
"""The files of the front end that a page is made of."""


@cache
def part(folder: str, name: str) -> str:
    """The text of one of `PARTS`."""
    return resources.files("mcf_pipeline").joinpath("site", folder, name).read_text(encoding="utf-8")


def render(title: str, mention: str, mark: str, meta: dict[str, object], packed: str) -> str:
    """The whole page as HTML.

    Args:
        title: of the page.
        mention: what must be cited, for readers without JavaScript.
        mark: fingerprint of what it is made from.
        meta: what `front/src/data.js` needs beside the figures; anything that JSON can say.
        packed: the figures, from `encoding.pack`.
    """
    program = part(*PROGRAM)
    return Template(part(*FRAME)).substitute(
        policy=html.escape(
            "default-src 'none'; style-src 'unsafe-inline'; img-src data: blob:; base-uri 'none'; form-action 'none'; "
            f"script-src '{_hash(program)}'"
        ),
        title=html.escape(title),
        mark=html.escape(mark),
        mention=html.escape(mention),
        notices=html.escape(part(*NOTICES)),
        style=part(*STYLE),
        meta=embedded(meta),
        figures=packed,
        program=program,
    )


def embedded(content: object) -> str:
    """JSON that can stand in a ``<script>`` element: without ``<`` nothing in it ends the element or begins another."""
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"), default=str)
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def _hash(program: str) -> str:
    digest = hashlib.sha256(program.encode()).digest()
    return f"sha256-{base64.b64encode(digest).decode('ascii')}"
