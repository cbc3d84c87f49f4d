"""Whether a run that was asked for may be asked for again: earlier attempts are known by their tags.

Dagster's own `run_key` would block a failed run for ever; tags let it be repeated, later each time.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import dagster as dg

from mcf_pipeline.orchestration.cursor import pause_after
from mcf_pipeline.orchestration.jobs import JOB, REFUSED_TAG

MAX_ATTEMPTS = 5
"""Failed runs of one request before a person has to look."""

UNDER_WAY = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]


@dataclass(frozen=True, slots=True)
class Attempts:
    """Earlier runs of one request.

    Attributes:
        failed: how many failed.
        succeeded: how many succeeded.
        last_end: when the last one ended.
        refused: the rule by which the last one was refused, where asking again would change nothing.
    """

    failed: int = 0
    succeeded: int = 0
    last_end: dt.datetime | None = None
    refused: str | None = None

    def reason_to_wait(self, now: dt.datetime) -> str | None:
        """Why not to try again now, or None."""
        if self.refused:
            return (
                f"refused by the rule {self.refused}; asked for again when the source, its settings or the source map "
                "change (`mcf-pipeline doctor` says what to do)"
            )
        if self.failed >= MAX_ATTEMPTS:
            return f"failed {self.failed} times; see the run, fix the cause, then materialize by hand"
        if self.failed and self.last_end:
            due = self.last_end + pause_after(self.failed)
            if now < due:
                return f"failed {self.failed} times; next try at {due:%Y-%m-%d %H:%M:%S} UTC"
        return None


def runs_under_way(instance: dg.DagsterInstance) -> Sequence[dg.DagsterRun]:
    """The runs of ours that have not ended, the newest first."""
    return instance.get_runs(dg.RunsFilter(job_name=JOB, statuses=UNDER_WAY))


def newest_run(instance: dg.DagsterInstance) -> str:
    """The id of the run that was asked for last; empty where there is none."""
    return next(iter(instance.get_run_ids(limit=1)), "")


def attempts(instance: dg.DagsterInstance, tags: dict[str, str]) -> Attempts:
    """The earlier runs that carry these tags."""
    records = instance.get_run_records(dg.RunsFilter(tags=tags), limit=2 * MAX_ATTEMPTS)
    ends = [record.end_time for record in records if record.end_time]
    statuses = [record.dagster_run.status for record in records]
    return Attempts(
        failed=sum(status in (dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED) for status in statuses),
        succeeded=statuses.count(dg.DagsterRunStatus.SUCCESS),
        last_end=dt.datetime.fromtimestamp(max(ends), dt.UTC) if ends else None,
        refused=records[0].dagster_run.tags.get(REFUSED_TAG) if records else None,
    )
