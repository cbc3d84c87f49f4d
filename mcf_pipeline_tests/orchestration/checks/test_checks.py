"""The checks as Dagster runs them: what turns red, how grave it is, what it shows, and what it stops."""

import json

import dagster as dg
import duckdb
import pytest
from mcf_pipeline.orchestration.checks.all import CHECKS

from mcf_pipeline.contract.rules import RULES
from mcf_pipeline.errors import ContractError, HeldReleaseError
from mcf_pipeline.orchestration.checks import raw, staging
from mcf_pipeline.orchestration.checks.base import markdown
from mcf_pipeline.orchestration.checks.marts import check_mart_revisions, check_marts
from mcf_pipeline.orchestration.checks.publication import check_published_file, check_release_en_retard
from mcf_pipeline.orchestration.checks.raw import check_portal_release
from mcf_pipeline.orchestration.checks.staging import check_stg_usagers
from mcf_pipeline.orchestration.checks.warehouse import check_facts, check_foreign_keys
from mcf_pipeline.orchestration.partitions import QUARTERS
from mcf_pipeline.quarter import Quarter
from mcf_pipeline_tests.exports import line, masked, quarter_lines, take_in, workspace_in
from mcf_pipeline_tests.orchestration.assets import graph, small
from mcf_pipeline_tests.orchestration.checks.evaluating import evaluate, failed
from mcf_pipeline_tests.warehouse.builds import build_all, copy_of

T1, T2, T3 = "2024-01-01", "2024-04-01", "2024-07-01"
SPECS = {(s.asset_key.to_user_string(), s.name): s for check in CHECKS for s in check.check_specs}


def _many(quarter):
    regions = ("Bretagne", "Corse", "Normandie", "Occitanie", "Mayotte")
    ages = ("Moins de 25 ans", "25 à 39 ans", "40 à 49 ans", "50 ans et plus")
    situations = ("Employés", "Cadres", "Ouvriers", "Demandeur d'emploi", "Artisans")
    return [line(quarter, region=r, classe_age=a, situation=s) for r in regions for a in ages for s in situations]


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    """Three sound quarters, built and published."""
    built = workspace_in(tmp_path_factory.mktemp("sound"))
    take_in(built.archive, [e for q in ("2024-T1", "2024-T2", "2024-T3") for e in _many(q)[:4]], "2024-10-08")
    build_all(built)
    return built


@pytest.fixture
def space(sound, tmp_path):
    """The same, for one test to change."""
    return copy_of(sound, tmp_path / "copy")


def text(evaluation, name="echantillon"):
    return evaluation.metadata[name].value


# -- definitions -----------------------------------------------------------------------------------------


def test_severity_says_what_blocks():
    blocking = {key for key, spec in SPECS.items() if spec.blocking}
    assert {name for asset, name in SPECS if (asset, name) not in blocking} == {
        "trimestre_invalide",
        # Its asset blocks, by raising.
        "lignes_rejetees",
        "colonne_non_reconnue",
        "donnees_synthetiques",
        "modalite_inconnue",
        "montants_incoherents",
        "effectifs_incoherents",
        "trimestre_absent",
        "cles_etrangeres_connues",
        "release_en_retard",
    }


def test_every_warning_of_the_contract_is_checked():
    warned = {name for name, rule in RULES.items() if rule.severity == "warn"}
    checked = {name for _, name in SPECS} | {rule for rules in staging.GROUPS.values() for rule in rules}
    assert warned <= checked


def test_what_concerns_a_quarter_is_partitioned():
    partitioned = {name for (asset, name), spec in SPECS.items() if spec.partitions_def == QUARTERS}
    assert partitioned == {"lignes_rejetees", "modalite_inconnue", *staging.GROUPS}


def test_every_check_has_a_french_description():
    for spec in SPECS.values():
        assert spec.description
        assert spec.description.endswith(".")


# -- all green -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.op.name)
def test_a_sound_warehouse_passes(space, check):
    config = {"aujourd_hui": "2024-12-01"} if check is check_release_en_retard else None
    evaluations = evaluate(space.data_dir.root, check, config=config)
    assert {(e.asset_key.to_user_string(), e.check_name) for e in evaluations} == {
        (s.asset_key.to_user_string(), s.name) for s in check.check_specs
    }
    assert failed(evaluations) == []


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.op.name)
def test_an_empty_data_directory_breaks_no_check(tmp_path, check):
    evaluations = evaluate(tmp_path, check)
    red = {name for _, name, _, _ in failed(evaluations)}
    assert evaluations
    assert red <= {"fichier_publie_lisible", "fichier_publie_conforme", "release_en_retard"}


