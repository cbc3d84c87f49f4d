"""Makes the data directory of a version, as `versions/<name>.tar.xz`: run once when a version is released.

    git worktree add /tmp/checkout <commit>
    python -m mcf_pipeline_tests.upgrade.make /tmp/checkout 0.1.0

The code of the checkout runs in the environment of this one, on the exports of `exports.py`. What is kept is all that a
version leaves, but for Dagster's history, which Dagster itself upgrades, and with only the descriptor of the data
package and the head of the dashboard, by which a version knows its own.

=========  ========  ======================================================================
name       commit    what its data directories look like
=========  ========  ======================================================================
0.1.0      d765356   manifests of format 1; ``staging/`` and ``warehouse/build.duckdb``
0.2.dev0   14d9d92   manifests of format 2; immutable files in ``tables/``; the dashboard
=========  ========  ======================================================================
"""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from mcf_pipeline_tests.upgrade import exports

VERSIONS = Path(__file__).parent / "versions"
HEAD = 4096
"""Bytes of the dashboard that are kept."""
RUN = "import sys; from mcf_pipeline.cli import main; main(['run', '--source', sys.argv[1], '--data-dir', sys.argv[2]])"


def make(checkout: Path, name: str) -> Path:
    """Run a checkout's code on each export and keep what it leaves."""
    VERSIONS.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="mcf-") as work:
        data_dir = Path(work) / "data"
        for csv in exports.write(Path(work) / "exports"):
            # First on the path, so that this checkout's own code is not the one that runs.
            env = {k: v for k, v in os.environ.items() if not k.startswith(("MCF_", "DAGSTER_"))}
            code = f"import sys; sys.path.insert(0, {str(checkout)!r}); {RUN}"
            command = [sys.executable, "-c", code, str(csv), str(data_dir)]
            subprocess.run(command, cwd=checkout, env=env, check=True)
        target = VERSIONS / f"{name}.tar.xz"
        package = (data_dir / "package").resolve()
        page = data_dir / "site" / "index.html"
        if page.exists():
            page.write_bytes(page.read_bytes()[:HEAD])
        with tarfile.open(target, "w:xz", preset=9) as archive:
            for path in sorted(data_dir.rglob("*")):
                place = path.relative_to(data_dir)
                is_of_package = place.parts[0] == ".package" and path not in (package, package / "datapackage.json")
                if not (is_of_package or place.parts[0] == "dagster" or place.suffix == ".lock"):
                    archive.add(path, str(place), recursive=False, filter=_anonymous)
    return target


def _anonymous(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = ""
    return entry


if __name__ == "__main__":
    made = make(Path(sys.argv[1]).absolute(), sys.argv[2])
    sys.stdout.write(f"{made}: {made.stat().st_size} bytes\n")
