"""Dagster's storage inside the data directory, named in ``dagster.yaml``.

Dagster's own classes want a path that is written down; ours follows ``MCF_DATA_DIR`` and ``MCF_SOURCE``, so
that the history of the sample and that of the real data never mix.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dagster._core.storage.local_compute_log_manager import LocalComputeLogManager
from dagster._core.storage.root import LocalArtifactStorage
from dagster._core.storage.sqlite_storage import DagsterSqliteStorage
from dagster._serdes import ConfigurableClassData

from mcf_pipeline.config import Settings


def _folder(name: str) -> str:
    folder = Settings.from_env().data_dir.dagster / name
    folder.mkdir(parents=True, exist_ok=True)
    return str(folder)


class DataDirStorage(DagsterSqliteStorage):
    """Runs, events and schedules as SQLite files in the data directory."""

    @classmethod
    def config_type(cls) -> Any:
        """Nothing to configure."""
        return {}

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData | None, config_value: Any) -> DataDirStorage:
        """Made by Dagster from ``dagster.yaml``, where `config_value` is empty."""
        del config_value
        return cls(_folder("storage"), inst_data=inst_data)


class DataDirArtifacts(LocalArtifactStorage):
    """What Dagster keeps for itself."""

    @classmethod
    def config_type(cls) -> Any:
        """Nothing to configure."""
        return {}

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData | None, config_value: Any) -> DataDirArtifacts:
        """Made by Dagster from ``dagster.yaml``, where `config_value` is empty."""
        del config_value
        return cls(_folder("artifacts"), inst_data=inst_data)


class DataDirComputeLogs(LocalComputeLogManager):
    """What the steps print."""

    @classmethod
    def config_type(cls) -> Any:
        """Nothing to configure."""
        return {}

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData | None, config_value: Any) -> DataDirComputeLogs:
        """Made by Dagster from ``dagster.yaml``, where `config_value` is empty."""
        del config_value
        return cls(_folder("logs"), inst_data=inst_data)


def checkout() -> Path:
    """The folder that holds ``dagster.yaml``: the checkout this package is installed from."""
    return Path(__file__).resolve().parents[2]
