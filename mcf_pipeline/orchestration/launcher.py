"""How runs of the daemon are started, and whether a run's process still lives.

Dagster's own launcher cannot detect it: a run whose machine went off, or a command line killed outright, stays
"started" for ever, and since runs go one after the other, none starts again until a person ends it by hand. Run
monitoring (`dagster.yaml`) asks this launcher, and marks such a run failed.
"""

from __future__ import annotations

import json
import socket

from mcf_pipeline.orchestration.private import (
    GRPC_INFO_TAG,
    CheckRunHealthResult,
    DagsterRun,
    DefaultRunLauncher,
    WorkerStatus,
)

CONNECT_SECONDS = 5.0


class WatchedRunLauncher(DefaultRunLauncher):
    """Dagster's default launcher, which also says whether a run's process lives.

    Both answers are the kernel's: nobody listens on a dead process's socket, nobody holds its lock.
    """

    @property
    def supports_check_run_worker_health(self) -> bool:
        """Yes; that is what it is for."""
        return True

    def check_run_worker_health(self, run: DagsterRun) -> CheckRunHealthResult:
        """Whether the process that started a run is there."""
        server = run.tags.get(GRPC_INFO_TAG)
        if server is None:
            if _command_line_lives():
                return CheckRunHealthResult(WorkerStatus.RUNNING)
            return CheckRunHealthResult(WorkerStatus.FAILED, "the command line that started it was killed")
        # A server that lives watches its runs itself.
        if _listens(json.loads(server)):
            return CheckRunHealthResult(WorkerStatus.RUNNING)
        return CheckRunHealthResult(WorkerStatus.FAILED, "the code server that started it is gone")


def _command_line_lives() -> bool:
    """The command line holds the data directory from its first run to its last."""
    # Every process of Dagster's loads this module; only the daemon ever asks.
    from mcf_pipeline.errors import BusyError
    from mcf_pipeline.settings import Settings
    from mcf_pipeline.workspace import Workspace

    try:
        with Workspace(Settings.from_env()).lock(timeout=0):
            return False
    except BusyError:
        return True


def _listens(server: dict[str, object]) -> bool:
    path = server.get("socket")
    try:
        if path:
            with socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(CONNECT_SECONDS)
                connection.connect(str(path))
        else:
            address = (str(server.get("host")), int(str(server.get("port"))))
            socket.create_connection(address, CONNECT_SECONDS).close()
    except (FileNotFoundError, ConnectionRefusedError):
        return False
    except OSError:
        return True  # too busy to answer is not dead
    return True
