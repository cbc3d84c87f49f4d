"""The page in place is the old one or the new one, and is made again only where it would differ."""

import os

import duckdb
import pytest

from mcf_pipeline.errors import PipelineError
from mcf_pipeline.settings import DataDir
from mcf_pipeline.site import writing
from mcf_pipeline.site.state import is_current, page_state
from mcf_pipeline.site.writing import page_of, write_dashboard
from mcf_pipeline_tests.site.unpacking import meta_of


def state_of(data_dir):
    with duckdb.connect(data_dir.published_database, read_only=True) as con:
        return con.execute("SELECT etat FROM meta_publication").fetchall()[0][0]


def test_the_page_says_what_it_is_made_from(copy_of_three):
    page = write_dashboard(copy_of_three)
    assert page == copy_of_three.dashboard
    assert is_current(copy_of_three, state_of(copy_of_three))
    assert not is_current(copy_of_three, "another state")
    page.write_text("", encoding="utf-8")
    assert not is_current(copy_of_three, state_of(copy_of_three))
    page.unlink()
    assert not is_current(copy_of_three, state_of(copy_of_three))


def test_an_unchanged_page_is_left_alone(copy_of_three):
    page = write_dashboard(copy_of_three)
    os.utime(page, ns=(1, 1))
    write_dashboard(copy_of_three)
    assert page.stat().st_mtime_ns == 1


def test_a_changed_warehouse_makes_a_new_page(copy_of_three):
    page = write_dashboard(copy_of_three)
    before = page.read_text(encoding="utf-8")
    with duckdb.connect(copy_of_three.published_database) as con:
        con.execute("UPDATE meta_publication SET etat = 'autre'")
    write_dashboard(copy_of_three)
    assert page.read_text(encoding="utf-8") != before
    assert is_current(copy_of_three, "autre")


def test_changed_code_makes_a_new_page(monkeypatch):
    before = page_state("etat")
    page_state.cache_clear()
    monkeypatch.setattr("mcf_pipeline.site.state._SUFFIXES", (".py",))
    assert page_state("etat") != before
    page_state.cache_clear()


def test_the_same_warehouse_gives_the_same_page(copy_of_three):
    page = write_dashboard(copy_of_three)
    first = page.read_bytes()
    page.unlink()
    assert write_dashboard(copy_of_three).read_bytes() == first


def test_a_page_that_fails_leaves_the_old_one(copy_of_three, monkeypatch):
    page = write_dashboard(copy_of_three)
    before = page.read_bytes()
    with duckdb.connect(copy_of_three.published_database) as con:
        con.execute("UPDATE meta_publication SET etat = 'autre'")

    def fail(new, final):
        raise OSError(28, "No space left on device", str(new))

    monkeypatch.setattr(writing, "put_in_place", fail)
    with pytest.raises(PipelineError, match="no space left on the disk"):
        write_dashboard(copy_of_three)
    assert page.read_bytes() == before
    assert [path.name for path in page.parent.iterdir()] == ["index.html"]


def test_without_a_warehouse_it_says_what_to_do(tmp_path):
    with pytest.raises(PipelineError, match="`mcf-pipeline run` builds it"):
        write_dashboard(DataDir(tmp_path))


def test_synthetic_data_says_so_before_anything_else(copy_of_three):
    page = write_dashboard(copy_of_three).read_text(encoding="utf-8")
    assert "<title>DONNÉES SYNTHÉTIQUES" in page
    assert meta_of(page)["synthetic"] is True


def test_real_data_is_not_called_synthetic(copy_of_three):
    with duckdb.connect(copy_of_three.published_database) as con:
        con.execute("UPDATE dim_release SET est_synthetique = false")
        page = page_of(con, "mark")
    assert "<title>Mon Compte Formation" in page
    assert meta_of(page)["synthetic"] is False
