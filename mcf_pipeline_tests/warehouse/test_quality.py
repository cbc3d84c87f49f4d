"""Every rule of the checks: data that breaks it, and data that does not."""

import dataclasses
import datetime as dt
from decimal import Decimal

import duckdb
import pytest

from mcf_pipeline.contract.source_map import SourceMap
from mcf_pipeline.errors import HeldReleaseError
from mcf_pipeline.releases.manifest import ManifestColumn
from mcf_pipeline.schemas.base import describe
from mcf_pipeline.schemas.warehouse import FctDossiersHistorique, FctFinancementsHistorique
from mcf_pipeline.warehouse.quality import Finding, grouped, total_of
from mcf_pipeline.warehouse.quality import facts as facts_quality
from mcf_pipeline.warehouse.quality import lines as lines_quality
from mcf_pipeline.warehouse.quality import marts as marts_quality
from mcf_pipeline.warehouse.quality import releases as releases_quality
from mcf_pipeline.warehouse.quality.published import conforms, readable
from mcf_pipeline_tests.exports import MASKED, line, masked, quarter_lines, take_in, workspace_in
from mcf_pipeline_tests.warehouse.builds import build_all, copy_of, published

HISTORIES = [FctDossiersHistorique, FctFinancementsHistorique]


# -- lines -----------------------------------------------------------------------------------------------


def stage(tmp_path, *lines, prices=None):
    """The findings on lines of the quarters that these lines make up."""
    space = workspace_in(tmp_path)
    take_in(space.archive, list(lines))
    timeline = space.archive.timeline()
    staged = {q.id: space.staging.stage(q, timeline.current(q)) for q in timeline.quarters}
    with duckdb.connect() as con:
        return lines_quality.line_findings(con, staged, prices or {}, SourceMap())


# The parts of `line()` make 15,000, which is 10 x 1,500.
BROKEN_LINES = {
    "ecart_parts_montant": [{"part_titulaire": "1200.00"}, {"montant_engage": "20000", "prix_moyen": "2000"}],
    "ecart_prix_montant": [{"prix_moyen": "1600"}, {"nb_dossiers": "20"}],
    "effectif_sous_le_seuil": [{"nb_titulaires": "4"}, {"nb_dossiers": "0"}],
    "titulaires_superieurs_aux_dossiers": [{"nb_titulaires": "11"}],
    "masque_avec_montant": [
        {"nb_dossiers": "", "nb_titulaires": ""},
        {"nb_titulaires": ""},
        MASKED | {"montant_engage": "1000"},
        MASKED | {"part_titulaire": "100"},
    ],
    "prix_hors_plage": [{"prix_moyen": "99.99"}, {"prix_moyen": "2000.01"}],
}
SOUND_LINES = {
    # 1 % of 15,000 € is 150 €; of an amount below 100 €, 1 € counts.
    "ecart_parts_montant": [
        {},
        {"part_titulaire": "1150.00"},
        {"part_titulaire": ""},
        {"montant_engage": "50.00", "part_france_competences": "50.00", "part_titulaire": "1.00"},
    ],
    "ecart_prix_montant": [{}, {"prix_moyen": "1575"}, {"prix_moyen": ""}, MASKED],
    "effectif_sous_le_seuil": [{"nb_dossiers": "5", "nb_titulaires": "5"}, MASKED],
    "titulaires_superieurs_aux_dossiers": [{"nb_titulaires": "10"}, MASKED],
    "masque_avec_montant": [{}, MASKED],
    "prix_hors_plage": [{"prix_moyen": "100"}, {"prix_moyen": "2000"}, {"prix_moyen": ""}],
}
PRICES = {"2024-T1": (Decimal(100), Decimal(2000))}


def test_every_rule_on_lines_is_tested():
    assert {rule.name for rule in lines_quality.LINE_RULES} == BROKEN_LINES.keys() == SOUND_LINES.keys()


@pytest.mark.parametrize(("rule", "changes"), [(r, c) for r, cases in BROKEN_LINES.items() for c in cases])
def test_a_line_that_breaks_a_rule(tmp_path, rule, changes):
    found = stage(tmp_path, line(region="Corse"), line(**changes), line("2024-T2"), prices=PRICES)
    finding = found[rule]["2024-T1"]
    assert (finding.count, len(finding.sample)) == (1, 1)
    assert finding.sample[0][0] == 3, "the number of the line in the export"
    assert finding.sample[0][1] == "53"
    assert finding.quarters == ("2024-T1",)
    assert found[rule]["2024-T2"].holds


