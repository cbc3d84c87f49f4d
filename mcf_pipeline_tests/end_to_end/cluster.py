"""A cluster on one machine, from `deploy/cluster/`: webserver, daemon and workers, each a process of its own."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any, Self

from mcf_pipeline_tests.end_to_end.deployment import BIN, CHECKOUT, HOST, PATIENCE, Deployment
from mcf_pipeline_tests.end_to_end.servers import Servers

CONFIG = CHECKOUT / "deploy" / "cluster"
WORKERS = ("one", "two", "three")


@dataclass
class Cluster(Deployment):
    """The processes of a cluster, and GraphQL to ask its webserver.

    Attributes:
        servers: what they share.
    """

    servers: Servers = field(kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        shutil.copy(CONFIG / "dagster.yaml", self.home)
        self.workers: dict[str, subprocess.Popen[bytes]] = {}
        self.others: list[subprocess.Popen[bytes]] = []

    @property
    def env(self) -> dict[str, str]:
        """As the environment file of docs/cluster.md sets it on each machine."""
        return (
            super().env
            | self.servers.bucket.machine(self.root / "caches")
            | {
                "DAGSTER_HOME": str(self.home),
                "PYTHONPATH": str(CONFIG),
                "DAGSTER_EVENT_BATCH_SIZE": "1000",
                "DAGSTER_DISABLE_TELEMETRY": "1",
                "MCF_POSTGRES_URL": self.servers.database.url,
                "MCF_BROKER_URL": self.servers.broker.url,
                "MCF_RESULTS_URL": self.servers.broker.url,
                "MCF_WORKERS": str(len(WORKERS)),
                "MCF_QUARTERS_PER_RUN": "1",
            }
        )

    def __enter__(self) -> Self:
        self.log = (self.root / "dev.log").open("wb")
        # The webserver makes the tables, so that nobody else does at the same time.
        self.process = self._begin("web", "dagster-webserver", "--host", HOST, "--port", str(self.port))
        try:
            self.until("webserver", lambda: self.ask("{ version }"))
            self.others.append(self._begin("daemon", "dagster-daemon", "run"))
            for name in WORKERS:
                self.start_worker(name)
        except BaseException:
            self.stop()
            raise
        return self

    def excuses(self, errors: list[dict[str, Any]]) -> bool:
        """A database that was restarted has closed the connections that the webserver keeps; it notices one by one."""
        return all("psycopg2.OperationalError" in error["message"] for error in errors)

    def start_worker(self, name: str) -> None:
        """A worker with one run at a time."""
        self.workers[name] = self._begin(
            name, "celery", "-A", "dagster_celery.app", "worker", "--concurrency", "1", "--hostname", f"{name}@{HOST}"
        )

    def kill_worker(self, name: str) -> None:
        """As when its machine goes off: all of its processes at once."""
        process = self.workers.pop(name)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def stop(self) -> int:
        """As `systemctl stop` does; what has not ended by itself then is killed. Returns the webserver's exit code."""
        assert self.process
        begun = [*self.workers.values(), *self.others, self.process]
        with ExitStack() as ended:
            for process in begun:
                ended.callback(_end, process)
            for process in begun:
                process.terminate()
        self.log.close()
        return self.process.returncode

    def _begin(self, machine: str, program: str, *arguments: str) -> subprocess.Popen[bytes]:
        """Each is a machine of its own: no two have a folder in common."""
        cache = self.root / "caches" / machine
        cache.mkdir(parents=True, exist_ok=True)
        return subprocess.Popen(
            [BIN / program, *arguments],
            cwd=self.checkout,
            env=self.env | {"MCF_CACHE_DIR": str(cache)},
            stdin=subprocess.DEVNULL,
            stdout=self.log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def _end(process: subprocess.Popen[bytes]) -> None:
    try:
        process.wait(PATIENCE)
    finally:
        # Its group outlives it where a child of its has not ended.
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            process.poll()