# -- portal_release --------------------------------------------------------------------------------------


def test_a_held_release(tmp_path):
    archive = workspace_in(tmp_path).archive
    take_in(archive, [*quarter_lines("2024-T1", 10), *quarter_lines("2024-T2", 10)], "2024-07-08")
    with pytest.raises(HeldReleaseError) as held:
        take_in(archive, quarter_lines("2024-T1", 6), "2024-10-08")
    evaluations = evaluate(tmp_path, check_portal_release)
    assert failed(evaluations) == [
        ("portal_release", "trimestre_disparu", None, "ERROR"),
        ("portal_release", "trimestre_retreci", None, "ERROR"),
    ]
    gone = next(e for e in evaluations if e.check_name == "trimestre_disparu")
    assert "| 2024-10-08 | 2024-T2 | lignes | 10 | 0 |" in text(gone)
    assert "`mcf-pipeline run --accept-release 2024-10-08`" in gone.description
    said = raw.refusal_evaluation(archive, held.value)
    assert (said.check_name, said.passed, said.metadata) == ("trimestre_disparu", False, gone.metadata)
    archive.accept("2024-10-08")
    assert failed(evaluate(tmp_path, check_portal_release)) == []


def test_a_refused_release_says_which_rule(tmp_path):
    error = ContractError("no column for region <script>", rule="colonne_manquante")
    said = raw.refusal_evaluation(workspace_in(tmp_path).archive, error)
    assert (said.check_name, said.passed, said.blocking) == ("export_conforme", False, True)
    assert "| colonne_manquante | no column for region &#60;script&#62; |" in text(said)


def test_what_was_not_understood(tmp_path):
    lines = [*_many("2024-T1"), *_many("2024-T2")]
    lines.insert(3, line("jamais", colonne_libre="x"))
    take_in(workspace_in(tmp_path).archive, lines)
    evaluations = evaluate(tmp_path, check_portal_release)
    assert failed(evaluations) == [
        ("portal_release", "colonne_non_reconnue", None, "WARN"),
        ("portal_release", "trimestre_invalide", None, "WARN"),
    ]
    by_name = {e.check_name: e for e in evaluations}
    assert "| 2026-10-08 | 5 |" in text(by_name["trimestre_invalide"])
    assert "| colonne_libre |" in text(by_name["colonne_non_reconnue"])


def test_synthetic_data_is_never_green(small_built):
    assert failed(evaluate(small_built.data_dir, check_portal_release)) == [
        ("portal_release", "donnees_synthetiques", None, "WARN")
    ]


# -- stg_usagers -----------------------------------------------------------------------------------------


def flawed(tmp_path):
    """T1 sound, T2 with an unknown modality and odd figures, T3 with many of them and one rejected line in 101."""
    space = workspace_in(tmp_path)
    odd = line("2024-T2", region="<b>Atlan|tide</b>", nb_titulaires="11", part_titulaire="9.00")
    bad = line("2024-T3", region="Bretagne", nb_dossiers="beaucoup", statut_dossier="Rejeté")
    take_in(space.archive, [line("2024-T1"), odd, *_many("2024-T3"), bad], "2024-10-08")
    build_all(space)
    return space


FLAWS = [
    ("stg_usagers", "effectifs_incoherents", T2, "WARN"),
    ("stg_usagers", "lignes_rejetees", T3, "WARN"),
    ("stg_usagers", "modalite_inconnue", T2, "WARN"),
    ("stg_usagers", "modalite_inconnue", T3, "WARN"),
    ("stg_usagers", "montants_incoherents", T2, "WARN"),
]


def test_a_range_gives_an_evaluation_per_quarter(tmp_path):
    space = flawed(tmp_path)
    evaluations = evaluate(space.data_dir.root, check_stg_usagers, first=T1, last=T3)
    assert sorted(failed(evaluations)) == FLAWS
    partitioned = [e for e in evaluations if e.check_name != "trimestre_absent"]
    assert len(partitioned) == 4 * 3
    by_key = {(e.check_name, e.partition): e for e in partitioned}
    odd = by_key["montants_incoherents", T2]
    assert odd.metadata["ecart_parts_montant"].value.startswith("1 sur 1 (plus de 1 % du montant")
    assert "| ecart_parts_montant | 3 |" in text(odd)
    assert odd.metadata["trimestres"].value == "2024-T2"
    assert "&#60;b&#62;Atlan&#124;tide&#60;/b&#62;" in text(by_key["modalite_inconnue", T2])
    assert "beaucoup" in text(by_key["lignes_rejetees", T3])