@pytest.mark.parametrize(("rule", "changes"), [(r, c) for r, cases in SOUND_LINES.items() for c in cases])
def test_a_line_that_keeps_a_rule(tmp_path, rule, changes):
    assert stage(tmp_path, line(**changes), prices=PRICES)[rule]["2024-T1"].holds


def test_what_cannot_be_judged_is_not_counted(tmp_path):
    found = stage(tmp_path, line(), line(region="Corse", prix_moyen=""), masked(region="Normandie"))
    assert found["ecart_prix_montant"]["2024-T1"].total == 1
    assert found["masque_avec_montant"]["2024-T1"].total == 1
    assert found["prix_hors_plage"]["2024-T1"].total == 0
    assert "rien à comparer" in found["prix_hors_plage"]["2024-T1"].note


def test_a_sample_is_small(tmp_path):
    lines = [entry | {"nb_titulaires": "99"} for entry in quarter_lines("2024-T1", 12)]
    finding = stage(tmp_path, *lines)["titulaires_superieurs_aux_dossiers"]["2024-T1"]
    assert (finding.count, len(finding.sample)) == (12, 5)


def test_batches_say_the_same(tmp_path, monkeypatch):
    lines = [e for q in ("2024-T1", "2024-T2", "2024-T3") for e in quarter_lines(q, 4)]
    whole = stage(tmp_path / "a", *lines)
    monkeypatch.setattr(lines_quality, "BATCH_LINES", 5)
    assert stage(tmp_path / "b", *lines) == whole


def test_the_mart_counts_by_the_rules_of_the_checks(tmp_path):
    """One place for each threshold would be better; SQL files have no constants of Python's."""
    cases = [
        *({"prix_moyen": str(price)} for price in (1425, 1424, 1575, 1576, 1500)),
        *({"part_titulaire": part} for part in ("1150.00", "1150.01", "850.00", "849.99")),
        *(
            {"montant_engage": "50.00", "part_france_competences": "50.00", "part_titulaire": part}
            for part in ("1.00", "1.01")
        ),
    ]
    keys = quarter_lines("2024-T1", len(cases))
    measures = ("nb_dossiers", "nb_titulaires")
    lines = [key | {name: line()[name] for name in measures} | case for key, case in zip(keys, cases, strict=True)]
    found = stage(tmp_path / "checks", *lines)
    space = workspace_in(tmp_path / "marts")
    take_in(space.archive, lines)
    build_all(space)
    counted = published(space, "SELECT nb_lignes_ecart_parts, nb_lignes_ecart_prix FROM mart_qualite")
    said = tuple(found[rule]["2024-T1"].count for rule in ("ecart_parts_montant", "ecart_prix_montant"))
    assert counted == [said]
    assert said[0] == 3


def test_unknown_modalities(tmp_path):
    found = stage(tmp_path, line(region="Atlantide"), line(region="Atlantide", genre="Homme"), line("2024-T2"))
    finding = found["modalite_inconnue"]["2024-T1"]
    assert finding.count == 1
    assert finding.sample == (("region", "Atlantide", "atlantide", 2),)
    assert found["modalite_inconnue"]["2024-T2"].holds


def test_rejected_lines(tmp_path):
    few = [*quarter_lines("2024-T1", 50), line("2024-T2"), line("2024-T3")]
    few[0]["nb_dossiers"] = "beaucoup"
    finding = stage(tmp_path / "few", *few)["lignes_rejetees"]["2024-T1"]
    assert (finding.count, finding.total, finding.is_grave) == (1, 50, True), "2 % are too many"
    assert finding.sample[0][:4] == (2, "nombre_illisible", "nb_dossiers", "beaucoup")
    assert "nombre_illisible (nb_dossiers) : 1" in finding.note


def test_one_rejected_line_in_a_hundred_is_no_error():
    finding = Finding("lignes_rejetees", 1, 100)
    assert not finding.is_grave
    assert finding.share == 0.01


def test_prices_are_held_against_the_releases_before(tmp_path):
    space = workspace_in(tmp_path)
    take_in(space.archive, [line("2024-T1", prix_moyen="900"), line("2024-T2", prix_moyen="1100")], "2024-07-08")
    take_in(space.archive, [line("2024-T1", prix_moyen="900"), line("2024-T2", prix_moyen="5000")], "2024-10-08")
    timeline = space.archive.timeline()
    rank = {manifest.release_id: place for place, manifest in enumerate(timeline.releases)}
    files = [
        (rank[state.since], space.staging.stage(quarter, state).file("usagers"))
        for quarter, states in timeline.states.items()
        for state in states
    ]
    with duckdb.connect() as con:
        found = lines_quality.prices_before(con, files, {"2024-T1": 0, "2024-T2": 1})
        assert lines_quality.prices_before(con, files, {"2024-T1": 0}) == {}
    assert found == {"2024-T2": (Decimal(900), Decimal(1100))}, "its own earlier state counts, its own does not"


