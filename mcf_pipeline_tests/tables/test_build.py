"""Making what is missing: whatever is asked for, the layers below it are made first, and nothing twice."""

from __future__ import annotations

import os
import shutil

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mcf_pipeline.duck import scratch
from mcf_pipeline.quarter import Quarter
from mcf_pipeline.tables.build import ensure_facts, ensure_quarters, states_of
from mcf_pipeline_tests.exports import listing
from mcf_pipeline_tests.warehouse.builds import build_quarters
from mcf_pipeline_tests.warehouse.told import R1, R2, R3

T1, T2, T3 = Quarter(2024, 1), Quarter(2024, 2), Quarter(2024, 3)


def files_of(space) -> dict[str, str]:
    return listing(space.data_dir.tables)


def test_the_states_of_quarters(four_releases):
    snapshot = four_releases.snapshot()
    states = [(q.id, s.since, s.until) for q, s in states_of(snapshot, [T2, T3])]
    assert states == [
        ("2024-T2", R1, R2),
        ("2024-T2", R2, R3),
        ("2024-T2", R3, None),
        ("2024-T3", R2, R3),
        ("2024-T3", R3, None),
    ]
    assert [s.since for _, s in states_of(snapshot, [T2, T3], only_current=True)] == [R3, R3]


def test_every_needed_file_is_made_and_no_other(four_releases):
    snapshot = four_releases.snapshot()
    needed = {str(p.relative_to(four_releases.data_dir.tables)) for q in (T1, T2, T3) for p in snapshot.needed_files(q)}
    assert set(files_of(four_releases)) == needed


def test_the_same_inputs_make_the_same_bytes(four_releases, copied):
    """So two runs, or a run after a killed one, can at worst make the same file twice."""
    shutil.rmtree(copied.data_dir.tables)
    assert build_quarters(copied) == [T1, T2, T3]
    assert files_of(copied) == files_of(four_releases)


def test_what_is_there_is_not_made_again(copied):
    before = {path: path.stat().st_ino for path in copied.data_dir.tables.rglob("*.parquet")}
    with scratch() as con:
        assert ensure_quarters(con, copied.archive, copied.snapshot(), [T1, T2, T3]) == 0
    assert {path: path.stat().st_ino for path in copied.data_dir.tables.rglob("*.parquet")} == before


def test_a_fact_asked_for_by_itself_stages_its_quarter_first(copied):
    shutil.rmtree(copied.data_dir.tables)
    snapshot = copied.snapshot()
    with scratch() as con:
        ensure_facts(con, copied.archive, snapshot, states_of(snapshot, [T1]))
    assert {path.split("/")[1] for path in files_of(copied)} == {"2024-T1"}
    assert {path.split("/")[0] for path in files_of(copied)} == {
        "stg_usagers",
        "stg_rejets",
        "fct_dossiers",
        "fct_financements",
    }


@pytest.fixture(scope="module")
def spoilt(four_releases, tmp_path_factory):
    from mcf_pipeline_tests.warehouse.builds import copy_of

    return copy_of(four_releases, tmp_path_factory.mktemp("spoilt") / "copy")


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_whatever_a_kill_or_a_power_cut_left_the_next_run_makes_the_rest(four_releases, spoilt, data):
    """Any subset of the files may be missing, and any may be torn: what is made is what was there."""
    whole = files_of(four_releases)
    # An example that failed may have left anything.
    shutil.rmtree(spoilt.data_dir.tables)
    shutil.copytree(four_releases.data_dir.tables, spoilt.data_dir.tables)
    for name in data.draw(st.sets(st.sampled_from(sorted(whole)), max_size=12), label="missing"):
        (spoilt.data_dir.tables / name).unlink()
    left = sorted(files_of(spoilt))
    for name in data.draw(st.sets(st.sampled_from(left), max_size=5), label="torn"):
        path = spoilt.data_dir.tables / name
        os.truncate(path, data.draw(st.integers(0, path.stat().st_size - 1)))
    build_quarters(spoilt)
    assert files_of(spoilt) == whole