def test_one_quarter_alone(tmp_path):
    space = flawed(tmp_path)
    assert failed(evaluate(space.data_dir.root, check_stg_usagers, first=T1)) == []
    assert sorted(failed(evaluate(space.data_dir.root, check_stg_usagers, first=T2))) == [
        f for f in FLAWS if f[2] == T2
    ]


def test_a_range_leaves_nothing_planned(tmp_path):
    space = flawed(tmp_path)
    with dg.DagsterInstance.ephemeral() as instance:
        evaluate(space.data_dir.root, check_stg_usagers, first=T1, last=T3, instance=instance)
        records = instance.event_log_storage.get_asset_check_execution_history(
            dg.AssetCheckKey(dg.AssetKey("stg_usagers"), "modalite_inconnue"), limit=100
        )
    assert {r.partition: r.status.value for r in records} == {T1: "SUCCEEDED", T2: "FAILED", T3: "FAILED"}
    assert len(records) == 3


def test_too_many_rejects_are_an_error(tmp_path):
    space = workspace_in(tmp_path)
    bad = line("2024-T2", region="Corse", nb_dossiers="beaucoup")
    take_in(space.archive, [line("2024-T1"), line("2024-T2"), bad], "2024-10-08")
    timeline = space.archive.timeline()
    for quarter in timeline.quarters:
        space.staging.stage(quarter, timeline.current(quarter))
    red = ("stg_usagers", "lignes_rejetees", T2, "ERROR")
    assert failed(evaluate(tmp_path, check_stg_usagers, first=T1, last=T2)) == [red]
    said = list(staging.refused_evaluations(space, timeline.quarters))
    assert failed(said) == [red]
    assert "1 lignes sur 2 (50,00 %), 2024-T2." in said[0].description


def test_a_quarter_that_the_newest_release_left_out(tmp_path):
    space = workspace_in(tmp_path)
    take_in(space.archive, [line("2024-T1"), line("2024-T2")], "2024-07-08")
    with pytest.raises(HeldReleaseError):
        take_in(space.archive, [line("2024-T2")], "2024-10-08")
    space.archive.accept("2024-10-08")
    build_all(space)
    evaluations = evaluate(tmp_path, check_stg_usagers, first=T1, last=T3)
    assert failed(evaluations) == [("stg_usagers", "trimestre_absent", None, "WARN")]
    absent = next(e for e in evaluations if not e.passed)
    assert "| 2024-T1 | 2024-10-08 |" in text(absent)
    assert "| 2024-T3 | jamais publié |" in text(absent)


def test_a_quarter_that_is_not_staged_has_nothing_to_check(tmp_path):
    space = workspace_in(tmp_path)
    take_in(space.archive, [line("2024-T1")], "2024-07-08")
    evaluations = evaluate(tmp_path, check_stg_usagers, first=T1)
    assert failed(evaluations) == []
    assert all("Rien à vérifier" in e.description for e in evaluations if e.partition)


# -- facts, marts, publication ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("damage", "check", "red"),
    [
        (
            "INSERT INTO fct_dossiers_historique SELECT * FROM fct_dossiers_historique LIMIT 1",
            check_facts,
            ("fct_dossiers", "cle_unique"),
        ),
        (
            "UPDATE fct_financements_historique SET valide_jusqua = valide_depuis WHERE trimestre_id = '2024-T2'",
            check_facts,
            ("fct_financements", "historique_un_etat_ouvert"),
        ),
        (
            "UPDATE fct_dossiers_historique SET genre_id = 'autre'",
            check_foreign_keys,
            ("fct_dossiers", "cles_etrangeres_connues"),
        ),
        (
            "UPDATE mart_region SET montant_engage = 0 WHERE trimestre_id = '2024-T1'",
            check_marts,
            ("mart_region", "egal_aux_faits"),
        ),
        (
            "UPDATE mart_revisions SET montant_apres = 0",
            check_mart_revisions,
            ("mart_revisions", "egal_aux_faits"),
        ),
    ],
)
def test_a_damaged_build_is_red(space, damage, check, red):
    with space.build() as con:
        con.execute(damage)
    evaluations = evaluate(space.data_dir.root, check)
    assert (*red, None, "ERROR") in failed(evaluations)
    broken = next(e for e in evaluations if (e.asset_key.to_user_string(), e.check_name) == red)
    assert broken.blocking is (red[1] != "cles_etrangeres_connues")
    assert text(broken).startswith("| ")