def test_grouping_and_totals():
    one = Finding("a", 1, 10, columns=("numero_ligne", "x"), sample=((3, None),), quarters=("2024-T1",))
    two = Finding("b", 0, 12, columns=("numero_ligne", "y"), quarters=("2024-T1",))
    group = grouped("ensemble", [one, two])
    assert (group.count, group.total, group.sample) == (1, 12, (("a", 3, "x = "),))
    total = total_of("ensemble", [group, Finding("ensemble", 0, 5, quarters=("2024-T2",))])
    assert (total.count, total.total, total.quarters) == (1, 17, ("2024-T1",))


# -- releases --------------------------------------------------------------------------------------------


@pytest.fixture
def manifest(tmp_path):
    return take_in(workspace_in(tmp_path).archive, [line(colonne_libre="x"), line("2024-T2")]).manifest


def test_a_vanished_and_a_shrunk_quarter(tmp_path):
    archive = workspace_in(tmp_path).archive
    take_in(archive, [*quarter_lines("2024-T1", 10), *quarter_lines("2024-T2", 10)], "2024-07-08")
    with pytest.raises(HeldReleaseError):
        take_in(archive, quarter_lines("2024-T1", 6), "2024-10-08")
    manifests = archive.manifests()
    found = releases_quality.held_findings(manifests, archive.held())
    assert found["trimestre_disparu"].sample == (("2024-10-08", "2024-T2", "lignes", 10, 0),)
    assert found["trimestre_retreci"].sample[0] == ("2024-10-08", "2024-T1", "lignes", 10, 6)
    assert "--accept-release 2024-10-08" in found["trimestre_disparu"].note
    archive.accept("2024-10-08")
    accepted = releases_quality.held_findings(manifests, archive.held())
    assert all(finding.holds for finding in accepted.values())


def test_an_archived_release_conforms(manifest):
    assert releases_quality.conformity(manifest).holds


def without(manifest, *names):
    return tuple(c for c in manifest.columns if c.canonical not in names)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (lambda m: {"columns": without(m, "region")}, ("colonne_manquante", "region")),
        (lambda m: {"columns": without(m, "trimestre")}, ("colonne_manquante", "trimestre")),
        (
            lambda m: {"columns": without(m, "part_france_competences", "part_titulaire")},
            ("colonne_manquante", "part_<financeur>"),
        ),
        (lambda m: {"columns": (*m.columns, ManifestColumn("Sexe", "genre", "s"))}, ("colonne_ambigue", "genre")),
        (lambda m: {"quarters": {}, "rows": 0}, ("aucun_trimestre_valide", "aucun trimestre")),
        (lambda m: {"rows": 9}, ("export_tronque", "9 lignes annoncées, 2 réparties")),
    ],
)
def test_a_release_that_does_not_conform(manifest, changes, said):
    finding = releases_quality.conformity(dataclasses.replace(manifest, **changes(manifest)))
    assert finding.sample == (said,)


def test_two_columns_can_give_the_quarter(manifest):
    columns = (
        *without(manifest, "trimestre"),
        ManifestColumn("a", "annee", "r"),
        ManifestColumn("n", "numero_trimestre", "r"),
    )
    assert releases_quality.conformity(dataclasses.replace(manifest, columns=columns)).holds


def test_unreadable_quarters_and_unused_columns(manifest):
    assert releases_quality.unreadable_quarters(manifest, []).holds
    broken = dataclasses.replace(manifest, unreadable_rows=2)
    assert releases_quality.unreadable_quarters(broken, [7, 9]).sample == (("2026-10-08", 7), ("2026-10-08", 9))
    assert releases_quality.unused_columns(manifest).sample == (("colonne_libre",),)
    assert releases_quality.unused_columns(dataclasses.replace(manifest, columns=manifest.columns[:3])).holds


def test_synthetic_releases(manifest):
    made_up = dataclasses.replace(manifest, is_synthetic=True)
    assert releases_quality.synthetic_releases([manifest]).holds
    assert releases_quality.synthetic_releases([made_up]).count == 1
    assert not releases_quality.synthetic_releases([made_up]).is_grave
    assert releases_quality.synthetic_releases([manifest, made_up]).is_grave


