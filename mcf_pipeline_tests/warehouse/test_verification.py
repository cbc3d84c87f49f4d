"""What is damaged is found and named: every file of the archive, and every table of the warehouse."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from mcf_pipeline.warehouse.verification import verify_archive, verify_warehouse
from mcf_pipeline.workspace import Workspace
from mcf_pipeline_tests.exports import ingest, lean_quarter, listing, workspace_in
from mcf_pipeline_tests.warehouse.builds import build_all
from mcf_pipeline_tests.warehouse.told import R1, R2, R3, R4


def problems(space: Workspace) -> list[str]:
    """As the command does: a broken archive cannot say what the warehouse should be."""
    return list(verify_archive(space.archive)) or list(verify_warehouse(space.archive, space.snapshot()))


def flip_a_bit(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def some_quarter(space: Workspace) -> Path:
    return min(space.data_dir.quarters.rglob("*.parquet"))


FILES: dict[str, Callable[[Workspace], Path]] = {
    "a manifest": lambda space: space.data_dir.releases / R2 / "manifest.json",
    "an export": lambda space: space.data_dir.releases / R2 / "export.csv.gz",
    "line numbers": lambda space: space.data_dir.releases / R3 / "lignes.parquet",
    "a quarter": some_quarter,
    "the hash of a quarter": lambda space: some_quarter(space).with_suffix(".sha256"),
}


def test_an_archive_and_a_warehouse_as_they_were_made_have_no_problem(story):
    before = listing(story.space.data_dir.root)
    assert problems(story.space) == []
    assert listing(story.space.data_dir.root) == before


@pytest.mark.parametrize("name", FILES)
def test_a_flipped_bit_is_found(copied, name):
    path = FILES[name](copied)
    flip_a_bit(path)
    (problem,) = problems(copied)
    assert str(path.with_suffix("")) in problem.replace(".parquet", "").replace(".json", "").replace(".csv.gz", ".csv")
    assert "restore" in problem or "`mcf-pipeline rebuild` rebuilds it" in problem


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_found(copied, name):
    path = FILES[name](copied)
    path.unlink()
    (problem,) = problems(copied)
    assert path.stem.removesuffix(".csv") in problem
    assert "missing" in problem or "damaged" in problem


def test_every_bit_of_the_archive_counts(copied):
    """No file of it, whatever its kind, can change unseen."""
    files = [path for path in copied.data_dir.root.joinpath("raw").rglob("*") if path.is_file()]
    assert len(files) > 10
    for path in files:
        whole = path.read_bytes()
        flip_a_bit(path)
        assert list(verify_archive(copied.archive)), path
        path.write_bytes(whole)


def test_a_quarter_whose_content_is_another_is_found_though_its_file_is_whole(copied):
    """Somebody edited the lines and made the hash of the file fit."""
    from mcf_pipeline.files import sha256_of

    path = some_quarter(copied)
    with duckdb.connect() as con:
        con.execute(f"CREATE TABLE t AS FROM read_parquet('{path}')")
        con.execute("UPDATE t SET nb_dossiers = '21' WHERE nb_dossiers = '20'")
        con.execute(f"COPY t TO '{path}' (FORMAT parquet)")
    path.with_suffix(".sha256").write_text(f"{sha256_of(path)}  {path.name}\n")
    (problem,) = problems(copied)
    assert "does not match the checksum in its name" in problem


def test_of_several_problems_each_is_told(copied):
    for name in ("an export", "line numbers", "a quarter"):
        flip_a_bit(FILES[name](copied))
    assert len(problems(copied)) == 3


WAREHOUSE = {
    "a figure": (
        "UPDATE fct_dossiers SET nb_dossiers = 21 WHERE nb_dossiers = 20",
        "fct_dossiers_historique",
    ),
    "a masked figure": (
        "UPDATE fct_dossiers_etats_passes SET nb_dossiers = 3 WHERE nb_dossiers IS NULL",
        "fct_dossiers_historique",
    ),
    "a part": ("UPDATE fct_financements SET montant = montant + 0.01", "fct_financements_historique"),
    "a line that is gone": (
        "DELETE FROM fct_dossiers WHERE trimestre_id = '2024-T1' AND region_id = '53'",
        "fct_dossiers_historique, 2024-T1",
    ),
    "a line twice": (
        "INSERT INTO fct_dossiers FROM fct_dossiers WHERE trimestre_id = '2024-T3'",
        "fct_dossiers_historique, 2024-T3",
    ),
    "a state that is gone": (
        f"DELETE FROM fct_financements_etats_passes WHERE valide_depuis = '{R2}'",
        f"fct_financements_historique, 2024-T2 as of {R2}",
    ),
    "a state that ends another day": (
        f"UPDATE fct_dossiers_etats_passes SET valide_jusqua = '{R4}' WHERE valide_jusqua = '{R2}'",
        f"2024-T2 as of {R1}",
    ),
    "a state that nobody told": (
        "INSERT INTO fct_dossiers SELECT * REPLACE ('2019-T1' AS trimestre_id) FROM fct_dossiers "
        "WHERE trimestre_id = '2024-T1'",
        "1 states of quarters that the archive does not have",
    ),
    "a mart's figure": ("UPDATE mart_region SET nb_dossiers = nb_dossiers + 1", "mart_region"),
    "a mart's row": ("DELETE FROM mart_statut WHERE trimestre_id = '2024-T1'", "mart_statut"),
}  # fmt: skip


@pytest.mark.parametrize("name", WAREHOUSE)
def test_a_warehouse_that_disagrees_with_its_archive_is_found(copied, name):
    damage, said = WAREHOUSE[name]
    with duckdb.connect(copied.data_dir.published_database) as con:
        con.execute(damage)
    found = problems(copied)
    assert any(said in problem for problem in found), found
    assert all("`mcf-pipeline rebuild`" in problem for problem in found)


def test_a_warehouse_that_is_missing_is_found(copied):
    copied.data_dir.published_database.unlink()
    assert problems(copied) == [
        f"there is no warehouse at {copied.data_dir.published_database}: `mcf-pipeline run` builds it"
    ]


@pytest.mark.parametrize("content", [b"", b"no database", None], ids=["empty", "a text", "cut"])
def test_a_warehouse_that_does_not_open_is_found(copied, content):
    path = copied.data_dir.published_database
    path.write_bytes(path.read_bytes()[:5000] if content is None else content)
    (problem,) = problems(copied)
    assert f"{path} cannot be" in problem


def test_a_refused_quarter_is_none_whatever_became_of_the_staging(tmp_path):
    """What staging says of a content is derived, so it is found out again."""
    space = workspace_in(tmp_path)
    for day, prix in (("2026-01-08", "1"), ("2026-04-08", "x")):
        ingest(space.archive, lean_quarter("2024-T1", prix_moyen=prix), day)
    build_all(space)
    assert problems(space) == []
    shutil.rmtree(space.data_dir.tables)
    assert problems(space) == []
