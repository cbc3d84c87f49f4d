"""How notices are worded, and that no text of others becomes markup in one."""

import datetime as dt
from decimal import Decimal
from pathlib import Path

import pytest

from mcf_pipeline.notices.facts import Change, Failure, Problem, ReleaseFacts
from mcf_pipeline.notices.text import LONGEST_LINE, Writer, plain
from mcf_pipeline_tests.archive.manifests import manifest

NOW = dt.datetime(2026, 10, 8, 6, 30, tzinfo=dt.UTC)
WRITER = Writer(Path("/srv/mcf"), False, NOW)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("<script>alert(1)</script>", "＜script＞alert(1)＜/script＞"),
        ("[here](https://evil.example/x)", "［here］(evil.example/x)"),
        ("<!channel> @all #general", "＜!channel＞ ＠all ＃general"),
        ("**bold** `code` ~s~ a|b", "＊＊bold＊＊ 'code' ～s～ a｜b"),
        ("two\r\nlines\t\x1b[31m", "two lines ［31m"),
        ("right\u202eto left\u200b", "rightto left"),
        ("a & b", "a ＆ b"),
        ("Île-de-France, 1 234,5 €", "Île-de-France, 1 234,5 €"),
    ],
)
def test_markup_links_and_mentions_are_plain_text(text, shown):
    assert plain(text) == shown


def test_a_text_is_cut_to_a_line():
    assert len(plain("x" * 10_000)) == LONGEST_LINE


def test_a_release_is_told_in_a_few_lines():
    facts = ReleaseFacts(
        manifest("2026-10-08", quarters="abc", unreadable_rows=1),
        newest="2026-10-08",
        changes=(
            Change("2024-T1", "revision", -12, Decimal("-3400.50")),
            Change("2024-T2", "revision", 2, Decimal("10.00")),
            Change("2024-T3", "ajout", 12345, Decimal("6789000.10")),
        ),
        rejected={"nombre_invalide": 3, "modalite_vide": 1},
        broken=(("ecart_parts_montant", 2, 100),),
        unknown=(("region", "Atlantide <b>"),),
        refused={"2024-T1": "2024-T1: 5 of 10 lines rejected"},
    )
    notice = WRITER.release(facts, over=["the source cannot be reached"])
    assert notice.kind == "warning"
    assert notice.subject == "mcf_pipeline: release 2026-10-08: 1 new, 2 revised, 1 refused"
    *said, broken, unknown, refused, over, following, last = notice.lines
    assert said == [
        "Release 2026-10-08: 30 lines; 3 quarters.",
        "New: 2024-T3 (12,345 dossiers, 6,789,000.10 €).",
        "Revised: 2024-T1 -12 dossiers, -3,400.50 €; 2024-T2 +2 dossiers, +10.00 €.",
        "Revised in all: -10 dossiers, -3,390.50 €.",
        "These are visible figures: what the source masks or unmasks moves them too.",
        "Rejected: 4 lines (nombre_invalide 3, modalite_vide 1).",
        "Without a readable quarter: 1 line.",
    ]
    assert broken.startswith("Still used: 2 of 100 lines. ")
    assert unknown == "Unknown modalities, kept apart: region “Atlantide ＜b＞”."
    assert refused == "Refused: 2024-T1: 5 of 10 lines rejected"
    assert over == "Resolved: the source cannot be reached"
    assert following == "Next: mcf-pipeline status --data-dir /srv/mcf"
    assert last == "2026-10-08 06:30 UTC, /srv/mcf"


def test_many_quarters_are_counted_not_listed():
    changes = tuple(Change(f"20{y}-T{q}", "ajout", 1, Decimal(1)) for y in range(20, 26) for q in range(1, 5))
    notice = WRITER.release(ReleaseFacts(manifest("2026-10-08", quarters="a"), newest="2026-10-08", changes=changes))
    (new,) = [line for line in notice.lines if line.startswith("New: ")]
    assert new.startswith("New: 21 quarters from 2020-T1; 2025-T2 (1 dossiers")
    assert len(new) < 200


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"same_as": "2026-07-08"}, "Same figures as release 2026-07-08."),
        ({"newest": "2026-10-08"}, "It changes no figure."),
        ({"newest": "2027-01-08"}, "Added to the history: release 2027-01-08 is newer and stays the current one."),
    ],
)
def test_a_release_that_changes_no_current_figure_says_so(changes, line):
    notice = WRITER.release(ReleaseFacts(manifest("2026-10-08", quarters="a"), **changes))
    assert notice.lines[1] == line


def test_made_up_data_is_called_so_in_every_notice():
    writer = Writer(Path("/srv/mcf"), True, NOW)
    facts = ReleaseFacts(manifest("2026-10-08", quarters="a"))
    notices = (
        writer.release(facts),
        writer.failure(Failure("SourceError", "x", 3)),
        writer.problems([Problem("k", "x")]),
        writer.over(["x"]),
        writer.test(),
    )
    for notice in notices:
        assert notice.subject.startswith("mcf_pipeline, SYNTHETIC: ")
        assert notice.lines[0] == "SYNTHETIC data: it says nothing about the real world."


@pytest.mark.parametrize(
    ("failure", "since", "subject"),
    [
        (Failure("SourceError", "x", 3), None, "a run failed (exit 3)"),
        (Failure("RunFailure", "x"), None, "a run failed"),
        (Failure("UnavailableError", "x"), NOW, "the source cannot be reached"),
        (Failure("RefusedError", "x"), NOW, "checking for a release fails"),
        (Failure("ArchiveError", "x"), NOW, "checking for a release fails"),
    ],
)
def test_a_failure_says_what_failed(failure, since, subject):
    notice = WRITER.failure(failure, since)
    assert (notice.kind, notice.subject) == ("failure", f"mcf_pipeline: {subject}")
    assert ("Failing since 2026-10-08 06:30 UTC." in notice.lines) == bool(since)


def test_a_bug_is_called_by_its_class():
    assert WRITER.failure(Failure("ZeroDivisionError", "division by zero", 1)).lines[0] == (
        "ZeroDivisionError: division by zero"
    )


def test_what_is_to_be_hidden_is_hidden_in_subject_and_body():
    writer = Writer(Path("/srv/mcf"), False, NOW, lambda text: text.replace("s3cret", "***"))
    notice = writer.problems([Problem("k", "s3cret and more")])
    assert "s3cret" not in notice.subject + notice.body
    assert "*" not in notice.body, "the mask is text, too"
