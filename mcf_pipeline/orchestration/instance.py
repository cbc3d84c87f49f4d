"""The Dagster instance that the command line shares with ``dagster dev``."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import dagster as dg
from dagster._core.instance.ref import InstanceRef

from mcf_pipeline.orchestration.storage import checkout
from mcf_pipeline.settings import Settings


@contextmanager
def open_instance() -> Iterator[dg.DagsterInstance]:
    """DAGSTER_HOME's instance where that is set, else the checkout's (`dagster.yaml`).

    ``dagster dev`` makes the same choice, so what one materializes the other shows.
    """
    home = os.environ.get("DAGSTER_HOME")
    if home:
        with dg.DagsterInstance.from_ref(_without_slots(InstanceRef.from_dir(home))) as instance:
            yield instance
        return
    # No temporary home, as Dagster would make: a killed run would leave it behind.
    ref = InstanceRef.from_dir(str(Settings.from_env().data_dir.dagster), config_dir=str(checkout()))
    with dg.DagsterInstance.from_ref(_without_slots(ref)) as instance:
        yield instance


def _without_slots(ref: InstanceRef) -> InstanceRef:
    """Let steps in this process run without a slot of the pool.

    The command line holds the data directory, which is the stronger right. Were it to wait for a slot as well,
    it would wait for ever for one that a killed run still holds, and for a step of the daemon that waits for the
    data directory.
    """
    concurrency = _mapping(ref.settings.get("concurrency"))
    pools = {**_mapping(concurrency.get("pools")), "granularity": "run"}
    return ref._replace(settings={**ref.settings, "concurrency": {**concurrency, "pools": pools}})


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