def test_a_masked_value_shown_as_zero_is_red(tmp_path):
    space = workspace_in(tmp_path)
    take_in(space.archive, [masked("2024-T1", prix_moyen="", duree_moyenne="")], "2024-07-08")
    build_all(space)
    with space.build() as con:
        con.execute("UPDATE mart_trimestre SET nb_dossiers = 0")
    assert failed(evaluate(tmp_path, check_marts)) == [("mart_trimestre", "masque_jamais_zero", None, "ERROR")]


def test_a_published_file_that_is_not_the_build_is_red(space):
    with duckdb.connect(space.data_dir.published_database) as con:
        con.execute("DELETE FROM mart_profil")
    assert failed(evaluate(space.data_dir.root, check_published_file)) == [
        ("warehouse", "fichier_publie_conforme", None, "ERROR")
    ]
    space.data_dir.published_database.write_bytes(b"not a database")
    assert len(failed(evaluate(space.data_dir.root, check_published_file))) == 2


def test_an_overdue_release_turns_red_by_itself(space):
    def on(day):
        return evaluate(space.data_dir.root, check_release_en_retard, config={"aujourd_hui": day})

    assert failed(on("2025-02-15")) == []
    late = on("2025-02-16")
    assert failed(late) == [("warehouse", "release_en_retard", None, "ERROR")]
    assert "| 2024-T4 | 2025-01-01 | 1 |" in text(late[0])


def test_made_up_releases_are_overdue_without_an_alarm(small_built):
    found = evaluate(small_built.data_dir, check_release_en_retard, config={"aujourd_hui": "2026-11-25"})
    assert failed(found) == [("warehouse", "release_en_retard", None, "WARN")]


# -- in the run of a release -----------------------------------------------------------------------------


def test_a_run_evaluates_every_check_and_stays_green(tmp_path, small_releases):
    with dg.DagsterInstance.ephemeral() as instance:
        graph.take_in(tmp_path, small_releases[0], instance)
        graph.follow_plan(tmp_path, small_releases[0], instance)
        keys = [spec.key for spec in SPECS.values()]
        latest = instance.event_log_storage.get_latest_asset_check_execution_by_key(keys)
        states = {f"{k.asset_key.to_user_string()}.{k.name}": r.status.value for k, r in latest.items()}
        history = instance.event_log_storage.get_asset_check_execution_history(
            dg.AssetCheckKey(dg.AssetKey("stg_usagers"), "lignes_rejetees"), limit=100
        )
    assert len(states) == len(SPECS)
    allowed = {
        "portal_release.donnees_synthetiques",
        "portal_release.colonne_non_reconnue",
        "warehouse.release_en_retard",
    }
    assert {name for name, state in states.items() if state != "SUCCEEDED"} <= allowed
    assert sorted(r.partition for r in history) == ["2020-01-01", "2020-04-01", "2020-07-01", "2020-10-01"]
    assert all(r.evaluation.target_materialization_data is not None for r in history)


def test_an_unknown_modality_in_a_first_build_stops_nothing(tmp_path, small_releases):
    csv = small.rewrite(small_releases[0], tmp_path / "odd.csv", [("2020-T2", {"region": "Atlantide"})])
    with dg.DagsterInstance.ephemeral() as instance:
        graph.take_in(tmp_path / "data", csv, instance)
        graph.follow_plan(tmp_path / "data", csv, instance)
        key = dg.AssetCheckKey(dg.AssetKey("stg_usagers"), "modalite_inconnue")
        records = instance.event_log_storage.get_asset_check_execution_history(key, limit=100)
    assert {r.partition for r in records if r.status.value == "FAILED"} == {Quarter(2020, 2).partition_key}


# -- what is shown ---------------------------------------------------------------------------------------


def test_a_sample_is_no_markup():
    shown = markdown(("a", "b"), [("x|y\n`z`", None), ("<script>\\|[l](u)", "é" * 500)])
    head, rule, first, second = shown.split("\n")
    assert (head, rule) == ("| a | b |", "| --- | --- |")
    assert first == "| x&#124;y &#96;z&#96; |  |"
    assert "<script>" not in second
    assert second.count("|") == 3
    assert second.endswith("…" + " |")


def test_metadata_is_plain(tmp_path):
    for evaluation in evaluate(flawed(tmp_path).data_dir.root, check_stg_usagers, first=T1, last=T3):
        json.dumps({name: str(value.value) for name, value in evaluation.metadata.items()})
        assert {"nombre", "sur", "part"} <= evaluation.metadata.keys()
