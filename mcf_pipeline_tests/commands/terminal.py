"""The command line as a user meets it, and what a failed command must leave alone."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from click.testing import CliRunner

from mcf_pipeline.cli import main

CHECKOUT = Path(__file__).resolve().parents[2]

BESIDE_ERRORS = re.compile(r"… .+|SYNTHETIC data: .+|Try `.+ --help`\.")
"""What may stand on standard error beside ``error: …``: progress, and that data is made up."""


@dataclass(frozen=True)
class Answer:
    """Exit code and output of a command."""

    code: int
    out: str
    err: str

    @property
    def error(self) -> str:
        """The one line that says what went wrong; there is nothing beside it but progress."""
        lines = self.err.splitlines()
        errors = [line for line in lines if line.startswith("error: ")]
        assert [line for line in lines if line not in errors and not BESIDE_ERRORS.fullmatch(line)] == []
        assert len(errors) == 1, self.err
        return errors[0].removeprefix("error: ")


def begin(*arguments: object, **env: str) -> subprocess.Popen[str]:
    """Start ``mcf-pipeline`` in a process of its own, with no settings but these."""
    own = {name: value for name, value in os.environ.items() if not name.startswith(("MCF_", "DAGSTER_"))}
    return subprocess.Popen(
        [sys.executable, "-m", "mcf_pipeline.cli", *map(str, arguments)],
        env={**own, **env},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def mcf(*arguments: object, **env: str) -> Answer:
    """The same, waiting for its end."""
    with begin(*arguments, **env) as process:
        try:
            out, err = process.communicate(timeout=300)
        except BaseException:
            process.kill()
            raise
    return Answer(process.returncode, out, err)


def mcf_here(*arguments: object, **env: str) -> Answer:
    """In this process: for what no process of its own can change, at a tenth of the cost."""
    result = CliRunner().invoke(main, [*map(str, arguments)], prog_name="mcf-pipeline", env=env)
    return Answer(result.exit_code, result.stdout, result.stderr)


def kept(data_dir: Path) -> dict[str, str]:
    """What no failed command may change: the archive and the published warehouse, byte for byte."""
    files = [*(data_dir / "raw").rglob("*"), *(data_dir / "warehouse").glob("*mcf.duckdb*")]
    return {
        str(file.relative_to(data_dir)): hashlib.sha256(file.read_bytes()).hexdigest() if file.is_file() else ""
        for file in sorted(files)
    }
