"""MkDocs hook: the built site loads nothing from elsewhere: it works offline, and tells nobody of its readers."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

# What a browser fetches by itself: scripts, images, styles; a plain link is only followed by a click.
_LOADS = (
    re.compile(r"""<(?:script|img|iframe|source|video|audio)\b[^>]*\bsrc=["']?((?:https?:)?//[^"'\s>]+)""", re.I),
    re.compile(
        r"""<link\b(?=[^>]*\brel=["']?(?:stylesheet|preconnect|preload|icon|manifest))[^>]*\bhref=["']?((?:https?:)?//[^"'\s>]+)""",
        re.I,
    ),
    re.compile(r"""(?:@import\s+|url\()["']?((?:https?:)?//[^"')\s]+)""", re.I),
)


def on_post_build(config: Any, **_: Any) -> None:
    """Called by MkDocs once the site is built.

    Raises:
        SystemExit: a page or stylesheet loads something from another host.
    """
    found = outside(Path(config["site_dir"]))
    if found:
        raise SystemExit("the site loads from elsewhere:\n" + "\n".join(found))


def outside(site: Path) -> list[str]:
    """What the pages and stylesheets of a site load from other hosts: ``file: address``."""
    return [
        f"{path.relative_to(site)}: {address}"
        for path in sorted(site.rglob("*"))
        if path.suffix in {".html", ".css"}
        for pattern in _LOADS
        for address in pattern.findall(path.read_text(encoding="utf-8"))
    ]
