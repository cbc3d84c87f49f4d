"""``verify``: the archive's hashes, and the warehouse against the archive."""

from __future__ import annotations

from mcf_pipeline.commands.console import SHOWN, counted, err, for_the_sample, out, progress_bar
from mcf_pipeline.commands.run import LOCK_TIMEOUT
from mcf_pipeline.errors import ArchiveError, UsageError
from mcf_pipeline.settings import Settings
from mcf_pipeline.warehouse.verification import verify_archive, verify_warehouse
from mcf_pipeline.workspace import Workspace


def verify(settings: Settings) -> None:
    """Look at everything and print each problem.

    Raises:
        UsageError: there is nothing to verify.
        ArchiveError: something is wrong.
    """
    opened = Workspace(settings)
    with opened.lock(timeout=LOCK_TIMEOUT), progress_bar(), opened.fresh_copy() as space:
        problems = list(verify_archive(space.archive))
        if not problems and not space.archive.manifests() and not space.data_dir.published_database.exists():
            raise UsageError(
                f"there is no release under {space.data_dir.releases}: `mcf-pipeline run` ingests one"
                + for_the_sample(settings)
            )
        # A broken archive cannot say what the warehouse should be.
        if not problems:
            problems = list(verify_warehouse(space.archive, space.snapshot()))
        releases = len(space.archive.release_folders())
        if settings.store:
            problems = [text.replace(str(space.data_dir.root), settings.store) for text in problems]
    for problem in problems[:SHOWN]:
        err.print(f"• {problem}", markup=False)
    if problems:
        raise ArchiveError(
            f"{counted(len(problems), 'problem')} found"
            + (f", the first {SHOWN} shown" if len(problems) > SHOWN else "")
        )
    out.print(f"No problem found: {counted(releases, 'release')}, every file as archived; the warehouse matches them.")
