"""``rebuild``: the warehouse anew from ``raw/`` alone."""

from __future__ import annotations

import shutil

from mcf_pipeline.archive.reread import reread
from mcf_pipeline.commands.console import out, progress_bar
from mcf_pipeline.commands.run import IMPATIENCE, execute, raise_if_refused, summary
from mcf_pipeline.errors import UsageError
from mcf_pipeline.settings import Settings
from mcf_pipeline.warehouse.build import remove_database
from mcf_pipeline.workspace import Workspace


def rebuild(settings: Settings, *, dagster_logs: bool) -> None:
    """Read the archived exports again by today's rules, forget all that was derived, and build it anew.

    The published warehouse stays in place until the new one is whole.

    Raises:
        UsageError: there is no release to build from.
        ArchiveError: the archive is damaged.
    """
    space = Workspace(settings)
    with space.lock(patience=IMPATIENCE):
        if not space.archive.manifests():
            raise UsageError(f"there is no release under {space.data_dir.releases}: `mcf-pipeline run` takes one in")
        with progress_bar():
            changed = reread(space.archive)
            remove_database(space.data_dir.build_database)
            shutil.rmtree(space.data_dir.staging, ignore_errors=True)
            outcome = execute(space, look=False, force=True, dagster_logs=dagster_logs)
        if changed:
            out.print(f"Releases that today's source map reads differently: {', '.join(changed)}.")
        refusals = space.refusals()
        summary(space, outcome, refusals)
        raise_if_refused(refusals)
