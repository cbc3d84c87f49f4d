"""What a dashboard was made from, and by which code; read without loading what makes one."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib import resources

from mcf_pipeline.settings import DataDir

MARK = '<meta name="mcf-state" content="'
_HEAD = 4096
"""Bytes of the page within which its mark stands."""

_SUFFIXES = (".py", ".sql", ".css", ".html", ".js", ".txt")


def is_current(data_dir: DataDir, state: str) -> bool:
    """Whether the page in place was made by this code from a published file of this state."""
    try:
        with data_dir.dashboard.open("rb") as page:
            head = page.read(_HEAD).decode("utf-8", "replace")
    except OSError:
        return False
    return f'{MARK}{page_state(state)}"' in head


@cache
def page_state(state: str) -> str:
    """Fingerprint of a page: of the published file it is made from, and of the code that makes it."""
    digest = hashlib.sha256(state.encode())
    site = resources.files("mcf_pipeline").joinpath("site")
    for folder in (site, *(site.joinpath(name) for name in ("sql", "front", "built"))):
        for file in sorted(folder.iterdir(), key=lambda f: f.name):
            if file.name.endswith(_SUFFIXES):
                digest.update(file.name.encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()
