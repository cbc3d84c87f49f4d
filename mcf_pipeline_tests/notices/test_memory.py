"""What is remembered of what was told: kept whole, or as if there were none."""

import datetime as dt

import pytest

from mcf_pipeline.notices.facts import Failure
from mcf_pipeline.notices.memory import MOST_PENDING, Memory, Noted, Open, Pending
from mcf_pipeline.notices.text import Notice

NOW = dt.datetime(2026, 10, 8, 6, 30, tzinfo=dt.UTC)


def some() -> Memory:
    return Memory(
        {"2026-10-08 abc applied"},
        {"failure x": Open("x", NOW, "SourceError"), "overdue 2026-T3": Open("y", NOW)},
        {"failure z": Noted(Failure("SourceError", "z"), NOW)},
        [Pending(Notice("info", "s", ("é", "b")), ["1 json"])],
        answered=NOW,
    )


def test_it_is_read_as_it_was_written(tmp_path):
    memory = some()
    memory.write(tmp_path / "notices.json")
    assert Memory.read(tmp_path / "notices.json") == memory
    assert [path.name for path in tmp_path.iterdir()] == ["notices.json"]


@pytest.mark.parametrize(
    "content",
    ["", "{}", "[]", "null", "[" * 10_000, '{"format": 2}', '{"format": 1, "releases": 3}'],
)
def test_what_cannot_be_read_is_as_none(tmp_path, content):
    path = tmp_path / "notices.json"
    path.write_text(content)
    assert Memory.read(path) == Memory()
    assert Memory.read(tmp_path / "missing.json").is_new


def test_a_time_without_a_zone_is_not_understood(tmp_path):
    path = tmp_path / "notices.json"
    some().write(path)
    path.write_text(path.read_text().replace("+00:00", ""))
    assert Memory.read(path) == Memory()


def test_undelivered_notices_do_not_pile_up(tmp_path):
    memory = Memory(pending=[Pending(Notice("info", str(i), ()), ["1 json"]) for i in range(MOST_PENDING + 3)])
    memory.write(tmp_path / "notices.json")
    kept = Memory.read(tmp_path / "notices.json").pending
    assert [entry.notice.subject for entry in kept] == [str(i) for i in range(3, MOST_PENDING + 3)]
