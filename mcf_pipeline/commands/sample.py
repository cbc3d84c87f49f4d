"""``sample``: successive synthetic releases as CSV files."""

from __future__ import annotations

from pathlib import Path

from mcf_pipeline.commands.console import out, progress_bar, warn_synthetic
from mcf_pipeline.files import ensure_writable, explain_disk_errors
from mcf_pipeline.progress import report


def sample(path: Path, *, releases: int, scale: float) -> None:
    """Write them, saying that they are synthetic.

    Raises:
        UsageError: the folder cannot be written.
    """
    from mcf_pipeline.sample.synthetic import write_releases

    ensure_writable(path)
    warn_synthetic()
    with explain_disk_errors(), progress_bar():
        written = write_releases(path, releases, scale, lambda done, total: report("write the releases", done, total))
    for file in written:
        out.print(str(file), markup=False)