@pytest.mark.parametrize(
    ("today", "late"),
    [
        # The newest told quarter is 2024-T2, by a release of July 8th; 2024-T3 is due on October 1st.
        (dt.date(2024, 9, 30), ()),
        (dt.date(2024, 11, 15), ()),
        (dt.date(2024, 11, 16), ("2024-T3",)),
        (dt.date(2025, 2, 15), ("2024-T3",)),
        (dt.date(2025, 2, 16), ("2024-T3", "2024-T4")),
    ],
)
def test_an_overdue_release(tmp_path, today, late):
    archive = workspace_in(tmp_path).archive
    take_in(archive, [line("2024-T1"), line("2024-T2")], "2024-07-08")
    assert releases_quality.overdue(archive.manifests(), today).quarters == late


def test_a_running_quarter_told_early_is_not_its_release(tmp_path):
    archive = workspace_in(tmp_path).archive
    take_in(archive, [line("2024-T2"), line("2024-T3")], "2024-07-08")
    finding = releases_quality.overdue(archive.manifests(), dt.date(2024, 12, 1))
    assert finding.sample == (("2024-T3", "2024-10-01", 16),)


def test_without_any_release_the_last_ended_quarter_is_overdue():
    assert releases_quality.overdue([], dt.date(2024, 3, 1)).quarters == ("2023-T4",)


# -- the build -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def two_releases(tmp_path_factory):
    """Two releases, built and published; a region of masked lines alone."""
    built = workspace_in(tmp_path_factory.mktemp("two_releases"))
    lines = [*quarter_lines("2024-T1", 8), *quarter_lines("2024-T2", 8), masked("2024-T1", region="Mayotte")]
    take_in(built.archive, lines, "2024-07-08")
    take_in(built.archive, [*lines[:-1], line("2024-T2", region="Mayotte"), lines[-1]], "2024-10-08")
    build_all(built)
    return built


@pytest.fixture
def space(two_releases, tmp_path):
    """The same, for one test to spoil."""
    return copy_of(two_releases, tmp_path / "copy")


@pytest.mark.parametrize("history", HISTORIES)
def test_keys(space, history):
    name = describe(history).name
    with space.build() as con:
        assert facts_quality.duplicate_keys(con, history).holds
        con.execute(f"INSERT INTO {name} SELECT * FROM {name} WHERE trimestre_id = '2024-T1' LIMIT 2")
        finding = facts_quality.duplicate_keys(con, history)
    assert (finding.count, finding.quarters) == (2, ("2024-T1",))
    assert finding.sample[0][-1] == 2


def test_keys_in_batches(space, monkeypatch):
    monkeypatch.setattr(facts_quality, "BATCH_ROWS", 1)
    test_keys(space, FctDossiersHistorique)


QUARTERS = {"2024-T1", "2024-T2"}
ORDER = ["2024-07-08", "2024-10-08"]


@pytest.mark.parametrize("history", HISTORIES)
@pytest.mark.parametrize(
    ("damage", "why"),
    [
        ("SET valide_jusqua = NULL WHERE valide_jusqua IS NOT NULL", "commence avant la fin"),
        ("SET valide_depuis = '1999-01-01' WHERE trimestre_id = '2024-T1'", "publication inconnue"),
        ("SET valide_jusqua = '2024-07-08' WHERE trimestre_id = '2024-T1'", "finit avant de commencer"),
        ("SET release_id = '2024-10-08' WHERE trimestre_id = '2024-T1'", "portent une autre publication"),
    ],
)
def test_history(space, history, damage, why):
    name = describe(history).name
    with space.build() as con:
        assert facts_quality.open_states(con, history, ORDER, QUARTERS).holds
        con.execute(f"UPDATE {name} {damage}")
        finding = facts_quality.open_states(con, history, ORDER, QUARTERS)
        assert facts_quality.open_states(con, history, ORDER, set()).holds, "a quarter that waits is not looked at"
    assert finding.count == 1
    assert why in str(finding.sample[0][-1])


@pytest.mark.parametrize("history", HISTORIES)
def test_foreign_keys(space, history):
    name = describe(history).name
    with space.build() as con:
        assert facts_quality.orphans(con, history, {}).holds
        con.execute(f"UPDATE {name} SET region_id = 'atlantide' WHERE region_id = '53'")
        finding = facts_quality.orphans(con, history, {})
        announced = facts_quality.orphans(con, history, {"dim_region": {"atlantide"}})
    assert finding.sample[0][:3] == ("region_id", "atlantide", "dim_region")
    assert all(row[0] != "region_id" for row in announced.sample), "the dimension's next materialization brings it"


