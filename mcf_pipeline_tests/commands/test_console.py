"""Who may speak on standard error while Dagster works, and what becomes of the rest."""

import sys

import pytest

from mcf_pipeline.commands.console import err, hold_stderr, progress_bar
from mcf_pipeline.errors import PipelineError
from mcf_pipeline.progress import report

THEIRS = "Exception while storing event batch"


def work(error: Exception | None = None) -> None:
    """A run in which Dagster writes a line of its own."""
    with progress_bar(), hold_stderr():
        sys.stderr.write(f"{THEIRS}\n")
        report("download", 0, 1)
        err.print("ours")
        if error:
            raise error


def test_what_others_wrote_is_told_after_what_is_ours(capsys):
    work()
    assert capsys.readouterr().err.splitlines() == ["… receive the release", "ours", THEIRS]


def test_beside_a_clear_error_there_is_nothing_of_others(capsys):
    with pytest.raises(PipelineError):
        work(PipelineError("no space left on the disk"))
    assert capsys.readouterr().err.splitlines() == ["… receive the release", "ours"]


def test_beside_an_error_that_nobody_expected_everything_is_told(capsys):
    with pytest.raises(ZeroDivisionError):
        work(ZeroDivisionError())
    assert capsys.readouterr().err.splitlines() == ["… receive the release", "ours", THEIRS]


def test_afterwards_everybody_speaks_again(capsys):
    work()
    capsys.readouterr()
    sys.stderr.write("others\n")
    err.print("ours")
    assert capsys.readouterr().err.splitlines() == ["others", "ours"]
