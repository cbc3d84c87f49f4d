"""The pipeline's own database: a quarter is replaced whole or not at all, and only one process has it open."""

from __future__ import annotations

import dataclasses
import subprocess
import sys

import duckdb
import pandas as pd
import pandera.errors
import pytest

from mcf_pipeline.errors import BusyError, PipelineError
from mcf_pipeline.quarter import Quarter
from mcf_pipeline.schemas.marts import MartTrimestre
from mcf_pipeline.tables.facts import DOSSIERS, write_fact
from mcf_pipeline.tables.marts import compute_mart, write_mart
from mcf_pipeline.warehouse.build import marks, open_build, replace_quarters, rules_fingerprint, transaction
from mcf_pipeline_tests.schemas.rows import EXPECTED, frame

T2 = Quarter(2024, 2)


def held(con: duckdb.DuckDBPyConnection, table: str) -> tuple[list, dict]:
    """The rows of a table and all marks."""
    return sorted(con.execute(f"SELECT * FROM {table}").fetchall(), key=repr), marks(con)


def mart_row(quarter: str, **changes: object) -> dict:
    return EXPECTED[MartTrimestre].row | {"trimestre_id": quarter} | changes


def test_a_quarter_is_replaced_with_its_mark_and_the_others_stay(copied):
    with copied.build() as con:
        rows, marked = held(con, "mart_trimestre")
        replace_quarters(con, MartTrimestre, {"2024-T2": "m"}, frame(MartTrimestre, mart_row("2024-T2")))
        after, now = held(con, "mart_trimestre")
    others = [row for row in rows if row[0] != "2024-T2"]
    assert [row for row in after if row[0] != "2024-T2"] == others
    assert len(after) == len(rows)
    assert now == marked | {("mart_trimestre", "2024-T2"): "m"}


def test_a_quarter_without_rows_is_emptied_and_marked(copied):
    with copied.build() as con:
        replace_quarters(con, MartTrimestre, {"2024-T2": "m"}, frame(MartTrimestre).head(0))
        rows, now = held(con, "mart_trimestre")
    assert "2024-T2" not in {row[0] for row in rows}
    assert now["mart_trimestre", "2024-T2"] == "m"


@pytest.mark.parametrize(
    "bad",
    [
        pytest.param(frame(MartTrimestre, mart_row("2024-T2", nb_lignes=None)), id="an empty cell where none may be"),
        pytest.param(frame(MartTrimestre).drop(columns="nb_lignes"), id="a column less"),
        pytest.param(
            frame(MartTrimestre).astype({"montant_engage": str}).assign(montant_engage="x"), id="a text for an amount"
        ),
    ],
)
def test_a_quarter_that_cannot_be_written_keeps_its_rows_and_marks(copied, bad: pd.DataFrame):
    with copied.build() as con:
        before = held(con, "mart_trimestre")
        with pytest.raises(duckdb.Error):
            replace_quarters(con, MartTrimestre, {"2024-T2": "m"}, bad)
        assert held(con, "mart_trimestre") == before


def test_a_fact_that_cannot_be_written_keeps_its_rows_marks_rejects_and_modalities(copied):
    """Its second state's file is gone: the first is inserted already when that shows."""
    line = copied.archive.timeline()
    states = {state: copied.staging.stage(T2, state) for state in line.states[T2]}
    gone = list(states)[1]
    states[gone] = dataclasses.replace(states[gone], folder=states[gone].folder / "gone")
    tables = ("fct_dossiers_historique", "stg_rejets", "meta_modalite")
    with copied.build() as con:
        before = [held(con, table) for table in tables]
        with pytest.raises(duckdb.IOException):
            write_fact(con, DOSSIERS, {T2: states}, "m")
        assert [held(con, table) for table in tables] == before


def test_a_mart_that_is_not_what_its_model_says_is_not_written(copied):
    with copied.build() as con:
        con.execute("UPDATE fct_dossiers_historique SET nb_dossiers = -5 WHERE trimestre_id = '2024-T2'")
        before = held(con, "mart_trimestre")
        with pytest.raises(pandera.errors.SchemaErrors, match="greater_than_or_equal_to"):
            write_mart(con, MartTrimestre, {"2024-T2": "m"})
        assert held(con, "mart_trimestre") == before


def test_marts_of_several_quarters_together_are_those_of_each(copied):
    with copied.build() as con:
        together = compute_mart(con, MartTrimestre, ["2024-T1", "2024-T2", "2024-T3"])
        each = [compute_mart(con, MartTrimestre, [quarter]) for quarter in ("2024-T1", "2024-T2", "2024-T3")]
    pd.testing.assert_frame_equal(together, pd.concat(each, ignore_index=True))


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_whatever_interrupts_a_transaction_leaves_nothing_of_it(copied, error):
    with copied.build() as con:
        before = held(con, "dim_genre")

        def interrupted() -> None:
            with transaction(con):
                con.execute("DELETE FROM dim_genre")
                raise error

        with pytest.raises(error):
            interrupted()
        assert held(con, "dim_genre") == before


def test_a_second_process_is_told_that_the_first_has_it_open(copied):
    path = copied.data_dir.build_database
    holder = f"import duckdb; con = duckdb.connect({str(path)!r}); print('open', flush=True); input()"
    with subprocess.Popen([sys.executable, "-c", holder], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"open\n"
        with pytest.raises(BusyError, match=r"another process has .* open"), open_build(copied.data_dir):
            pass
        process.communicate(b"\n")


@pytest.mark.parametrize("content", [b"no database at all", b"\0" * 8192], ids=["text", "zeros"])
def test_a_file_that_is_no_database_says_how_to_make_it_anew(space_in, content):
    path = space_in("bad").data_dir.build_database
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    with (
        pytest.raises(PipelineError, match="`mcf-pipeline rebuild` makes it anew"),
        open_build(space_in("bad").data_dir),
    ):
        pass


def test_a_build_of_another_schema_is_made_anew(copied):
    with copied.build() as con:
        con.execute("UPDATE meta_schema SET empreinte = 'older'")
    assert [q.id for q in copied.plan().new] == ["2024-T1", "2024-T2", "2024-T3"]


def test_a_new_build_knows_the_modalities_and_financers_before_any_release(space_in):
    with space_in("new").build() as con:
        found = dict(con.execute("SELECT region_id, libelle FROM dim_region").fetchall())
        financers = con.execute("SELECT count(*) FROM dim_financeur").fetchone()
    assert (len(found), found["11"], found["non_renseigne"]) == (19, "Île-de-France", "Non renseigné")
    assert financers == (9,)


def test_the_rules_have_a_fingerprint_that_the_source_map_is_part_of():
    assert rules_fingerprint() == rules_fingerprint()
    assert len({rules_fingerprint(), rules_fingerprint("a"), rules_fingerprint("b")}) == 3
