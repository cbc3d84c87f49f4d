"""Everything of Dagster's private modules that we need, each with the public thing that is missing.

Checked against Dagster 1.13; what a later version makes public leaves this file.
"""

from __future__ import annotations

# A check on a quarter names the materialization that it judged. Public results cannot: in a run over a range of
# partitions `AssetCheckResult` makes one evaluation without a partition.
from dagster._core.definitions.asset_checks.asset_check_evaluation import AssetCheckEvaluationTargetMaterializationData

# A blocking check that fails raises this; the command line turns it into one line.
from dagster._core.errors import DagsterAssetCheckFailedError

# `dagster.yaml` can name a storage class, but a base class to build on is public only for Postgres and MySQL; and
# Dagster's own want a path that is written down or an environment variable that is always set.
from dagster._core.events.log import EventLogEntry

# An instance from a folder with a `dagster.yaml` elsewhere: `DagsterInstance.get` knows DAGSTER_HOME alone.
from dagster._core.instance.ref import InstanceRef

# Run monitoring asks the launcher whether a run's process lives; the base class of launchers is not public.
from dagster._core.launcher.base import CheckRunHealthResult, WorkerStatus
from dagster._core.launcher.default_run_launcher import DefaultRunLauncher
from dagster._core.storage.dagster_run import DagsterRun
from dagster._core.storage.event_log.sqlite.sqlite_event_log import SqliteEventLogStorage
from dagster._core.storage.local_compute_log_manager import LocalComputeLogManager
from dagster._core.storage.root import LocalArtifactStorage
from dagster._core.storage.runs.sqlite.sqlite_run_storage import SqliteRunStorage
from dagster._core.storage.schedules.sqlite.sqlite_schedule_storage import SqliteScheduleStorage
from dagster._core.storage.sqlite_storage import DagsterSqliteStorage

# Tags that the UI does not show, the tag that names the code server of a run, the one of how long it may take, and the
# one of a run that is tried again.
from dagster._core.storage.tags import GRPC_INFO_TAG, HIDDEN_TAG_PREFIX, MAX_RUNTIME_SECONDS_TAG, WILL_RETRY_TAG
from dagster._serdes import ConfigurableClassData

__all__ = [
    "GRPC_INFO_TAG",
    "HIDDEN_TAG_PREFIX",
    "MAX_RUNTIME_SECONDS_TAG",
    "WILL_RETRY_TAG",
    "AssetCheckEvaluationTargetMaterializationData",
    "CheckRunHealthResult",
    "ConfigurableClassData",
    "DagsterAssetCheckFailedError",
    "DagsterRun",
    "DagsterSqliteStorage",
    "DefaultRunLauncher",
    "EventLogEntry",
    "InstanceRef",
    "LocalArtifactStorage",
    "LocalComputeLogManager",
    "SqliteEventLogStorage",
    "SqliteRunStorage",
    "SqliteScheduleStorage",
    "WorkerStatus",
]
