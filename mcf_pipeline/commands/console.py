"""How the commands speak to a person: one console for results, one for progress, and a bar that follows the work."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console

from mcf_pipeline.errors import PipelineError
from mcf_pipeline.progress import Listener, listening
from mcf_pipeline.settings import SAMPLE, Settings

LABELS = {
    "download": "receive the release",
    "stg_usagers": "read and validate",
    "facts": "build the facts",
    "marts": "build the marts",
    "data_package": "write the data package",
    "back up": "back up the archive",
    "restore": "restore the archive",
}
"""What the reported steps are called for a person, where the step's own name does not say it."""

SHOWN = 20
"""Problems that are listed, of however many."""
_PIPED_WIDTH = 200
"""Columns where there is no terminal to ask: a table in a file or a pipe need not be folded to 80."""

out = Console(highlight=False, emoji=False, soft_wrap=True, width=None if sys.stdout.isatty() else _PIPED_WIDTH)
err = Console(stderr=True, highlight=False, emoji=False, soft_wrap=True)


def size(number: int) -> str:
    """A number of bytes for a person."""
    if number < 1000:
        return f"{number} bytes"
    return f"{number / 1000:,.1f} kB" if number < 1_000_000 else f"{number / 1_000_000:,.1f} MB"


def counted(number: int, what: str) -> str:
    """A number of things, in the singular where it is one."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def for_the_sample(settings: Settings) -> str:
    """What to stand behind an advice to run, for whoever built the sample and looks into the folder of real data."""
    return "" if settings.source == SAMPLE else "; for the sample, add `--source sample`"


def warn_synthetic() -> None:
    """Say on standard error that what a command gives is made up."""
    err.print("[yellow]SYNTHETIC data: it says nothing about the real world.[/yellow]")


@contextmanager
def progress_bar(console: Console = err) -> Iterator[None]:
    """Draw a bar for each step that reports itself; plain lines where there is no terminal."""
    if not console.is_terminal:
        with listening(_said_once(console)):
            yield
        return
    # Only a run draws bars, and only on a terminal.
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        SpinnerColumn,
        TaskID,
        TextColumn,
        TimeElapsedColumn,
    )

    columns = (
        SpinnerColumn(),
        TextColumn("{task.description:<22}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    tasks: dict[str, TaskID] = {}
    with Progress(*columns, console=console, transient=True) as progress:

        def draw(step: str, done: int, total: int | None) -> None:
            if step not in tasks:
                tasks[step] = progress.add_task(LABELS.get(step, step), total=total)
            progress.update(tasks[step], completed=done, total=total)

        with listening(draw):
            yield


@contextmanager
def hold_stderr() -> Iterator[None]:
    """Hold back what others write to standard error for a while; only `err` goes on speaking there.

    Dagster writes there what it could not store, beside raising it. Where an error of ours says it in one clear line,
    that is enough; else what was held back is printed after all.
    """
    real, held = sys.stderr, io.StringIO()
    err.file = getattr(real, "rich_proxied_file", real)
    sys.stderr = held
    is_said = False
    try:
        yield
    except PipelineError:
        is_said = True
        raise
    finally:
        sys.stderr = real
        err.file = None  # type: ignore[assignment]  # rich's own default: whatever standard error is
        if not is_said:
            real.write(held.getvalue())


def _said_once(console: Console) -> Listener:
    said: set[str] = set()

    def say(step: str, done: int, total: int | None) -> None:  # noqa: ARG001
        if step not in said:
            said.add(step)
            console.print(f"… {LABELS.get(step, step)}")

    return say
