"""``rebuild``: from ``raw/`` alone the same warehouse, table by table; and never half of one."""

import shutil

from mcf_pipeline_tests.commands.terminal import kept, mcf_here
from mcf_pipeline_tests.orchestration.assets import small
from mcf_pipeline_tests.warehouse.builds import contents, read


def test_from_the_archive_alone_comes_the_same_warehouse(grown):
    database = grown / "warehouse" / "mcf.duckdb"
    before = contents(database)
    for path in grown.iterdir():
        if path.name != "raw":
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    archive = kept(grown)
    answer = mcf_here("rebuild", "--data-dir", grown)
    assert answer.code == 0, answer.err
    assert "Release 2021-07-08: 6 quarters new, 0 changed, 0 unchanged." in answer.out
    after = contents(database)
    assert list(after) == list(before)
    assert [table for table in before if after[table] != before[table]] == []
    assert {name: digest for name, digest in kept(grown).items() if name in archive} == archive


def test_a_warehouse_changed_by_hand_is_put_right(ready):
    import duckdb

    database = ready / "warehouse" / "mcf.duckdb"
    before = contents(database)
    with duckdb.connect(database) as con:
        con.execute("UPDATE mart_trimestre SET nb_dossiers = 0")
    for path in (ready / "tables").glob("mart_region/*/*.parquet"):
        path.write_bytes(next((ready / "tables").glob("mart_statut/*/*.parquet")).read_bytes())
    assert mcf_here("rebuild", "--data-dir", ready).code == 0
    assert contents(database) == before


def test_a_damaged_export_is_told_and_everything_stays(ready):
    (export,) = (ready / "raw" / "releases").rglob("export.csv.gz")
    export.write_bytes(export.read_bytes()[:-40])
    before = kept(ready)
    answer = mcf_here("rebuild", "--data-dir", ready)
    assert answer.code == 1
    assert str(export) in answer.error
    assert "restore it from a copy" in answer.error
    assert kept(ready) == before


def test_what_an_export_can_give_again_is_there_again(ready):
    archive = kept(ready)
    lost = [sorted((ready / "raw").glob(files)) for files in ("quarters/*/*.parquet", "quarters/*/*.sha256")]
    (numbers,) = (ready / "raw").glob("releases/*/lignes.parquet")
    for path in (lost[0][0], lost[1][1], numbers):
        path.write_bytes(path.read_bytes()[:-1])
    answer = mcf_here("verify", "--data-dir", ready)
    assert (answer.code, answer.err.count("`mcf-pipeline rebuild` rebuilds it")) == (1, 3)
    assert mcf_here("rebuild", "--data-dir", ready).code == 0
    assert mcf_here("verify", "--data-dir", ready).code == 0
    assert {name: digest for name, digest in kept(ready).items() if name.startswith("raw/")} == {
        name: digest for name, digest in archive.items() if name.startswith("raw/")
    }


def test_a_source_map_written_since_counts_for_what_is_archived(ready, first_run, tmp_path):
    """The release was read by recognition alone; now the user says that a column means something else."""
    release = small.rewrite(first_run.csv, tmp_path / "odd.csv")
    text = release.read_text(encoding="utf-8-sig").replace("part_etat", "part_entreprise_bis", 1)
    release.write_text(text.replace("part_cec", "part_etat", 1), encoding="utf-8-sig")
    data_dir = tmp_path / "odd"
    assert mcf_here("run", "--source", release, "--data-dir", data_dir).code == 0
    total = "SELECT sum(montant) FROM fct_financements WHERE financeur_id = 'etat'"
    wrong = read(data_dir / "warehouse" / "mcf.duckdb", total)
    source_map = tmp_path / "map.toml"
    source_map.write_text('[columns]\npart_etat = "part_entreprise_bis"\npart_cec = "part_etat"\n')
    answer = mcf_here("rebuild", "--data-dir", data_dir, MCF_SOURCE_MAP=str(source_map))
    assert answer.code == 0, answer.err
    assert "Releases that the current source map reads differently: 2021-01-08." in answer.out
    right = read(data_dir / "warehouse" / "mcf.duckdb", total)
    assert right == read(first_run.database, total) != wrong


def test_without_a_release_there_is_nothing_to_rebuild(tmp_path):
    answer = mcf_here("rebuild", "--data-dir", tmp_path / "data")
    assert answer.code == 2
    assert "there is no release under" in answer.error
