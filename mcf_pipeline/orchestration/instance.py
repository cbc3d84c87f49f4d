"""The Dagster instance that the command line shares with ``dagster dev``."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg

from mcf_pipeline.orchestration.private import InstanceRef
from mcf_pipeline.orchestration.storage import checkout
from mcf_pipeline.settings import Settings


@contextmanager
def open_instance() -> Iterator[dg.DagsterInstance]:
    """DAGSTER_HOME's instance where that is set, else the checkout's (`dagster.yaml`).

    ``dagster dev`` makes the same choice, so what one materializes the other shows.
    """
    home = os.environ.get("DAGSTER_HOME")
    if home:
        with dg.DagsterInstance.from_ref(InstanceRef.from_dir(home)) as instance:
            yield instance
        return
    # No temporary home, as Dagster would make: a killed run would leave it behind.
    ref = InstanceRef.from_dir(str(Settings.from_env().data_dir.dagster), config_dir=str(checkout()))
    with dg.DagsterInstance.from_ref(ref) as instance:
        yield instance
