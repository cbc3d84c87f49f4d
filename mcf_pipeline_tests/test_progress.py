"""Progress reaches whoever listens, for as long as they listen."""

from __future__ import annotations

import pytest

from mcf_pipeline.progress import listening, report


def test_without_a_listener_nothing_happens():
    report("step", 1, 2)


def test_every_listener_hears_until_it_stops():
    first: list[tuple] = []
    second: list[tuple] = []
    with listening(lambda *said: first.append(said)):
        report("a", 0, 2)
        with listening(lambda *said: second.append(said)):
            report("a", 1, 2)
    report("a", 2, 2)
    assert first == [("a", 0, 2), ("a", 1, 2)]
    assert second == [("a", 1, 2)]


def test_a_listener_is_gone_after_an_error():
    heard: list[tuple] = []
    with pytest.raises(RuntimeError), listening(lambda *said: heard.append(said)):
        raise RuntimeError
    report("a", 0)
    assert heard == []
