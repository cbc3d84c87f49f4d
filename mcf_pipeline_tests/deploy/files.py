"""What the files in `deploy/` say, read as their own programs read them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import yaml

CHECKOUT = Path(__file__).resolve().parents[2]
DEPLOY = CHECKOUT / "deploy"
DOCKERFILE = DEPLOY / "container" / "Dockerfile"
COMPOSE = DEPLOY / "container" / "compose.yaml"
INSTALLED = "/opt/mcf_pipeline"
"""Where all of them expect the checkout."""


def instructions(dockerfile: Path = DOCKERFILE) -> list[tuple[str, str]]:
    """The instructions of the last stage of a Dockerfile, each on one line."""
    text = re.sub(r"^\s*#.*\n", "", dockerfile.read_text(), flags=re.MULTILINE)
    lines = re.sub(r"\\\n\s*", " ", text).splitlines()
    found = [(name, rest.strip()) for name, _, rest in (line.partition(" ") for line in lines if line.strip())]
    last = max(at for at, (name, _) in enumerate(found) if name == "FROM")
    return found[last:]


def said(name: str) -> str:
    """The one instruction of this name in the image that runs."""
    (found,) = [rest for instruction, rest in instructions() if instruction == name]
    return found


def image_command() -> list[str]:
    """CMD."""
    command: list[str] = json.loads(said("CMD"))
    return command


def image_health_check() -> list[str]:
    """The command of HEALTHCHECK."""
    command: list[str] = json.loads(said("HEALTHCHECK").partition("CMD ")[2])
    return command


def image_environment() -> dict[str, str]:
    """ENV."""
    return dict(pair.split("=", 1) for pair in said("ENV").split())


def services() -> dict[str, dict[str, Any]]:
    """The services of the compose file, their common part in each."""
    found: dict[str, dict[str, Any]] = yaml.safe_load(COMPOSE.read_text())["services"]
    return found


def unit(name: str) -> dict[str, list[str]]:
    """What a unit file and the drop-in of all units say: values by key, in their order."""
    folder = DEPLOY / "systemd"
    found: dict[str, list[str]] = {}
    for path in (folder / name, folder / "mcf-pipeline-.service.d" / "hardening.conf"):
        for line in path.read_text().splitlines():
            if "=" in line and not line.startswith(("#", ";")):
                key, _, value = line.partition("=")
                found.setdefault(key, []).append(value)
    return found
