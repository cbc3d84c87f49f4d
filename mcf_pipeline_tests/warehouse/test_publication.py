"""The published file: replaced whole, checked before, and of use without this project's code."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import duckdb
import pytest

from mcf_pipeline.errors import PipelineError
from mcf_pipeline.files import sha256_of
from mcf_pipeline.quarter import Quarter
from mcf_pipeline.schemas.base import describe
from mcf_pipeline.schemas.documentation import DOCUMENTATION
from mcf_pipeline.schemas.staging import StgRejets
from mcf_pipeline.schemas.views import VIEWS
from mcf_pipeline.warehouse.assembly import PUBLISHED, PUBLISHED_VIEWS, QUARTERLY, STORAGE_VERSION
from mcf_pipeline.warehouse.publication import check
from mcf_pipeline.warehouse.state import published_state
from mcf_pipeline.workspace import Workspace
from mcf_pipeline_tests.exports import ingest, lean_quarter, workspace_in
from mcf_pipeline_tests.warehouse.builds import build_all, build_quarters, contents, publish_build, published, read
from mcf_pipeline_tests.warehouse.told import R1, T1, T2

TABLES = [describe(model).name for model in PUBLISHED]


def files_beside(space) -> set[str]:
    return {path.name for path in space.data_dir.published_database.parent.iterdir()}


# -- what users open -------------------------------------------------------------------------------------


def test_every_table_and_view_is_there_and_no_other(story):
    found = published(story.space, "SELECT table_name FROM information_schema.tables")
    models = (*PUBLISHED, *DOCUMENTATION, *PUBLISHED_VIEWS)
    assert {name for (name,) in found} == {describe(model).name for model in models}


@pytest.mark.parametrize("model", [pytest.param(model, id=describe(model).name) for model in VIEWS])
def test_a_view_has_the_columns_types_and_comments_of_its_model(story, model):
    spec = describe(model)
    found = published(
        story.space,
        "SELECT column_name, data_type, comment FROM duckdb_columns() WHERE table_name = ? ORDER BY column_index",
        [spec.name],
    )
    assert found == [(c.name, c.duckdb_type, c.comment) for c in spec.columns]
    assert published(story.space, f"SELECT count(*) > 0 FROM {spec.name}") == [(True,)]


def test_every_column_of_every_table_has_a_comment(story):
    bare = published(
        story.space,
        "SELECT table_name, column_name FROM duckdb_columns() WHERE NOT internal AND coalesce(comment, '') = ''",
    )
    assert bare == []


def test_the_file_says_what_it_was_made_from(story):
    assert published_state(story.space.data_dir) == story.space.snapshot().state


def test_views_and_macros_work_in_any_copy_under_any_name(story, tmp_path):
    copy = tmp_path / "autre.duckdb"
    copy.write_bytes(story.space.data_dir.published_database.read_bytes())
    query = "SELECT count(*) FROM dossiers_au('2026-04-08') UNION ALL SELECT count(*) FROM v_trimestre_evolution"
    assert read(copy, query) == [(11,), (3,)]
    with duckdb.connect() as con:
        con.execute(f"ATTACH '{copy}' AS c (READ_ONLY)")
        con.execute("USE c")
        assert con.execute(query).fetchall() == [(11,), (3,)]


def test_the_file_can_be_opened_by_every_duckdb_since_its_storage_version(story):
    with story.space.data_dir.published_database.open("rb") as file:
        header = file.read(4096)
    oldest = {"v1.2.0": 65}[STORAGE_VERSION]
    assert (header[8:12], int.from_bytes(header[12:20], "little")) == (b"DUCK", oldest)


def test_nothing_lies_beside_the_file(story):
    assert files_beside(story.space) == {"mcf.duckdb"}


# -- replaced whole --------------------------------------------------------------------------------------

COUNT = "SELECT count(*) FROM fct_dossiers"


class Republished(NamedTuple):
    """A warehouse published again, with a reader who had opened the old file, and the leavings of a kill beside."""

    space: Workspace
    reader: duckdb.DuckDBPyConnection
    rows: dict[str, int]


@pytest.fixture(scope="module")
def republished(story, tmp_path_factory) -> Iterator[Republished]:
    space = workspace_in(tmp_path_factory.mktemp("republished"))
    shutil.copytree(story.space.data_dir.root, space.data_dir.root, dirs_exist_ok=True)
    for left in (".mcf.duckdb.4711", ".mcf.duckdb.4711.wal"):
        (space.data_dir.published_database.parent / left).write_bytes(b"half")
    with duckdb.connect(space.data_dir.published_database, read_only=True) as reader:
        reader.execute(COUNT).fetchall()
        yield Republished(space, reader, publish_build(space))


def test_who_reads_the_old_file_keeps_it_while_the_new_one_is_put_in_place(republished):
    (old,) = republished.reader.execute("SELECT publie_le FROM meta_publication").fetchone()
    assert republished.reader.execute(COUNT).fetchall() == [(10,)]
    # DuckDB would hand this process the old file again: another one sees what a new reader sees.
    code = "import duckdb, sys; print(duckdb.connect(sys.argv[1], read_only=True).execute(sys.argv[2]).fetchone()[0])"
    path = str(republished.space.data_dir.published_database)
    new = subprocess.run(
        [sys.executable, "-c", code, path, "SELECT publie_le FROM meta_publication"],
        capture_output=True,
        check=True,
        text=True,
    )
    assert new.stdout.strip() > str(old)


def test_publishing_again_gives_the_same_content(story, republished, tmp_path):
    copy = shutil.copy(republished.space.data_dir.published_database, tmp_path / "copy.duckdb")
    after = contents(copy)
    assert after == contents(story.space.data_dir.published_database)
    assert {name: republished.rows[name] for name in TABLES} == {name: len(after[name]) for name in TABLES}


def test_what_a_killed_publication_left_is_swept_away(republished):
    assert files_beside(republished.space) == {"mcf.duckdb"}


def torn(path: Path) -> None:
    """Its footer is whole, its rows are not."""
    content = bytearray(path.read_bytes())
    content[4 : len(content) // 3] = bytes(len(content) // 3 - 4)
    path.write_bytes(content)


def of_another_dimension(path: Path) -> None:
    with duckdb.connect() as con:
        con.execute(f"CREATE TABLE t AS FROM read_parquet('{path}')")
        con.execute("UPDATE t SET region_id = 'nulle part'")
        con.execute(f"COPY t TO '{path}' (FORMAT parquet)")


def twice_over(path: Path) -> None:
    with duckdb.connect() as con:
        con.execute(f"CREATE TABLE t AS FROM read_parquet('{path}')")
        con.execute(f"COPY (FROM t UNION ALL FROM t) TO '{path}' (FORMAT parquet)")


@pytest.mark.parametrize("from_scratch", [False, True])
@pytest.mark.parametrize("damage", [torn, of_another_dimension, twice_over])
def test_a_new_file_that_does_not_hold_together_leaves_the_old_one_and_no_draft(copied, damage, from_scratch):
    path = copied.data_dir.published_database
    before = sha256_of(path)
    ingest(copied.archive, [*T1, *T2, *lean_quarter("2024-T3", 7)], "2026-11-01")
    build_quarters(copied)
    fact = copied.snapshot().current_file("fct_dossiers", Quarter(2024, 3))
    assert fact
    whole = fact.read_bytes()
    damage(fact)
    with pytest.raises((PipelineError, duckdb.Error)):
        publish_build(copied, from_scratch=from_scratch)
    assert sha256_of(path) == before
    assert files_beside(copied) == {"mcf.duckdb"}
    fact.write_bytes(whole)
    publish_build(copied, from_scratch=from_scratch)
    assert published_state(copied.data_dir) == copied.snapshot().state


# -- from the previous file, or from scratch ---------------------------------------------------------------------


def test_only_what_changed_is_written(copied, caplog):
    caplog.set_level("INFO")
    inode = copied.data_dir.published_database.stat().st_ino
    ingest(copied.archive, [*T1, *T2, *lean_quarter("2024-T3", 7)], "2026-11-01")
    build_quarters(copied)
    with duckdb.connect(copied.data_dir.published_database, read_only=True) as con:
        before = dict(con.execute("SELECT trimestre_id, min(rowid) FROM fct_dossiers GROUP BY 1").fetchall())
    publish_build(copied)
    assert "assembled from scratch" not in caplog.text
    assert copied.data_dir.published_database.stat().st_ino != inode, "renamed over the old one"
    with duckdb.connect(copied.data_dir.published_database, read_only=True) as con:
        after = dict(con.execute("SELECT trimestre_id, min(rowid) FROM fct_dossiers GROUP BY 1").fetchall())
    assert {q: row for q, row in after.items() if q != "2024-T3"} == {
        q: row for q, row in before.items() if q != "2024-T3"
    }


@pytest.mark.parametrize("content", [b"", b"no database at all", b"\0" * 8192], ids=["empty", "text", "zeros"])
def test_a_previous_file_that_is_none_is_replaced(story, copied, content):
    copied.data_dir.published_database.write_bytes(content)
    publish_build(copied)
    assert contents(copied.data_dir.published_database) == contents(story.space.data_dir.published_database)


@pytest.mark.parametrize(
    "change",
    ["ALTER TABLE dim_genre ADD COLUMN x BIGINT", "UPDATE meta_publication SET structure = 'older'"],
    ids=["a column more", "of another version"],
)
def test_a_previous_file_of_another_structure_is_replaced(story, copied, change):
    with duckdb.connect(copied.data_dir.published_database) as con:
        con.execute(change)
        con.execute("UPDATE meta_publication SET structure = 'older'")
    publish_build(copied)
    assert contents(copied.data_dir.published_database) == contents(story.space.data_dir.published_database)


def test_a_strangers_leftover_wal_is_not_replayed_on_the_new_file(story, copied, caplog):
    path = copied.data_dir.published_database
    wal = path.with_name("mcf.duckdb.wal")
    # A program that writes to the file and dies leaves its log beside it.
    code = (
        "import duckdb, os, sys; con = duckdb.connect(sys.argv[1]); "
        "con.execute(\"SET checkpoint_threshold = '1TB'\"); con.execute('DELETE FROM fct_dossiers'); os._exit(0)"
    )
    subprocess.run([sys.executable, "-c", code, str(path)], check=True)
    assert wal.stat().st_size > 0
    publish_build(copied)
    assert not wal.exists()
    assert "changes that another program made to the published file are discarded" in caplog.text
    assert contents(path) == contents(story.space.data_dir.published_database)


@pytest.mark.parametrize("content", [None, b"", b"no database"], ids=["missing", "empty", "text"])
def test_a_file_that_is_no_warehouse_was_made_from_nothing(space_in, content):
    path = space_in("x").data_dir.published_database
    path.parent.mkdir(parents=True)
    if content is not None:
        path.write_bytes(content)
    assert published_state(space_in("x").data_dir) is None


# -- keys ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def tables(story) -> Iterator[duckdb.DuckDBPyConnection]:
    """The published tables in memory, without constraints."""
    with duckdb.connect(config={"threads": 1}) as con:
        con.execute(f"ATTACH '{story.space.data_dir.published_database}' AS p (READ_ONLY)")
        for (name,) in con.execute("SELECT table_name FROM duckdb_tables() WHERE database_name = 'p'").fetchall():
            con.execute(f"CREATE TABLE {name} AS FROM p.{name}")
        con.execute("DETACH p")
        yield con


@pytest.fixture
def spoilt(tables) -> Iterator[duckdb.DuckDBPyConnection]:
    """The same, put right again after a test."""
    tables.execute("BEGIN")
    yield tables
    tables.execute("ROLLBACK")


EVERY_QUARTER = {model: [Quarter(2024, number) for number in (1, 2, 3)] for model in QUARTERLY}


def test_the_published_tables_hold_together(tables):
    check(tables, EVERY_QUARTER)


@pytest.mark.parametrize("model", [pytest.param(model, id=describe(model).name) for model in PUBLISHED])
def test_a_key_twice_is_found_in_every_table(spoilt, model):
    spec = describe(model)
    if model is StgRejets:
        values = {c.name: "'x'" if c.duckdb_type == "VARCHAR" else "2" for c in spec.columns}
        values["trimestre_id"] = "'2024-T1'"
        spoilt.execute(f"INSERT INTO {spec.name} BY NAME SELECT {', '.join(f'{v} AS {n}' for n, v in values.items())}")
    spoilt.execute(f"INSERT INTO {spec.name} FROM {spec.name} LIMIT 1")
    with pytest.raises(PipelineError, match=f"{spec.name} has two rows of the key"):
        check(spoilt, EVERY_QUARTER)


REFERENCES = {
    "trimestre_id": "mart_trimestre",
    "region_id": "mart_region",
    "genre_id": "fct_dossiers",
    "classe_age_id": "fct_dossiers_etats_passes",
    "situation_id": "mart_profil",
    "statut_id": "mart_statut",
    "financeur_id": "fct_financements",
    "release_id": "fct_dossiers",
    "release_id_debut_etat": "mart_qualite",
    "valide_depuis": "fct_financements_etats_passes",
    "valide_jusqua": "fct_dossiers_etats_passes",
    "release_precedente_id": "mart_revisions",
}
"""A table for each column that refers to a dimension."""


def test_every_column_that_refers_to_a_dimension_is_tried_here():
    assert {c.name for model in PUBLISHED for c in describe(model).columns if c.references} == set(REFERENCES)


@pytest.mark.parametrize(("column", "table"), REFERENCES.items())
def test_a_reference_that_meets_nothing_is_found(spoilt, column, table):
    spoilt.execute(f"UPDATE {table} SET {column} = 'nulle part' WHERE rowid = (SELECT max(rowid) FROM {table})")
    with pytest.raises(PipelineError, match=f"{table}.{column} holds 'nulle part'"):
        check(spoilt, EVERY_QUARTER)


# -- what the data is ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def made_up(tmp_path_factory) -> Workspace:
    """Made-up data, one line of which has no readable quarter."""
    space = workspace_in(tmp_path_factory.mktemp("made_up"))
    consistent = {"nb_dossiers": "4", "nb_titulaires": "4", "prix_moyen": "500.0125", "part_etat": "2000.05"}
    lines = [
        *({**T1[0], **consistent, "region": f"R{i}"} for i in range(150)),
        T1[1] | {"trimestre": "2019-T4"},
    ]
    ingest(space.archive, [entry | {"donnees_synthetiques": "oui"} for entry in lines], R1)
    build_all(space)
    return space


def test_made_up_data_is_called_so_in_every_table(made_up):
    assert published(made_up, "SELECT est_synthetique FROM dim_release") == [(True,)]
    silent = "SELECT table_name FROM duckdb_tables() WHERE comment IS NULL OR comment NOT ILIKE '%synthétiques%'"
    assert published(made_up, silent) == []


def test_lines_without_a_readable_quarter_are_published_as_rejects(made_up):
    query = "SELECT trimestre_id, release_id, numero_ligne, regle, ligne LIKE '%2019-T4%' FROM stg_rejets"
    assert published(made_up, query) == [(None, R1, 152, "trimestre_invalide", True)]


def test_modalities_that_nobody_knows_are_published_as_unknown(made_up):
    query = (
        "SELECT count(*), bool_or(est_connue) FROM dim_region WHERE region_id IN (SELECT region_id FROM fct_dossiers)"
    )
    assert published(made_up, query) == [(150, False)]
