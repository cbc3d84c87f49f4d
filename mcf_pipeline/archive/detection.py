"""Is there a new release? Several checks, the least expensive first.

Each check answers changed, unchanged or can't tell; the first with an answer decides, and its name is kept. The
content hash of each quarter comes last and belongs to the archive: it needs the download (`archive.store`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from mcf_pipeline.archive.manifest import Manifest
from mcf_pipeline.sources.base import Peek


class Answer(Enum):
    """What a step says."""

    CHANGED = "changed"
    UNCHANGED = "unchanged"
    CANNOT_TELL = "can't tell"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the checks found.

    Attributes:
        answer: of the step that decided; can't tell where none did, and a download has to.
        step: its name.
        reason: in words.
        release_id: the archived release that the source offers, where that is known.
    """

    answer: Answer
    step: str
    reason: str
    release_id: str | None = None

    @property
    def needs_download(self) -> bool:
        """Whether the export has to be fetched."""
        return self.answer is not Answer.UNCHANGED

    def __str__(self) -> str:
        return f"{self.answer.value} ({self.step}: {self.reason})"


def detect(peek: Peek | None, known: Sequence[Manifest]) -> Verdict:
    """Run the checks in order, up to the first with an answer.

    Args:
        peek: what the source says of its newest release without sending it.
        known: every archived release, in time order.
    """
    if not known:
        return Verdict(Answer.CHANGED, "archive", "no release is archived yet")
    for step in (by_sha256, by_data_processed):
        verdict = step(peek, known)
        if verdict.answer is not Answer.CANNOT_TELL:
            return verdict
    return by_records_count(peek, known)


def by_sha256(peek: Peek | None, known: Sequence[Manifest]) -> Verdict:
    """A file whose bytes are archived is known."""
    if peek is None or peek.sha256 is None:
        return Verdict(Answer.CANNOT_TELL, "sha256", "the source does not give it")
    for manifest in known:
        if manifest.sha256 == peek.sha256:
            reason = f"the bytes are those of release {manifest.release_id}"
            return Verdict(Answer.UNCHANGED, "sha256", reason, manifest.release_id)
    return Verdict(Answer.CANNOT_TELL, "sha256", "these bytes are not archived")


def by_data_processed(peek: Peek | None, known: Sequence[Manifest]) -> Verdict:
    """A portal that has not processed the dataset since has nothing new.

    That it has says little: portals process datasets again without their content changing.
    """
    if peek is None or peek.data_processed is None:
        return Verdict(Answer.CANNOT_TELL, "data_processed", "the source does not give it")
    for manifest in known:
        if manifest.data_processed == peek.data_processed:
            return Verdict(
                Answer.UNCHANGED,
                "data_processed",
                f"still {peek.data_processed:%Y-%m-%d %H:%M}, {manifest.release_id}",
                manifest.release_id,
            )
    return Verdict(Answer.CANNOT_TELL, "data_processed", f"moved to {peek.data_processed:%Y-%m-%d %H:%M}")


def by_records_count(peek: Peek | None, known: Sequence[Manifest]) -> Verdict:
    """Another number of lines than the newest release's is another content; the same number proves nothing."""
    if peek is None or peek.records_count is None:
        return Verdict(Answer.CANNOT_TELL, "records_count", "the source does not give it")
    before = known[-1].rows
    if peek.records_count != before:
        return Verdict(Answer.CHANGED, "records_count", f"{before} lines became {peek.records_count}")
    return Verdict(Answer.CANNOT_TELL, "records_count", f"still {before} lines")
