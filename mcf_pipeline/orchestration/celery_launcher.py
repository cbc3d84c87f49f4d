"""Runs that Celery starts on the worker of any machine, and whether that worker still lives.

dagster-celery asks only what the result backend holds: a task whose worker was killed outright stays "started" there
for ever. So run monitoring (`deploy/cluster/dagster.yaml`) asks the worker itself. Nothing here is loaded unless a
``dagster.yaml`` names it; it needs the extra ``cluster``.
"""

from __future__ import annotations

import time
from typing import Any

import dagster as dg
from celery.states import READY_STATES
from dagster_celery.launcher import CeleryRunLauncher
from dagster_celery.tags import DAGSTER_CELERY_TASK_ID_TAG

from mcf_pipeline.orchestration.private import CheckRunHealthResult, DagsterRun, WorkerStatus

ANSWER_SECONDS = 5.0
"""How long a worker may take to answer; it does so also while it works, from another process."""


class WatchedCeleryRunLauncher(CeleryRunLauncher):
    """dagster-celery's launcher, which also says whether a run's worker lives, and ends a run as canceled.

    Args:
        silence_seconds: a worker that has not answered for so long is dead. One that reconnects to a broker that was
            restarted takes some seconds.
        config: dagster-celery's own.
    """

    def __init__(self, silence_seconds: int = 30, **config: Any) -> None:
        super().__init__(**config)
        self._silence_seconds = silence_seconds
        self._silent_since: dict[str, float] = {}

    @classmethod
    def config_type(cls) -> Any:
        """dagster-celery's, and how long a worker may be silent."""
        theirs: Any = super().config_type()
        return {**theirs, "silence_seconds": dg.Field(dg.IntSource, is_required=False, default_value=30)}

    def check_run_worker_health(self, run: DagsterRun) -> CheckRunHealthResult:
        """Whether the worker that has a run still has it.

        Where the broker or the result backend cannot be reached, their error is raised: run monitoring then marks
        nothing, and asks again.
        """
        task_id = run.tags.get(DAGSTER_CELERY_TASK_ID_TAG)
        if task_id is None:  # a worker was quicker than the daemon, which notes the task once it is sent
            return CheckRunHealthResult(WorkerStatus.RUNNING)
        result = self.celery.AsyncResult(task_id)
        state, info = result.state, result.info
        if state in READY_STATES:
            # Where the run has ended meanwhile, run monitoring sees it, and disregards this.
            return self._lost(run, f"its task has ended ({state}) without the run's end being recorded")
        worker = info.get("hostname") if isinstance(info, dict) else None
        asked = self.celery.control.inspect(destination=[worker] if worker else None, timeout=ANSWER_SECONDS)
        answers = asked.query_task(task_id) or {}
        has_it = any(task_id in tasks and tasks[task_id][0] != "ready" for tasks in answers.values())
        if has_it or result.state in READY_STATES:
            self._silent_since.pop(run.run_id, None)
            return CheckRunHealthResult(WorkerStatus.RUNNING)
        if worker in answers:
            return self._lost(run, f"the worker {worker} was restarted")
        since = self._silent_since.setdefault(run.run_id, time.monotonic())
        if time.monotonic() - since < self._silence_seconds:
            return CheckRunHealthResult(WorkerStatus.RUNNING)
        return self._lost(run, f"the worker {worker} does not answer" if worker else "no worker has its task")

    def _lost(self, run: DagsterRun, reason: str) -> CheckRunHealthResult:
        self._silent_since.pop(run.run_id, None)
        return CheckRunHealthResult(WorkerStatus.FAILED, reason)

    def terminate(self, run_id: str) -> bool:
        """End a run, which counts as canceled; dagster-celery's would leave it to run monitoring, as failed."""
        run = self._instance.get_run_by_id(run_id)
        if run is None or run.is_finished or DAGSTER_CELERY_TASK_ID_TAG not in run.tags:
            return False
        self._instance.report_run_canceling(run)
        return super().terminate(run_id)
