"""What a data package was made from, and by which code; read without loading what makes one."""

from __future__ import annotations

import hashlib
import json
from functools import cache
from importlib import resources

from mcf_pipeline.settings import DataDir

FILE_NAME = "datapackage.json"
STATE = "mcf:state"


def is_current(data_dir: DataDir, state: str) -> bool:
    """Whether the package in place was made by this code from a published file of this state."""
    try:
        found = json.loads((data_dir.package / FILE_NAME).read_bytes())[STATE]
    except (OSError, ValueError, KeyError):
        return False
    return bool(found == package_state(state))


@cache
def package_state(state: str) -> str:
    """Fingerprint of a package: of the published file it is made from, and of the code that makes it."""
    digest = hashlib.sha256(state.encode())
    for file in sorted(resources.files("mcf_pipeline").joinpath("package").iterdir(), key=lambda f: f.name):
        if file.name.endswith(".py"):
            digest.update(file.name.encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()
