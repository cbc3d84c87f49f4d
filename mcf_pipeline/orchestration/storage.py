"""Dagster's storage inside the data directory, named in ``dagster.yaml``.

Dagster's own classes want a path that is written down; ours follows ``MCF_DATA_DIR`` and ``MCF_SOURCE``, so
that the history of the sample and that of the real data never mix.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import cached_property
from pathlib import Path
from threading import RLock
from typing import Any

from sqlalchemy import Connection, Engine, create_engine
from sqlalchemy.event import listen
from sqlalchemy.pool import NullPool, StaticPool

from mcf_pipeline.files import keep_others_from_writing
from mcf_pipeline.orchestration.private import (
    ConfigurableClassData,
    DagsterSqliteStorage,
    EventLogEntry,
    LocalArtifactStorage,
    LocalComputeLogManager,
    SqliteEventLogStorage,
    SqliteRunStorage,
    SqliteScheduleStorage,
)
from mcf_pipeline.settings import Settings

BUSY_TIMEOUT_SECONDS = 60
"""How long one process waits for another's write. Dagster waits half as long in some files and five seconds in others,
which a busy disk exceeds; the error is then "database is locked"."""

BATCH_EVENTS = 1000
"""Events that are written in one transaction at most; a quarterly asset has one for each of its quarters."""

MAX_ENGINES = 8
"""Event log files that are kept open: the index, and those of the latest runs."""


def _folder(name: str) -> str:
    folder = Settings.from_env().data_dir.dagster / name
    folder.mkdir(parents=True, exist_ok=True)
    return str(folder)


class EventLog(SqliteEventLogStorage):
    """Dagster's event log, faster than Dagster's own, which reopens the file for every event it writes.

    Three things differ. There is one SQLAlchemy engine per file instead of one per event: an engine remembers the
    statements it has compiled; a new one each time compiles all of them again, which was half the time of a full
    run. A batch of events is one transaction per file: Dagster hands over as one batch what it plans and what a
    step materialized, but its own storage writes each event by itself. And the latest files stay open: SQLite
    copies its write-ahead log back and syncs both at each close.
    """

    def __init__(self, base_dir: str) -> None:
        super().__init__(base_dir)
        self._engines: dict[str, Engine] = {}
        # Dagster's is no re-entrant one, and each event of a batch asks for it again.
        self._db_lock = RLock()  # type: ignore[assignment]
        self._batch: dict[str, Connection] | None = None
        self._batch_end = ExitStack()
        self._seen: set[str] = set()

    # What is there stays there. Dagster asks before it stores an event of an asset or a check, and each answer of its
    # own takes an engine or a look at the schema.

    def has_table(self, table_name: str) -> bool:
        """Whether the index has a table."""
        if table_name not in self._seen and super().has_table(table_name):
            self._seen.add(table_name)
        return table_name in self._seen

    def _has_asset_key_col_on_connection(self, conn: Connection, column_name: str) -> bool:
        if column_name not in self._seen and super()._has_asset_key_col_on_connection(conn, column_name):
            self._seen.add(column_name)
        return column_name in self._seen

    def store_event_batch(self, events: Sequence[EventLogEntry]) -> None:
        """Store all of the events, or none where one cannot be stored; Dagster then tries each by itself."""
        with self._db_lock, ExitStack() as self._batch_end:
            self._batch = {}
            # First in, last out: the transactions are committed before it.
            self._batch_end.callback(setattr, self, "_batch", None)
            for event in _a_millisecond_apart(events):
                self.store_event(event)
        self._show({event.run_id for event in events})

    def store_event(self, event: EventLogEntry) -> None:
        """Store one event."""
        super().store_event(event)
        if self._batch is None:
            self._show({event.run_id})

    def _show(self, run_ids: Iterable[str]) -> None:
        """Have the UI read what is new: it watches a run's file, not the write-ahead log beside it."""
        for run_id in run_ids:
            if run_id in self._engines:
                os.utime(self.path_for_shard(run_id))

    def wipe(self) -> None:
        """Remove every event."""
        self._close()
        super().wipe()

    def dispose(self) -> None:
        """Close the files."""
        self._close()
        super().dispose()

    def _close(self) -> None:
        with self._db_lock:
            while self._engines:
                self._engines.popitem()[1].dispose()

    @contextmanager
    def _connect(self, shard: str) -> Iterator[Connection]:
        with self._db_lock:
            if self._batch is None:
                with self._transaction(shard) as connection:
                    yield connection
            else:
                if shard not in self._batch:
                    self._batch[shard] = self._batch_end.enter_context(self._transaction(shard))
                yield self._batch[shard]

    @contextmanager
    def _transaction(self, shard: str) -> Iterator[Connection]:
        engine = self._engines.pop(shard, None) or self._open(shard)
        # The newest last: a daemon sees a file per run, and keeps only the latest few.
        self._engines[shard] = engine
        if len(self._engines) > MAX_ENGINES and self._batch is None:
            self._engines.pop(next(iter(self._engines))).dispose()
        with engine.connect() as connection, connection.begin():
            yield connection

    def _open(self, shard: str) -> Engine:
        where, timeout = self.conn_string_for_shard(shard), BUSY_TIMEOUT_SECONDS
        if shard not in self._initialized_dbs:
            self._initdb(create_engine(where, poolclass=NullPool, connect_args={"timeout": timeout}))
            self._initialized_dbs.add(shard)
        # One connection, which the threads share: whoever uses it holds `_db_lock`.
        engine = create_engine(
            where, poolclass=StaticPool, connect_args={"timeout": timeout, "check_same_thread": False}
        )
        # As SQLite recommends with a write-ahead log: a power cut may cost the latest events, never the file.
        listen(engine, "connect", lambda connection, _: connection.execute("PRAGMA synchronous=NORMAL"))
        return engine


