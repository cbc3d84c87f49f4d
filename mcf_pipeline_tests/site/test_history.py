"""What releases said before, and what the newest one changed, add up to what the history says."""

import duckdb
import pytest

from mcf_pipeline.site.history import KINDS
from mcf_pipeline.site.writing import page_of
from mcf_pipeline_tests.site.unpacking import between, meta_of, unpack


@pytest.fixture
def con(three_releases):
    with duckdb.connect(three_releases.published_database, read_only=True) as con:
        yield con


@pytest.fixture
def columns(con):
    page = page_of(con, "mark")
    return unpack(between(page, "figures"), meta_of(page)["layout"])


def test_past_states_add_up(con, columns):
    expected = con.execute(
        "SELECT sum(nb_dossiers)::BIGINT, count(*) FILTER (WHERE nb_dossiers IS NULL) "
        "FROM fct_dossiers_historique WHERE valide_jusqua IS NOT NULL"
    ).fetchall()
    assert expected == [(sum(columns["e_dossiers"]), sum(columns["e_masquees"]))]
    assert sum(columns["e_dossiers"]) > 0


def test_the_kinds_of_change_add_up_to_the_change(con, columns):
    before, now = con.execute(
        "WITH newest AS (SELECT release_id FROM dim_release WHERE est_courante), "
        "previous AS (SELECT max(rang) - 1 AS rang FROM dim_release), "
        "old AS (SELECT sum(nb_dossiers) AS n, sum(montant_engage) AS m FROM fct_dossiers_historique "
        "JOIN dim_release d ON d.release_id = valide_depuis LEFT JOIN dim_release u ON u.release_id = valide_jusqua "
        "WHERE d.rang <= (SELECT rang FROM previous) AND coalesce(u.rang, 99) > (SELECT rang FROM previous)), "
        "new AS (SELECT sum(nb_dossiers) AS n, sum(montant_engage) AS m FROM fct_dossiers) "
        "SELECT (old.n, old.m * 100), (new.n, new.m * 100) FROM old, new"
    ).fetchall()[0]
    assert sum(columns["r_dossiers"]) == now[0] - before[0]
    assert sum(columns["r_montant"]) == now[1] - before[1]


def test_a_line_that_was_masked_is_told_apart_from_new_dossiers(con, columns):
    kinds = [KINDS[code] for code in columns["r_nature"]]
    assert {"nouveau", "visible", "masquee"} <= set(kinds)
    unveiled = sum(lines for kind, lines in zip(kinds, columns["r_lignes"], strict=True) if kind == "devoilee")
    expected = con.execute(
        "WITH newest AS (SELECT release_id FROM dim_release WHERE est_courante) "
        "SELECT count(*) FROM fct_dossiers AS now JOIN fct_dossiers_historique AS before "
        "USING (trimestre_id, region_id, genre_id, classe_age_id, situation_id, statut_id) "
        "WHERE now.release_id = (FROM newest) AND before.valide_jusqua = (FROM newest) "
        "AND before.nb_dossiers IS NULL AND now.nb_dossiers IS NOT NULL"
    ).fetchall()
    assert expected == [(unveiled,)]
    masked = [kind == "masquee" for kind in kinds]
    assert all(change == 0 for change, hidden in zip(columns["r_dossiers"], masked, strict=True) if hidden)


def test_one_release_has_no_past(small_built):
    with duckdb.connect(small_built.database, read_only=True) as con:
        page = page_of(con, "mark")
    columns = unpack(between(page, "figures"), meta_of(page)["layout"])
    assert columns["e_dossiers"] == []
    assert {KINDS[code] for code in columns["r_nature"]} == {"nouveau"}


def test_nothing_below_the_country_is_derived_from_two_releases(columns):
    """What `docs/secret.md` promises: a quarter has one row per status of a past state, and one per kind of change."""
    states = list(zip(columns["e_trimestre"], columns["e_depuis"], columns["e_statut"], strict=True))
    assert len(states) == len(set(states)) > 0
    changes = list(zip(columns["r_trimestre"], columns["r_nature"], strict=True))
    assert len(changes) == len(set(changes)) > 0
    history = {name for name in columns if name.startswith(("e_", "r_"))}
    assert not {name for name in history if name.endswith(("region", "genre", "classe_age", "situation"))}
