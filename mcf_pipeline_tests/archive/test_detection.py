"""What each check says by itself, and which one decides."""

from __future__ import annotations

import datetime as dt

import pytest

from mcf_pipeline.archive.detection import (
    Answer,
    by_data_processed,
    by_records_count,
    by_sha256,
    detect,
)
from mcf_pipeline.sources.base import Peek
from mcf_pipeline_tests.archive.manifests import manifest

CHANGED, UNCHANGED, CANNOT_TELL = Answer.CHANGED, Answer.UNCHANGED, Answer.CANNOT_TELL

OLD = manifest("2026-07-08", at="04:00", quarters="ab", sha256="0" * 64)
NEWEST = manifest("2026-10-08", at="04:00", quarters="abc", sha256="1" * 64)
KNOWN = [OLD, NEWEST]


def moment(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(f"{text}+00:00")


@pytest.mark.parametrize(
    ("step", "peek", "expected"),
    [
        (by_sha256, None, CANNOT_TELL),
        (by_sha256, Peek(), CANNOT_TELL),
        (by_sha256, Peek(sha256="1" * 64), UNCHANGED),
        (by_sha256, Peek(sha256="0" * 64), UNCHANGED),
        (by_sha256, Peek(sha256="2" * 64), CANNOT_TELL),
        (by_data_processed, None, CANNOT_TELL),
        (by_data_processed, Peek(), CANNOT_TELL),
        (by_data_processed, Peek(data_processed=moment("2026-10-08T04:00:00")), UNCHANGED),
        (by_data_processed, Peek(data_processed=moment("2026-07-08T04:00:00")), UNCHANGED),
        (by_data_processed, Peek(data_processed=moment("2026-10-08T04:00:01")), CANNOT_TELL),
        (by_records_count, None, CANNOT_TELL),
        (by_records_count, Peek(), CANNOT_TELL),
        (by_records_count, Peek(records_count=30), CANNOT_TELL),
        (by_records_count, Peek(records_count=20), CHANGED),
        (by_records_count, Peek(records_count=0), CHANGED),
    ],
)
def test_what_a_step_says_of_a_peek(step, peek, expected):
    assert step(peek, KNOWN).answer is expected


@pytest.mark.parametrize(
    ("peek", "expected", "step"),
    [
        (Peek(sha256="1" * 64, records_count=5), UNCHANGED, "sha256"),
        (Peek(sha256="2" * 64), CANNOT_TELL, "records_count"),
        (Peek(data_processed=moment("2026-10-08T04:00:00"), records_count=5), UNCHANGED, "data_processed"),
        (Peek(data_processed=moment("2026-10-09T04:00:00"), records_count=5), CHANGED, "records_count"),
        (Peek(records_count=30), CANNOT_TELL, "records_count"),
        (None, CANNOT_TELL, "records_count"),
    ],
)
def test_the_first_step_that_can_tell_decides_and_is_named(peek, expected, step):
    verdict = detect(peek, KNOWN)
    assert (verdict.answer, verdict.step) == (expected, step)


def test_an_empty_archive_needs_no_question():
    verdict = detect(None, [])
    assert (verdict.answer, verdict.step) == (CHANGED, "archive")


@pytest.mark.parametrize(("answer", "needed"), [(CHANGED, True), (CANNOT_TELL, True), (UNCHANGED, False)])
def test_only_what_is_surely_unchanged_is_not_downloaded(answer, needed):
    peeks = {
        CHANGED: Peek(records_count=1),
        CANNOT_TELL: Peek(records_count=30),
        UNCHANGED: Peek(sha256="1" * 64),
    }
    assert detect(peeks[answer], KNOWN).needs_download is needed


def test_a_verdict_is_told_in_words():
    assert str(detect(Peek(records_count=20), KNOWN)) == "changed (records_count: 30 lines became 20)"