def test_a_part_without_its_line(space):
    with space.build() as con:
        con.execute("DELETE FROM fct_dossiers_historique WHERE trimestre_id = '2024-T1' AND region_id = '06'")
        finding = facts_quality.orphans(con, FctFinancementsHistorique, {})
        assert finding.sample[0][:2] == ("ligne de fct_dossiers", "2024-T1")
        con.execute("UPDATE meta_marque SET empreinte = 'x' WHERE actif = 'fct_dossiers'")
        assert facts_quality.orphans(con, FctFinancementsHistorique, {}).holds, "the quarter waits for its run"


def test_announced_keys(tmp_path):
    space = workspace_in(tmp_path)
    take_in(space.archive, [line(region="Atlantide")])
    build_all(space)
    with space.build() as con:
        keys = facts_quality.announced_keys(con, space.archive.timeline(), SourceMap())
    assert (keys["dim_region"], keys["dim_trimestre"], keys["dim_release"]) == (
        {"atlantide"},
        {"2024-T1"},
        {"2026-10-08"},
    )


MARTS = {describe(model).name: model for model in marts_quality.MART_TIES}


@pytest.mark.parametrize(
    ("mart", "column"), [(describe(m).name, c) for m, ties in marts_quality.MART_TIES.items() for c in ties.sums]
)
def test_a_mart_that_does_not_tie(space, mart, column):
    with space.build() as con:
        assert marts_quality.mart_findings(con, MARTS[mart])["egal_aux_faits"].holds
        con.execute(f"UPDATE {mart} SET {column} = coalesce({column}, 0) + 1 WHERE trimestre_id = '2024-T2'")
        finding = marts_quality.mart_findings(con, MARTS[mart])["egal_aux_faits"]
        assert finding.count > 0
        assert finding.quarters == ("2024-T2",)
        con.execute("UPDATE meta_marque SET empreinte = 'x' WHERE actif LIKE 'fct%' AND trimestre_id = '2024-T2'")
        assert marts_quality.mart_findings(con, MARTS[mart])["egal_aux_faits"].holds, "the quarter waits for its run"


@pytest.mark.parametrize("mart", MARTS)
def test_a_mart_that_lacks_a_row(space, mart):
    with space.build() as con:
        con.execute(f"DELETE FROM {mart} WHERE trimestre_id = '2024-T1'")
        assert not marts_quality.mart_findings(con, MARTS[mart])["egal_aux_faits"].holds


@pytest.mark.parametrize(
    ("mart", "column"), [(describe(m).name, c) for m, ties in marts_quality.MART_TIES.items() for c in ties.given]
)
def test_a_masked_value_shown_as_zero(tmp_path, mart, column):
    space = workspace_in(tmp_path)
    everything_masked = {"prix_moyen": "", "duree_moyenne": ""}
    take_in(space.archive, [masked(**everything_masked), line("2024-T2")])
    build_all(space)
    with space.build() as con:
        assert marts_quality.mart_findings(con, MARTS[mart])["masque_jamais_zero"].holds
        con.execute(f"UPDATE {mart} SET {column} = 0 WHERE trimestre_id = '2024-T1'")
        finding = marts_quality.mart_findings(con, MARTS[mart])["masque_jamais_zero"]
    assert finding.quarters == ("2024-T1",)


@pytest.mark.parametrize(
    "column",
    [
        "lignes_ajoutees",
        "lignes_supprimees",
        "nb_lignes_masquees_apres",
        "nb_lignes_masquees_avant",
        "dossiers_apres",
        "dossiers_avant",
        "montant_apres",
        "montant_avant",
    ],
)
def test_revisions_that_do_not_tie(space, column):
    with space.build() as con:
        found = marts_quality.revision_findings(con)
        assert found["egal_aux_faits"].holds
        assert found["egal_aux_faits"].total == 3, "two quarters added, one revised"
        assert found["masque_jamais_zero"].holds
        con.execute(f"UPDATE mart_revisions SET {column} = coalesce({column}, 0) + 1 WHERE nature = 'revision'")
        assert marts_quality.revision_findings(con)["egal_aux_faits"].count == 1


def test_revisions_of_what_is_masked(space):
    with space.build() as con:
        con.execute("UPDATE mart_revisions SET dossiers_avant = 0 WHERE nature = 'ajout'")
        assert marts_quality.revision_findings(con)["masque_jamais_zero"].count == 2


# -- the published file ----------------------------------------------------------------------------------


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
