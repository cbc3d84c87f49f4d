"""Telling, from top to bottom: what is there to tell, was it reported, word it, send it, remember it.

Nothing here fails what it speaks of: what cannot be sent is said in a line, and tried again the next time.
"""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from urllib.parse import unquote, urlsplit

from filelock import FileLock

from mcf_pipeline.errors import PipelineError
from mcf_pipeline.log import event
from mcf_pipeline.notices.delivery import Target, deliver_all, targets
from mcf_pipeline.notices.facts import (
    HELD,
    OF_SOURCE,
    PASSING,
    Failure,
    Problem,
    ReleaseFacts,
    release_facts,
    release_key,
    standing_problems,
)
from mcf_pipeline.notices.memory import Memory, Noted, Open, Pending
from mcf_pipeline.notices.text import Notice, Writer, plain
from mcf_pipeline.settings import SAMPLE
from mcf_pipeline.sources.secret import Secret
from mcf_pipeline.tables.snapshot import Snapshot
from mcf_pipeline.workspace import Workspace

PATIENCE = dt.timedelta(hours=6)
"""How long the sensor may not reach the source before it is reported: a portal is down for an hour now and then."""
LOCK_TIMEOUT = 120.0
"""Seconds that a process waits for another that tells."""
_LONG = 16
"""Characters from which on a part of an address can be a token; shorter ones are words such as `hooks`."""


@dataclass(slots=True)
class Told:
    """What telling came to.

    Attributes:
        sent: subjects of the notices that at least one target accepted.
        problems: what was not sent or not remembered, a line each.
    """

    sent: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def begin(space: Workspace) -> None:
    """Before anything is taken in: releases that are there when the first notice is asked for are no news."""
    if space.data_dir.notices.exists():
        return
    try:
        with _alone(space):
            memory = Memory.read(space.data_dir.notices)
            if memory.is_new:
                snapshot = space.snapshot()
                memory.releases = {release_key(m, is_held=m.release_id in snapshot.held) for m in snapshot.manifests}
                memory.write(space.data_dir.notices)
    except (OSError, PipelineError):
        return  # the work that follows meets the same, and says it


def note_look(space: Workspace, error: PipelineError | None, now: dt.datetime) -> None:
    """Remember how the sensor's look at the source ended; `tell` tells what lasts.

    Args:
        space: the data directory.
        error: why the look failed, or None after one that the source answered.
        now: the moment of the look.
    """
    with _alone(space):
        memory = Memory.read(space.data_dir.notices)
        if error is None:
            memory.noted.clear()
            memory.answered = now
        else:
            failure = replace(Failure.of(error), message=hider(space)(str(error)), exit_code=None)
            if failure.key in memory.noted or failure.key in memory.open:
                return
            memory.noted[failure.key] = Noted(failure, now)
        memory.write(space.data_dir.notices)


def tell(
    space: Workspace,
    *,
    failure: Failure | None = None,
    ran_at: dt.datetime | None = None,
    answered_at: dt.datetime | None = None,
    now: dt.datetime | None = None,
) -> Told:
    """Tell what has not been reported yet, and deliver what could not be delivered before.

    Args:
        space: the data directory.
        failure: a run that failed.
        ran_at: when the last run succeeded, which mends the failures before it.
        answered_at: when the source last answered, which mends that it did not.
        now: the moment it is.
    """
    report = Told()
    now = now or dt.datetime.now(dt.UTC)
    with _alone(space):
        memory = Memory.read(space.data_dir.notices)
        before = repr(memory)
        news = _news(space, memory, failure, ran_at, answered_at, now)
        found = targets(space.settings.notify) if news or memory.pending else []
        memory.pending += [Pending(notice, [target.key for target in found]) for notice in news]
        if memory.is_new or repr(memory) != before:
            # Before sending, too: a process that is killed while it sends leaves what is to be sent again.
            _remember(space, memory, report)
        if found:
            _send(memory, found, report)
            _remember(space, memory, report)
    return report


def test(space: Workspace) -> list[tuple[str, str | None]]:
    """Send a test notice to each target; returns each one's label, and why it did not accept it."""
    writer = _writer(space, _snapshot(space), dt.datetime.now(dt.UTC))
    return [(target.label, target.deliver(writer.test())) for target in targets(space.settings.notify)]


def hider(space: Workspace) -> Callable[[str], str]:
    """What takes the key of the portal and the secrets of the addresses out of a text."""
    values = {space.settings.api_key or ""}
    for url in space.settings.notify:
        parts = urlsplit(url)
        values |= {url, parts.password or "", unquote(parts.password or "")}
        tokens = [*parts.netloc.replace("@", ":").split(":"), *parts.path.split("/"), *parts.query.split("&")]
        values |= {token for token in tokens if len(token) >= _LONG}
    secrets = [Secret(value) for value in sorted(values, key=len, reverse=True) if value]

    def hide(text: str) -> str:
        for secret in secrets:
            text = secret.hidden_text(text)
        return text

    return hide


def _snapshot(space: Workspace) -> Snapshot | None:
    """What the data directory holds; None where it is damaged, which fails the run and is reported as its failure."""
    try:
        return space.snapshot()
    except PipelineError:
        return None


def _writer(space: Workspace, snapshot: Snapshot | None, now: dt.datetime) -> Writer:
    made_up = space.settings.source == SAMPLE or any(m.is_synthetic for m in (snapshot.manifests if snapshot else ()))
    return Writer(space.data_dir.root, made_up, now, hider(space))


