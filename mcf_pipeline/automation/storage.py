"""Dagster's storage inside the data directory, named in ``dagster.yaml``.

Dagster's own classes want a path that is written down; ours follows ``MCF_DATA_DIR`` and ``MCF_SOURCE``, so
that the history of the sample and that of the real data never mix.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dagster._core.storage.event_log.sqlite.sqlite_event_log import SqliteEventLogStorage
from dagster._core.storage.local_compute_log_manager import LocalComputeLogManager
from dagster._core.storage.root import LocalArtifactStorage
from dagster._core.storage.sqlite_storage import DagsterSqliteStorage
from dagster._serdes import ConfigurableClassData
from sqlalchemy import Connection, Engine, create_engine
from sqlalchemy.pool import NullPool

from mcf_pipeline.config import Settings

BUSY_TIMEOUT_SECONDS = 60
"""How long one process waits for another's write, as Dagster has it."""

MAX_ENGINES = 8
"""Event log files that are kept ready: the index, and those of the latest runs."""


def _folder(name: str) -> str:
    folder = Settings.from_env().data_dir.dagster / name
    folder.mkdir(parents=True, exist_ok=True)
    return str(folder)


class EventLog(SqliteEventLogStorage):
    """Dagster's event log, with one SQLAlchemy engine per file instead of one per event.

    An engine remembers the statements it has compiled; made anew for each event, as Dagster does, it compiles
    each of them again, which was half the time of a full run. Connections are still opened and closed each time.
    """

    def __init__(self, base_dir: str) -> None:
        super().__init__(base_dir)
        self._engines: dict[str, Engine] = {}

    @contextmanager
    def _connect(self, shard: str) -> Iterator[Connection]:
        with self._db_lock:
            engine = self._engines.pop(shard, None) or create_engine(
                self.conn_string_for_shard(shard),
                poolclass=NullPool,
                connect_args={"timeout": BUSY_TIMEOUT_SECONDS},
            )
            # The newest last: a daemon sees a file per run, and remembers only the latest few.
            self._engines[shard] = engine
            if len(self._engines) > MAX_ENGINES:
                self._engines.pop(next(iter(self._engines))).dispose()
            if shard not in self._initialized_dbs:
                self._initdb(engine)
                self._initialized_dbs.add(shard)
            with engine.connect() as connection, connection.begin():
                yield connection


class DataDirStorage(DagsterSqliteStorage):
    """Runs, events and schedules as SQLite files in the data directory."""

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        super().__init__(base_dir, inst_data=inst_data)
        self._event_log_storage = EventLog(str(Path(base_dir) / "history" / "runs"))

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
