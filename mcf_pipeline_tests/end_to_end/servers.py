"""PostgreSQL, Redis and an S3 server as a cluster has them, on free ports of loopback: Debian's, and moto's."""

from __future__ import annotations

import logging
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from moto.server import ThreadedMotoServer
from redis import Redis
from redis.backoff import ConstantBackoff
from redis.exceptions import ConnectionError as NotThere
from redis.retry import Retry

from mcf_pipeline_tests.end_to_end.deployment import HOST, free_port
from mcf_pipeline_tests.remote.bucket import Bucket, serve_front

PATIENT = Retry(ConstantBackoff(0.1), 300, supported_errors=(NotThere,))

WRITES_DOWN = ["--save", "", "--appendonly", "yes", "--appendfsync", "always"]


class Postgres:
    """A database server; it stops and starts as one does that is updated.

    It refuses root, and a folder whose parents it may not enter: so it has Debian's user, and no folder of pytest's.
    """

    def __init__(self) -> None:
        self.root = Path(tempfile.mkdtemp(prefix="mcf-pg-"))
        self.port = free_port()
        self.user = "postgres" if os.geteuid() == 0 else None
        if self.user:
            shutil.chown(self.root, self.user, self.user)
        self._run("initdb", "--auth=trust", "--username=dagster", "--encoding=UTF8", "--no-sync", f"{self.root}/data")
        self.start()
        self._run("createdb", "--host", HOST, "--port", str(self.port), "--username", "dagster", "dagster")

    @property
    def url(self) -> str:
        """As Dagster wants it."""
        return f"postgresql+psycopg2://dagster@{HOST}:{self.port}/dagster"

    def start(self) -> None:
        """Returns once it answers."""
        options = f"-h {HOST} -p {self.port} -c unix_socket_directories={self.root}"
        self._run("pg_ctl", "start", "-w", "-D", f"{self.root}/data", "-l", f"{self.root}/log", "-o", options)

    def stop(self) -> None:
        """Ends every connection, whatever it is doing."""
        self._run("pg_ctl", "stop", "-w", "-m", "fast", "-D", f"{self.root}/data")

    def _run(self, program: str, *arguments: str) -> None:
        # Debian keeps each version's programs in a folder of its own.
        found = shutil.which(program) or str(max(Path("/usr/lib/postgresql").glob(f"*/bin/{program}")))
        subprocess.run(
            [found, *arguments],
            user=self.user,
            group=self.user,
            extra_groups=[] if self.user else None,
            cwd=self.root,
            stdin=subprocess.DEVNULL,
            # What it starts keeps its parent's output open.
            stdout=subprocess.DEVNULL,
            check=True,
            timeout=60,
        )


class Broker:
    """Redis, which writes down what it was given before it answers."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.root.mkdir(parents=True)
        self.port = free_port()
        self.start()

    @property
    def url(self) -> str:
        """As Celery wants it."""
        return f"redis://{HOST}:{self.port}/0"

    def start(self) -> None:
        """Returns once it answers."""
        self.process = subprocess.Popen(
            ["redis-server", "--bind", HOST, "--port", str(self.port), "--dir", str(self.root), *WRITES_DOWN],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )
        with Redis(host=HOST, port=self.port, retry=PATIENT) as client:
            client.ping()

    def kill(self) -> None:
        """It has no time for anything."""
        self.process.kill()
        self.process.wait()


@dataclass(frozen=True)
class Servers:
    """What the machines of a cluster share.

    Attributes:
        database: runs and events.
        broker: gives runs to workers, and keeps what each wrote down of them.
        bucket: the data directory.
    """

    database: Postgres
    broker: Broker
    bucket: Bucket


@contextmanager
def servers(root: Path) -> Iterator[Servers]:
    """All three, gone at the end."""
    with ExitStack() as gone:
        broker = Broker(root / "broker")
        gone.callback(broker.kill)
        database = Postgres()
        gone.callback(shutil.rmtree, database.root)
        gone.callback(database.stop)
        logging.getLogger("werkzeug").setLevel(logging.WARNING)
        store = ThreadedMotoServer(HOST, 0, verbose=False)
        store.start()
        gone.callback(store.stop)
        address = "http://{}:{}".format(*store.get_host_and_port())
        yield Servers(database, broker, Bucket("mcf-cluster", address, gone.enter_context(serve_front(address))))
