"""Every error that a user can see, and the exit code each one ends the command line with.

A message says what happened, where, and what to do next; the command line prints it on one line after
``error:``. Anything else that is raised is a bug and exits 1.
"""

from __future__ import annotations


class PipelineError(Exception):
    """An error with a message meant for the user.

    Attributes:
        exit_code: what ``mcf-pipeline`` exits with (listed in ``mcf-pipeline --help``).
    """

    exit_code = 1


class UsageError(PipelineError):
    """The command, an option or the environment asks for something impossible."""

    exit_code = 2


class SourceError(PipelineError):
    """The source could not be reached, or refused."""

    exit_code = 3


class StoreError(PipelineError):
    """The object store that holds the data directory could not be reached, or refused.

    It ends like a source that cannot be reached: nothing is damaged, and the same command later may succeed.
    """

    exit_code = 3


class ContractError(PipelineError):
    """What the source sent is not the dataset we know.

    Attributes:
        rule: the name of the broken rule, as listed in ``docs/contract.md``.
    """

    exit_code = 4

    def __init__(self, message: str, *, rule: str) -> None:
        super().__init__(message)
        self.rule = rule


class HeldReleaseError(ContractError):
    """A release was archived but not applied, because known data changed implausibly.

    Attributes:
        release_id: the release that waits for ``--accept-release``.
    """

    def __init__(self, message: str, *, rule: str, release_id: str) -> None:
        super().__init__(message, rule=rule)
        self.release_id = release_id


class WaitingError(PipelineError):
    """Something waits for a person: a held or overdue release, or a refused quarter (``status --check``)."""

    exit_code = 4


class ArchiveError(PipelineError):
    """The archive, or the warehouse built from it, is not what its manifests say."""


class BusyError(PipelineError):
    """Another run holds the pipeline."""

    exit_code = 5
