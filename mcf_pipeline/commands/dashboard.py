"""``dashboard``: open the page that the last publication made, or say where it is."""

from __future__ import annotations

import webbrowser

from mcf_pipeline.commands.console import err, out
from mcf_pipeline.errors import UsageError
from mcf_pipeline.settings import Settings


def dashboard(settings: Settings, *, browser: bool) -> None:
    """Open the dashboard in the user's browser.

    Args:
        settings: which data directory.
        browser: False to print the path alone.

    Raises:
        UsageError: there is no dashboard yet.
    """
    if settings.store:
        from mcf_pipeline.workspace import Workspace

        Workspace(settings).pull_product("site")
    page = settings.data_dir.dashboard
    if not page.is_file():
        raise UsageError(
            f"there is no dashboard at {page} yet: `mcf-pipeline run` creates it; for the sample, add `--source sample`"
        )
    # Nothing else on standard output: the path can be given to another program.
    out.print(str(page), markup=False)
    if browser and not webbrowser.open(page.resolve().as_uri()):
        err.print("No browser could be opened: open that file in one.")
