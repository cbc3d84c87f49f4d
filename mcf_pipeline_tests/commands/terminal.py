"""The command line as a user meets it: in a process of its own, and what a failed command must leave alone."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]

BESIDE_ERRORS = re.compile(
    r"… .+|SYNTHETIC data: .+|Try `mcf-pipeline.* --help`\.|.+ is SYNTHETIC: \d+ made-up lines, .+"
)
"""What may stand on standard error beside ``error: …``: progress, and that data is made up."""


@dataclass(frozen=True)
class Answer:
    code: int
    out: str
    err: str

    @property
    def error(self) -> str:
        """The one line that says what went wrong."""
        lines = self.err.splitlines()
        errors = [line for line in lines if line.startswith("error: ")]
        noise = [line for line in lines if line not in errors and not BESIDE_ERRORS.fullmatch(line)]
        assert noise == []
        assert len(errors) == 1, self.err
        return errors[0].removeprefix("error: ")


def mcf(
    *arguments: object,
    env: Mapping[str, str] | None = None,
    prefix: Sequence[str] = (),
    cwd: Path | None = None,
) -> Answer:
    """Run ``mcf-pipeline`` with no settings but these.

    Args:
        *arguments: of the command line.
        env: further environment variables.
        prefix: a command that runs it.
        cwd: working directory.
    """
    own = {name: value for name, value in os.environ.items() if not name.startswith(("MCF_", "DAGSTER_"))}
    own["PYTHONPATH"] = os.pathsep.join(filter(None, [str(CHECKOUT), own.get("PYTHONPATH")]))
    done = subprocess.run(
        [*prefix, sys.executable, "-m", "mcf_pipeline.cli", *map(str, arguments)],
        env={**own, **(env or {})},
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
    )
    return Answer(done.returncode, done.stdout, done.stderr)


def kept(data_dir: Path) -> dict[str, str]:
    """What no failed command may change: the archive and the published warehouse, byte for byte."""
    files = [*(data_dir / "raw").rglob("*"), data_dir / "warehouse" / "mcf.duckdb"]
    return {
        str(file.relative_to(data_dir)): hashlib.sha256(file.read_bytes()).hexdigest() if file.is_file() else ""
        for file in sorted(files)
        if file.exists()
    }
