"""``prune``: keep the newest releases, remove the others, and publish what is left."""

from __future__ import annotations

from mcf_pipeline.archive.pruning import named_by, unneeded_quarters
from mcf_pipeline.archive.retention import Retention, retain
from mcf_pipeline.commands.console import hold_stderr, out, progress_bar, size
from mcf_pipeline.commands.run import LOCK_TIMEOUT, execute
from mcf_pipeline.errors import UsageError
from mcf_pipeline.files import explain_disk_errors
from mcf_pipeline.settings import Settings
from mcf_pipeline.workspace import Workspace


def prune(settings: Settings, *, keep: int, dry_run: bool) -> None:
    """Say what goes, remove it, and rebuild and publish what rests on it.

    Raises:
        UsageError: there is no release; or, with `dry_run`, the archive has something that was not built yet.
        BusyError: another run holds the data directory.
    """
    if settings.store:
        raise UsageError(
            f"{settings.store} cannot be pruned: no lock keeps another machine from archiving a release whose quarters "
            "would be removed; nothing was changed"
        )
    space = Workspace(settings)
    if not space.archive.manifests():
        raise UsageError(f"there is no release under {space.data_dir.releases}: `mcf-pipeline run` ingests one")
    with space.lock(timeout=LOCK_TIMEOUT):
        if not dry_run:
            space.archive.complete_pruning()
        snapshot = space.snapshot()
        if snapshot.plan.to_do:
            # Which contents are refused, so that a quarter rests on an older release, is known once they are built.
            if dry_run:
                raise UsageError("the archive has quarters that are not built yet: run `mcf-pipeline run` first")
            _build(space)
            snapshot = space.snapshot()
        accepted = space.archive.accepted(snapshot.manifests)
        found = retain(snapshot.manifests, accepted, snapshot.refused_contents, keep)
        _describe(space, found, set(snapshot.held), dry_run=dry_run)
        if dry_run or not found.removed:
            return
        with explain_disk_errors():
            space.archive.prune(found)
        _build(space)
    first = found.kept[0].release_id
    out.print(f"Done: the history begins with release {first}; the current figures are unchanged, and published.")


def _build(space: Workspace) -> None:
    with hold_stderr(), explain_disk_errors(), progress_bar():
        execute(space, ask_source=False)


def _describe(space: Workspace, found: Retention, held: set[str], *, dry_run: bool) -> None:
    releases = "1 release" if len(found.kept) == 1 else f"{len(found.kept)} releases"
    if found.reason:
        out.print(f"{found.applied} applied releases are kept, more than requested: {found.reason}.", markup=False)
    if not found.removed:
        out.print(f"Nothing to remove: {releases} archived, {found.applied} of them applied with changes of their own.")
        return
    quarters = unneeded_quarters(space.data_dir, named_by(found.kept))
    folders = [space.data_dir.releases / manifest.release_id for manifest in found.removed]
    freed = sum(path.stat().st_size for path in (*quarters, *(path for f in folders for path in f.iterdir())))
    names = [m.release_id + (" (held)" if m.release_id in held else "") for m in found.removed]
    contents = len({path.with_suffix("") for path in quarters})
    out.print(
        f"{'Would remove' if dry_run else 'Removing'} {len(names)} of {len(names) + len(found.kept)} releases: "
        f"{', '.join(names)}; with them {found.states} quarter states from the history and {contents} stored "
        f"quarters: {size(freed)}. Kept: {releases}, from {found.kept[0].release_id} on."
    )
    if dry_run:
        out.print("Nothing was changed.")
