"""The published file: it opens, and it is what the build is."""

import duckdb
import pytest

from mcf_pipeline.quality.published import conforms, readable


def test_the_published_file(space):
    path = space.data_dir.published_database
    assert readable(path).holds
    with space.build() as con:
        finding = conforms(con, path, space.state())
        assert finding.holds
        assert "lignes publiées" in finding.note
        assert conforms(con, path, "another state").sample[0][:2] == ("meta_publication", "état")


def test_a_published_file_that_is_not_the_build(space):
    path = space.data_dir.published_database
    with duckdb.connect(path) as con:
        con.execute("UPDATE fct_dossiers SET nb_dossiers = nb_dossiers + 1 WHERE trimestre_id = '2024-T1'")
        con.execute("DELETE FROM mart_region WHERE trimestre_id = '2024-T2'")
    with space.build() as con:
        finding = conforms(con, path, space.state())
    assert [row[:2] for row in finding.sample] == [("fct_dossiers", "empreinte"), ("mart_region", "lignes")]


@pytest.mark.parametrize("content", [None, b"", b"x" * 5000])
def test_no_published_file(space, content):
    path = space.data_dir.published_database
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    finding = readable(path)
    assert finding.count >= 1
    with space.build() as con:
        assert conforms(con, path, space.state()).count >= 1
        assert con.execute("SELECT count(*) FROM fct_dossiers").fetchall() != [(0,)], "the build is usable after it"


def test_a_published_file_that_lacks_a_table(space):
    path = space.data_dir.published_database
    with duckdb.connect(path) as con:
        con.execute("DROP TABLE mart_profil")
    finding = readable(path)
    assert finding.sample[0][0] == "mart_profil"
