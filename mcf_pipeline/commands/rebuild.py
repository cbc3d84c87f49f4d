"""``rebuild``: everything that is derived, again from ``raw/`` alone."""

from __future__ import annotations

import shutil

from mcf_pipeline.archive.reread import reread
from mcf_pipeline.commands.console import for_the_sample, out, progress_bar
from mcf_pipeline.commands.notify import notifying
from mcf_pipeline.commands.run import LOCK_TIMEOUT, execute_and_print
from mcf_pipeline.errors import UsageError
from mcf_pipeline.settings import Settings
from mcf_pipeline.workspace import Workspace


def rebuild(settings: Settings, *, dagster_logs: bool) -> None:
    """Read the archived exports again by today's rules, remove all that was derived, and build it again.

    The published warehouse stays in place until the new one is complete.

    Raises:
        UsageError: there is no release to build from.
        ArchiveError: the archive is damaged.
    """
    space = Workspace(settings)
    with notifying(space, asks_source=False), space.lock(timeout=LOCK_TIMEOUT), space.shared(rebuilds=True):
        if not space.archive.manifests():
            raise UsageError(
                f"there is no release under {space.data_dir.releases}: `mcf-pipeline run` ingests one"
                + for_the_sample(settings)
            )
        with progress_bar():
            changed = reread(space.archive)
        if space.remote:
            space.remote.releases.push(again=True)
        shutil.rmtree(space.data_dir.tables, ignore_errors=True)
        if changed:
            out.print(f"Releases that the current source map reads differently: {', '.join(changed)}.")
        execute_and_print(space, force=True, ask_source=False, dagster_logs=dagster_logs)
