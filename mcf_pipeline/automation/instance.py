"""The Dagster instance that the command line shares with ``dagster dev``."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg
from dagster._core.instance.ref import InstanceRef

from mcf_pipeline.automation.storage import checkout


@contextmanager
def open_instance() -> Iterator[dg.DagsterInstance]:
    """DAGSTER_HOME's instance where that is set, else the checkout's (`dagster.yaml`).

    ``dagster dev`` makes the same choice, so what one materializes the other shows.
    """
    if os.environ.get("DAGSTER_HOME"):
        with dg.DagsterInstance.get() as instance:
            yield instance
        return
    # Dagster wants a home of its own to write to; all that it would write has its place in the data directory.
    with (
        tempfile.TemporaryDirectory(prefix="mcf-dagster-") as home,
        dg.DagsterInstance.from_ref(InstanceRef.from_dir(home, config_dir=str(checkout()))) as instance,
    ):
        yield instance
