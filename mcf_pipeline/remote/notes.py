"""What a working copy knows of its object store: of each release and product, which version it is.

One small file each, so that processes that share the copy never undo each other's notes. Lost notes cost a look.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mcf_pipeline.files import write_atomically


class Notes:
    """The notes of one kind.

    Args:
        folder: below `DataDir.in_store`.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __getitem__(self, name: str) -> dict[str, Any]:
        """What is noted; nothing where that cannot be read."""
        try:
            found = json.loads(self._file(name).read_bytes())
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    def __setitem__(self, name: str, note: Mapping[str, Any]) -> None:
        """Note something; what was noted before is gone."""
        if self[name] != note:
            write_atomically(self._file(name), json.dumps(note, sort_keys=True).encode())

    def forget(self, name: str) -> None:
        """Know nothing of it any more."""
        self._file(name).unlink(missing_ok=True)

    def names(self) -> set[str]:
        """Of what there are notes."""
        return {file.stem for file in self._folder.glob("*.json")}

    def _file(self, name: str) -> Path:
        return self._folder / f"{name}.json"
