"""``notify``: send the notices that are due, or try the addresses; and the notices of `run` and `rebuild`."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from mcf_pipeline.commands.console import err, out
from mcf_pipeline.errors import BusyError, PipelineError, UsageError
from mcf_pipeline.settings import Settings
from mcf_pipeline.workspace import Workspace

if TYPE_CHECKING:
    from mcf_pipeline.notices.facts import Failure


def notify(settings: Settings, *, test: bool) -> None:
    """Send the notices that are due, or a test notice.

    Args:
        settings: say where to look, and whom to tell.
        test: whether to send a test notice only.

    Raises:
        UsageError: no address is set.
        PipelineError: a target did not accept a notice.
    """
    if not settings.notify:
        raise UsageError(
            "MCF_NOTIFY is not set: give the addresses for notices as Apprise URLs (https://appriseit.com), separated "
            "by spaces"
        )
    from mcf_pipeline.notices import telling

    space = Workspace(settings)
    if test:
        outcome = telling.test(space)
        for label, reason in outcome:
            out.print(f"{label}: {f'not accepted: {reason}' if reason else 'accepted'}", markup=False)
        failed = [label for label, reason in outcome if reason]
        if failed:
            raise PipelineError(
                f"{len(failed)} of {len(outcome)} targets did not accept the test notice: correct MCF_NOTIFY, or "
                f"check {', '.join(failed)}"
            )
        return
    space.refresh()
    space.pull_product("warehouse")
    report = telling.tell(space)
    for subject in report.sent:
        out.print(f"Sent: {subject}", markup=False)
    if report.problems:
        raise PipelineError("; ".join(report.problems))
    if not report.sent:
        out.print("No notice is due.")


@contextmanager
def notifying(space: Workspace, *, asks_source: bool) -> Iterator[None]:
    """Tell how a command ended, where somebody wants to hear it; the command's outcome stays what it is.

    Args:
        space: the data directory.
        asks_source: whether the command asks the source, so that its success shows that it answers.
    """
    if not space.settings.notify:
        yield
        return
    from mcf_pipeline.notices.facts import Failure
    from mcf_pipeline.notices.telling import begin

    try:
        space.refresh()
    except PipelineError as error:
        _tell(space, failure=Failure.of(error))
        raise
    begin(space)
    try:
        yield
    except BusyError:
        # Another run is at work, and tells how it ends.
        raise
    except Exception as error:
        _tell(space, failure=Failure.of(error))
        raise
    now = dt.datetime.now(dt.UTC)
    _tell(space, ran_at=now, answered_at=now if asks_source else None)


def _tell(
    space: Workspace,
    *,
    failure: Failure | None = None,
    ran_at: dt.datetime | None = None,
    answered_at: dt.datetime | None = None,
) -> None:
    from mcf_pipeline.notices.telling import tell

    try:
        problems = tell(space, failure=failure, ran_at=ran_at, answered_at=answered_at).problems
    except Exception as error:
        # Whatever goes wrong with a notice, the run it speaks of ended as it did.
        problems = [f"telling failed: {type(error).__name__}"]
    for line in problems:
        err.print(f"Notice: {line}", markup=False)