def _news(
    space: Workspace,
    memory: Memory,
    failure: Failure | None,
    ran_at: dt.datetime | None,
    answered_at: dt.datetime | None,
    now: dt.datetime,
) -> list[Notice]:
    """The notices of what was not reported yet; the memory then holds that it was."""
    snapshot = _snapshot(space)
    writer = _writer(space, snapshot, now)
    answered_at = max(filter(None, (answered_at, memory.answered)), default=None)
    over = _mended(memory, ran_at, answered_at)
    releases: list[ReleaseFacts] = []
    problems: list[Problem] = []
    refusals: list[str] = []
    if snapshot:
        refusals = [str(error) for error in space.refusals(snapshot).values()]
        releases = _untold(space, snapshot, memory)
        standing = standing_problems(space, snapshot, now.date())
        present = {problem.key for problem in standing}
        over += memory.closed([k for k, entry in memory.open.items() if not entry.failure and k not in present])
        problems = [problem for problem in standing if problem.key not in memory.open]
        memory.open |= {problem.key: Open(plain(problem.what, 200), now) for problem in problems}
    # A release's own notice says which of its quarters are refused.
    said = [f"refused {quarter} " for facts in releases for quarter in facts.refused]
    problems = [problem for problem in problems if not problem.key.startswith(tuple(said))]
    news = []
    for facts in releases:
        memory.releases.add(facts.key)
        news.append(writer.release(facts, over))
        over = []
    if problems:
        news.append(writer.problems(problems))
    if failure and failure.kind != HELD and not any(reason in failure.message for reason in refusals):
        news += _failed(memory, writer, failure, None, now)
    for key, noted in list(memory.noted.items()):
        if noted.failure.kind not in PASSING or now - noted.since >= PATIENCE:
            del memory.noted[key]
            news += _failed(memory, writer, noted.failure, noted.since, now)
    if over:
        news.append(writer.over(over))
    return news


def _mended(memory: Memory, ran_at: dt.datetime | None, answered_at: dt.datetime | None) -> list[str]:
    """Close the failures that something after them shows to be over; returns what they were."""
    if answered_at:
        memory.noted = {key: noted for key, noted in memory.noted.items() if noted.since > answered_at}
    keys = []
    for key, entry in memory.open.items():
        shown = answered_at if entry.failure in OF_SOURCE else ran_at
        if entry.failure and shown and entry.since < shown:
            keys.append(key)
    return memory.closed(keys)


def _untold(space: Workspace, snapshot: Snapshot, memory: Memory) -> list[ReleaseFacts]:
    """The releases that were not reported yet; one that is applied, once it is published."""
    untold = []
    for manifest in snapshot.manifests:
        is_held = manifest.release_id in snapshot.held
        key = release_key(manifest, is_held=is_held)
        if memory.is_new and manifest is not snapshot.manifests[-1]:
            memory.releases.add(key)
        elif key not in memory.releases:
            untold.append(manifest)
    is_published = bool(untold) and space.is_published(snapshot)
    return [
        release_facts(space, snapshot, manifest)
        for manifest in untold
        if is_published or manifest.release_id in snapshot.held
    ]


def _failed(
    memory: Memory, writer: Writer, failure: Failure, since: dt.datetime | None, now: dt.datetime
) -> list[Notice]:
    failure = replace(failure, message=writer.hide(failure.message))
    if failure.key in memory.open:
        return []
    memory.noted.pop(failure.key, None)
    memory.open[failure.key] = Open(plain(failure.message, 200), now, failure.kind)
    return [writer.failure(failure, since)]


def _send(memory: Memory, found: list[Target], report: Told) -> None:
    """Deliver what is pending; what was accepted by all is no longer pending."""
    keys = {target.key: target.label for target in found}
    for entry in memory.pending:
        # Addresses that are no longer set get nothing.
        entry.targets = [key for key in entry.targets if key in keys]
    waiting = {key: [entry for entry in memory.pending if key in entry.targets] for key in keys}
    outcome = deliver_all(found, {key: [entry.notice for entry in entries] for key, entries in waiting.items()})
    for key, (done, reason) in outcome.items():
        for entry in waiting[key][:done]:
            entry.targets.remove(key)
            event("notice_sent", target=keys[key], subject=entry.notice.subject)
            report.sent += [entry.notice.subject] if entry.notice.subject not in report.sent else []
        if reason:
            left = len(waiting[key]) - done
            line = f"{keys[key]} waits for {left} notice{'s' if left > 1 else ''}: {reason}; tried again next time"
            event("notice_not_sent", level=logging.WARNING, target=keys[key], reason=reason, waiting=left)
            report.problems.append(line)
    memory.pending = [entry for entry in memory.pending if entry.targets]


def _remember(space: Workspace, memory: Memory, report: Told) -> None:
    try:
        memory.write(space.data_dir.notices)
    except OSError as error:
        line = f"{space.data_dir.notices} cannot be written ({error.strerror}): the same may be reported again"
        if line not in report.problems:
            report.problems.append(line)


@contextmanager
def _alone(space: Workspace) -> Iterator[None]:
    """Hold what is remembered; where no lock file can be made, go on without."""
    path = space.data_dir.notices.with_suffix(".lock")
    lock = FileLock(path, timeout=LOCK_TIMEOUT)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except OSError:
        # A full or read-only disk is just what somebody has to hear of. (A lock that is held is an OSError, too.)
        yield
        return
    try:
        yield
    finally:
        lock.release()