class _Patient:
    """Of the files that Dagster opens each time: waits for another process's write, and has one engine."""

    _conn_string: str

    @cached_property
    def _engine(self) -> Engine:
        return create_engine(self._conn_string, poolclass=NullPool, connect_args={"timeout": BUSY_TIMEOUT_SECONDS})

    @contextmanager
    def connect(self) -> Iterator[Connection]:
        """A connection in a transaction."""
        with self._engine.connect() as connection, connection.begin():
            yield connection


class Runs(_Patient, SqliteRunStorage):
    """Dagster's list of runs."""


class Schedules(_Patient, SqliteScheduleStorage):
    """Dagster's list of schedules, sensors and their ticks."""


def _a_millisecond_apart(events: Sequence[EventLogEntry]) -> Iterator[EventLogEntry]:
    """The events, none at the millisecond of another: of those that are, the UI's list of an asset shows one."""
    last = 0.0
    for event in events:
        last = max(event.timestamp, last + 0.0011)  # more than one, so that no rounding brings two together
        yield event._replace(timestamp=last)


class DataDirStorage(DagsterSqliteStorage):
    """Runs, events and schedules as SQLite files in the data directory."""

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        super().__init__(base_dir, inst_data=inst_data)
        # Dagster asks the environment alone whether, and how many, events it may hand over together.
        os.environ.setdefault("DAGSTER_EVENT_BATCH_SIZE", str(BATCH_EVENTS))
        self._event_log_storage = EventLog(str(Path(base_dir) / "history" / "runs"))
        # Dagster's own have made the files by now.
        self._run_storage = Runs(self._run_storage._conn_string)
        self._schedule_storage = Schedules(self._schedule_storage._conn_string)

    @classmethod
    def config_type(cls) -> Any:
        """Nothing to configure."""
        return {}

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData | None, config_value: Any) -> DataDirStorage:
        """Made by Dagster from ``dagster.yaml``, where `config_value` is empty."""
        del config_value
        # With telemetry off Dagster notes nothing, but its uploader makes folders in ~/.dagster all the same, and
        # would send what other projects have left there.
        os.environ.setdefault("DAGSTER_DISABLE_TELEMETRY", "1")
        # The one line of ours that each of Dagster's processes runs before it writes anything.
        keep_others_from_writing()
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
