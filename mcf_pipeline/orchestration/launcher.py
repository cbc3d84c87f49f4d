"""How runs of the daemon are started, and whether a run's process still lives.

Dagster's own launcher cannot detect it: a run whose machine went off, or a command line killed outright, stays
"started" for ever, and since runs go one after the other, none starts again until a person ends it by hand. Run
monitoring (`dagster.yaml`) asks this launcher, and marks such a run failed. One that hangs Dagster's own can only ask
to end; it would go on holding the data directory.
"""

from __future__ import annotations

import json
import os
import re
import select
import signal
import socket
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import dagster as dg

from mcf_pipeline.orchestration.private import (
    GRPC_INFO_TAG,
    CheckRunHealthResult,
    DagsterRun,
    DefaultRunLauncher,
    WorkerStatus,
)

CONNECT_SECONDS = 5.0
GRACE_SECONDS = 5.0
"""How long a run that was asked to end may take for it."""


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

    def terminate(self, run_id: str) -> bool:
        """End a run: it is asked to, and killed where it does not react, as one that hangs does not."""
        ask: Callable[[str], bool] = super().terminate
        run = self._instance.get_run_by_id(run_id)
        process = _process_of(run, self._instance) if run else None
        try:
            is_asked = ask(run_id)
            if process is not None and is_asked and not select.select([process], [], [], GRACE_SECONDS)[0]:
                with suppress(ProcessLookupError):
                    signal.pidfd_send_signal(process, signal.SIGKILL)
        finally:
            if process is not None:
                os.close(process)
        return is_asked


def _process_of(run: DagsterRun, instance: dg.DagsterInstance) -> int | None:
    """A file descriptor of a run's process; None where that is not to be seen from here, as in another container."""
    server = json.loads(run.tags.get(GRPC_INFO_TAG, "{}"))
    entries = instance.all_logs(run.run_id, of_type=dg.DagsterEventType.ENGINE_EVENT)
    said = [entry.dagster_event.message or "" for entry in entries if entry.dagster_event]
    pids = [found[1] for text in said if (found := re.search(r"\(pid: (\d+)\)", text))]
    if not pids or not server.get("socket") or not hasattr(os, "pidfd_open"):
        return None
    process = None
    with suppress(OSError, IndexError):
        process = os.pidfd_open(int(pids[-1]))
        # The same number can be another process's: ours is a child of the code server that its run names.
        parent = Path(f"/proc/{pids[-1]}/stat").read_text().rpartition(")")[2].split()[1]
        if str(server["socket"]).encode() in Path(f"/proc/{parent}/cmdline").read_bytes().split(b"\0"):
            return process
    if process is not None:
        os.close(process)
    return None


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
