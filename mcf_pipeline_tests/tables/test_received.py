"""Archived lines read again: in groups of which none is too large, and never where they are damaged."""

from __future__ import annotations

import shutil
from itertools import chain, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcf_pipeline.archive.split import batches
from mcf_pipeline.archive.timeline import State
from mcf_pipeline.duck import scratch
from mcf_pipeline.errors import ArchiveError
from mcf_pipeline.quarter import Quarter
from mcf_pipeline.tables.received import by_columns, received_sql
from mcf_pipeline.workspace import Workspace
from mcf_pipeline_tests.exports import ingest, lean, workspace_in
from mcf_pipeline_tests.warehouse.told import T1, T2

QUARTER, OTHER = Quarter(2024, 1), Quarter(2024, 2)


@pytest.mark.parametrize(
    ("sizes", "groups"),
    [
        ({}, []),
        ({"a": 9}, ["a"]),
        ({"a": 2, "b": 3}, ["ab"]),
        ({"a": 2, "b": 4}, ["a", "b"]),
        ({"a": 0, "b": 6}, ["a", "b"]),
    ],
)
def test_as_many_together_as_fit_and_one_at_least(sizes, groups):
    assert list(batches(sizes, 5)) == [list(group) for group in groups]


@given(st.dictionaries(st.integers(), st.integers(0, 12), max_size=12), st.integers(1, 10))
def test_each_is_in_one_group_in_order_and_no_group_of_several_is_too_large(sizes, most):
    groups = list(batches(sizes, most))
    assert list(chain(*groups)) == list(sizes)
    assert all(len(group) == 1 or sum(sizes[thing] for thing in group) <= most for group in groups)
    # Nor is any needlessly small.
    for group, following in pairwise(groups):
        assert sum(sizes[thing] for thing in group) + sizes[following[0]] > most


@pytest.fixture(scope="module")
def archived(tmp_path_factory) -> Workspace:
    space = workspace_in(tmp_path_factory.mktemp("archived"))
    ingest(space.archive, [*T1, *T2], "2026-07-08")
    ingest(space.archive, [*T1, *(entry | {"prix_moyen": "9", "en_plus": "x"} for entry in T2)], "2026-10-08")
    return space


def current(space: Workspace, quarter: Quarter) -> tuple[Quarter, State]:
    state = space.snapshot().timeline.current(quarter)
    assert state
    return quarter, state


def test_lines_have_their_number_in_the_release_they_came_with(archived):
    states = [(OTHER, state) for state in archived.snapshot().timeline.states[OTHER]]
    with scratch() as con:
        for group in by_columns(archived.archive, states):
            sql = received_sql(archived.archive, group)
            (release_id, numbers), *others = con.execute(
                f"SELECT release_id, list(numero_ligne ORDER BY numero_ligne) FROM ({sql}) GROUP BY 1"
            ).fetchall()
            assert others == []
            assert (release_id, numbers) == (group[0][1].since, [5, 6, 7, 8, 9])


def test_states_of_other_columns_are_read_apart(archived):
    states = [(quarter, state) for quarter, found in archived.snapshot().timeline.states.items() for state in found]
    assert sorted(map(len, by_columns(archived.archive, states))) == [1, 2]


@pytest.fixture
def spoilt(archived, tmp_path) -> Workspace:
    shutil.copytree(archived.data_dir.root / "raw", tmp_path / "raw")
    return workspace_in(tmp_path)


def flip(path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("damage", [flip, lambda path: path.unlink()], ids=["a flipped bit", "missing"])
def test_damaged_lines_are_never_read(spoilt, damage):
    state = current(spoilt, QUARTER)
    damage(spoilt.archive.quarter_file(QUARTER, state[1].sha256))
    with pytest.raises(ArchiveError, match="is missing or damaged: `mcf-pipeline rebuild` rebuilds it"):
        by_columns(spoilt.archive, [state])


@pytest.mark.parametrize("damage", [flip, lambda path: path.unlink()], ids=["a flipped bit", "missing"])
def test_damaged_line_numbers_are_never_read(spoilt, damage):
    state = current(spoilt, QUARTER)
    damage(spoilt.archive.lines_file(state[1].since))
    with pytest.raises(ArchiveError, match=r"lignes\.parquet is missing or damaged"):
        received_sql(spoilt.archive, [state])


def test_a_line_says_nothing_of_another_release(spoilt):
    assert "prix_moyen" not in lean()
    with scratch() as con:
        sql = received_sql(spoilt.archive, [current(spoilt, QUARTER)])
        assert "en_plus" not in [column[0] for column in con.execute(f"DESCRIBE {sql}").fetchall()]
