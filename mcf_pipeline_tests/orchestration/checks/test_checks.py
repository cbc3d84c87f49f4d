"""The checks as a run evaluates them: what turns red, how grave it is, and what it shows.

Each red one comes from what it is there for: a source that says odd things, a file of a table that was spoiled, or SQL
that is wrong. What a red one stops: `test_blocking`.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import dagster as dg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mcf_pipeline.errors import ContractError, HeldReleaseError
from mcf_pipeline.orchestration.checks import raw
from mcf_pipeline.orchestration.resources import PublishedWarehouse, WorkspaceResource
from mcf_pipeline.quality.marts import MART_TIES
from mcf_pipeline.quarter import Quarter
from mcf_pipeline.schemas.base import describe
from mcf_pipeline.schemas.names import FACT_NAMES, QUARTERLY_MART_NAMES
from mcf_pipeline.tables import marts as makers
from mcf_pipeline_tests.exports import csv_bytes, ingest, line, masked, quarter_lines, workspace_in
from mcf_pipeline_tests.orchestration.assets import graph, small
from mcf_pipeline_tests.orchestration.checks.evaluating import SPECS, evaluate, failed, graph_with, overdue_on
from mcf_pipeline_tests.warehouse.builds import build_all, copy_of

T1, T2, T3 = "2024-01-01", "2024-04-01", "2024-07-01"
QUARTER = Quarter(2024, 1)
RELEASE = "2024-10-08"


def many(quarter):
    regions = ("Bretagne", "Corse", "Normandie", "Occitanie", "Mayotte")
    ages = ("Moins de 25 ans", "25 à 39 ans", "40 à 49 ans", "50 ans et plus")
    situations = ("Employés", "Cadres", "Ouvriers", "Demandeur d'emploi", "Artisans")
    return [line(quarter, region=r, classe_age=a, situation=s) for r in regions for a in ages for s in situations]


@pytest.fixture(scope="module")
def sound_once(tmp_path_factory):
    """Three sound quarters, built and published."""
    built = workspace_in(tmp_path_factory.mktemp("sound"))
    ingest(built.archive, [e for q in ("2024-T1", "2024-T2", "2024-T3") for e in many(q)[:4]], RELEASE)
    build_all(built)
    return built


@pytest.fixture
def sound(sound_once, tmp_path):
    """The same, for one test to change."""
    return copy_of(sound_once, tmp_path / "copy")


@pytest.fixture
def all_masked(tmp_path):
    """One quarter of one line that is masked altogether, built and published."""
    space = workspace_in(tmp_path / "masked")
    ingest(space.archive, [masked("2024-T1", prix_moyen="", duree_moyenne="")], RELEASE)
    build_all(space)
    return space


def text(evaluation, name="echantillon"):
    return evaluation.metadata[name].value


def by_name(evaluations):
    return {(e.asset_key.to_user_string(), e.check_name): e for e in evaluations}


def spoil(path: Path, change: Callable[[pa.Table], pa.Table]) -> None:
    """Rewrite a file of a table with other rows, and what else it holds."""
    table = pq.read_table(path)
    pq.write_table(change(table).cast(table.schema), path)


def setting(column: str, value: object) -> Callable[[pa.Table], pa.Table]:
    def change(table: pa.Table) -> pa.Table:
        place = table.schema.get_field_index(column)
        field = table.schema.field(place)
        return table.set_column(place, field, pa.array([value] * table.num_rows, field.type))

    return change


# -- all green -------------------------------------------------------------------------------------------


def test_a_sound_warehouse_passes_every_check(sound):
    names = [*graph.QUARTERLY, *graph.WHOLE, "portal_release"]
    evaluations = evaluate(sound.data_dir.root, names, first=T1, last=T3, release_id=RELEASE)
    alone = {("warehouse", "release_en_retard")}
    assert by_name(evaluations).keys() | alone == SPECS.keys()
    assert [f for f in failed(evaluations) if f[:2] not in alone] == []
    assert failed(overdue_on(sound.data_dir.root, "2024-12-01")) == []


def test_an_empty_data_directory_breaks_no_check(tmp_path):
    evaluations = evaluate(tmp_path, [name for name in graph.QUARTERLY if name != "raw_usagers"], first=T1)
    evaluations += evaluate(tmp_path, ["mart_revisions"])
    assert {e.asset_key.to_user_string() for e in evaluations} == {
        "stg_usagers",
        *FACT_NAMES,
        *QUARTERLY_MART_NAMES,
        "mart_revisions",
    }
    assert failed(evaluations) == [("stg_usagers", "trimestre_absent", None, "WARN")]
    space = workspace_in(tmp_path)
    found = raw.findings(space.archive, space.snapshot())
    assert found.keys() == {spec.name for spec in raw.SPECS}
    assert all(finding.holds for finding in found.values())
    assert failed(overdue_on(tmp_path)) in ([], [("warehouse", "release_en_retard", None, "ERROR")])


# -- portal_release --------------------------------------------------------------------------------------


def test_a_held_release(tmp_path):
    space = workspace_in(tmp_path)
    ingest(space.archive, [*quarter_lines("2024-T1", 10), *quarter_lines("2024-T2", 10)], "2024-07-08")
    with pytest.raises(HeldReleaseError) as held:
        ingest(space.archive, quarter_lines("2024-T1", 6), RELEASE)
    evaluations = evaluate(tmp_path, ["portal_release"], release_id=RELEASE)
    assert failed(evaluations) == [
        ("portal_release", "trimestre_disparu", None, "ERROR"),
        ("portal_release", "trimestre_retreci", None, "ERROR"),
    ]
    gone = next(e for e in evaluations if e.check_name == "trimestre_disparu")
    assert "| 2024-10-08 | 2024-T2 | lignes | 10 | 0 |" in text(gone)
    assert "`mcf-pipeline run --accept-release 2024-10-08`" in gone.description
    recorded = raw.refusal_evaluation(space.archive, space.snapshot(), held.value)
    assert (recorded.check_name, recorded.passed, recorded.metadata) == ("trimestre_disparu", False, gone.metadata)
    space.archive.accept(RELEASE)
    assert failed(evaluate(tmp_path, ["portal_release"], release_id=RELEASE)) == []


def test_a_release_that_is_held_leaves_the_red_evaluation_of_the_run_that_fetched_it(tmp_path):
    ingest(workspace_in(tmp_path / "data").archive, [*quarter_lines("2024-T1", 10), line("2024-T2")], "2024-07-08")
    (tmp_path / "less.csv").write_bytes(csv_bytes(quarter_lines("2024-T1", 10)))
    evaluations = evaluate(tmp_path / "data", ["portal_release"], source=tmp_path / "less.csv")
    assert failed(evaluations) == [("portal_release", "trimestre_disparu", None, "ERROR")]


def test_a_file_that_is_refused_leaves_the_red_evaluation_of_the_run_that_read_it(tmp_path):
    (tmp_path / "other.csv").write_text("commune;population\nBrest;140000\n")
    evaluations = evaluate(tmp_path / "data", ["portal_release"], source=tmp_path / "other.csv")
    assert failed(evaluations) == [("portal_release", "export_conforme", None, "ERROR")]
    assert "| colonne_manquante | no column found for trimestre, region" in text(evaluations[0])


def test_a_refused_release_says_which_rule(tmp_path):
    space = workspace_in(tmp_path)
    error = ContractError("no column for region <script>", rule="colonne_manquante")
    recorded = raw.refusal_evaluation(space.archive, space.snapshot(), error)
    assert (recorded.check_name, recorded.passed, recorded.blocking) == ("export_conforme", False, True)
    assert "| colonne_manquante | no column for region &#60;script&#62; |" in text(recorded)


def test_what_was_not_understood(tmp_path):
    lines = [*many("2024-T1"), *many("2024-T2")[1:]]
    lines.insert(3, line("jamais", colonne_libre="x"))
    ingest(workspace_in(tmp_path).archive, lines)
    evaluations = evaluate(tmp_path, ["portal_release"], release_id="2026-10-08")
    assert failed(evaluations) == [
        ("portal_release", "colonne_non_reconnue", None, "WARN"),
        ("portal_release", "trimestre_invalide", None, "WARN"),
    ]
    found = by_name(evaluations)
    assert "| 2026-10-08 | 5 |" in text(found["portal_release", "trimestre_invalide"])
    assert "| colonne_libre |" in text(found["portal_release", "colonne_non_reconnue"])


def test_synthetic_data_is_never_green(small_built):
    assert failed(evaluate(small_built.data_dir, ["portal_release"], release_id="2021-01-08")) == [
        ("portal_release", "donnees_synthetiques", None, "WARN")
    ]


# -- stg_usagers -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def flawed(tmp_path_factory):
    """T1 sound, T2 with an unknown modality and odd figures, T3 with many of them and one rejected line in 101."""
    space = workspace_in(tmp_path_factory.mktemp("flawed"))
    odd = line("2024-T2", region="<b>Atlan|tide</b>", nb_titulaires="11", part_titulaire="9.00")
    bad = line("2024-T3", region="Bretagne", nb_dossiers="beaucoup", statut_dossier="Rejeté")
    ingest(space.archive, [line("2024-T1"), odd, *many("2024-T3"), bad], RELEASE)
    return space.data_dir.root


@pytest.fixture(scope="module")
def evaluated(flawed):
    """The evaluations of a run over its three quarters, and what became of the planned ones of one check."""
    key = dg.AssetCheckKey(dg.AssetKey("stg_usagers"), "modalite_inconnue")
    with dg.DagsterInstance.ephemeral() as instance:
        evaluations = evaluate(flawed, ["stg_usagers"], first=T1, last=T3, instance=instance)
        records = instance.event_log_storage.get_asset_check_execution_history(key, limit=100)
        return evaluations, [(record.partition, record.status.value) for record in records]


FLAWS = [
    ("stg_usagers", "effectifs_incoherents", T2, "WARN"),
    ("stg_usagers", "lignes_rejetees", T3, "WARN"),
    ("stg_usagers", "modalite_inconnue", T2, "WARN"),
    ("stg_usagers", "modalite_inconnue", T3, "WARN"),
    ("stg_usagers", "montants_incoherents", T2, "WARN"),
]


def test_a_range_gives_an_evaluation_per_quarter(evaluated):
    evaluations, _ = evaluated
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


def test_every_evaluation_of_a_quarter_has_its_numbers_and_names_the_materialization_it_is_about(evaluated):
    for evaluation in evaluated[0]:
        json.dumps({name: str(value.value) for name, value in evaluation.metadata.items()})
        assert {"nombre", "sur", "part"} <= evaluation.metadata.keys()
        assert evaluation.partition is None or evaluation.target_materialization_data is not None


def test_a_range_leaves_nothing_planned(evaluated):
    _, records = evaluated
    assert sorted(records) == [(T1, "SUCCEEDED"), (T2, "FAILED"), (T3, "FAILED")]


def test_one_quarter_alone(flawed):
    assert failed(evaluate(flawed, ["stg_usagers"], first=T1)) == []
    assert sorted(failed(evaluate(flawed, ["stg_usagers"], first=T2))) == [f for f in FLAWS if f[2] == T2]


def test_too_many_rejects_are_an_error(tmp_path):
    space = workspace_in(tmp_path)
    bad = line("2024-T2", region="Corse", nb_dossiers="beaucoup")
    ingest(space.archive, [line("2024-T1"), line("2024-T2"), bad], RELEASE)
    red = ("stg_usagers", "lignes_rejetees", T2, "ERROR")
    evaluations = evaluate(tmp_path, ["stg_usagers"], first=T1, last=T2)
    assert failed(evaluations) == [red]
    assert "1 lignes sur 2 (50,00 %), 2024-T2." in evaluations[0].description
    # Once it is known, the quarter has no state to build, and stays red.
    assert red in failed(evaluate(tmp_path, ["stg_usagers"], first=T1, last=T2))


def test_a_quarter_that_the_newest_release_left_out(tmp_path):
    space = workspace_in(tmp_path)
    ingest(space.archive, [line("2024-T1"), line("2024-T2")], "2024-07-08")
    with pytest.raises(HeldReleaseError):
        ingest(space.archive, [line("2024-T2")], RELEASE)
    space.archive.accept(RELEASE)
    evaluations = evaluate(tmp_path, ["stg_usagers"], first=T1, last=T3)
    assert failed(evaluations) == [("stg_usagers", "trimestre_absent", None, "WARN")]
    absent = next(e for e in evaluations if not e.passed)
    assert "| 2024-T1 | 2024-10-08 |" in text(absent)
    assert "| 2024-T3 | jamais publié |" in text(absent)
    of_absent = [e for e in evaluations if e.partition == T1]
    assert len(of_absent) == 4
    assert all("Rien à vérifier" in e.description for e in of_absent)


# -- facts -----------------------------------------------------------------------------------------------


def twice(table: pa.Table) -> pa.Table:
    return pa.concat_tables([table, table.slice(0, 1)])


@pytest.mark.parametrize("fact", FACT_NAMES)
@pytest.mark.parametrize(
    ("damage", "check", "shows"),
    [
        (twice, "cle_unique", "2024-T1"),
        (setting("release_id", "2030-01-01"), "historique_un_etat_ouvert", "publication inconnue"),
        (setting("genre_id", "autre"), "cles_etrangeres_connues", "| genre_id | autre | dim_genre |"),
    ],
    ids=["a line twice", "another release", "an unknown key"],
)
def test_damaged_lines_turn_a_fact_red(sound, fact, damage, check, shows):
    spoil(sound.snapshot().current_file("stg_usagers", QUARTER), damage)
    evaluations = evaluate(sound.data_dir.root, [fact], first=T1)
    assert (fact, check, None, "ERROR") in failed(evaluations)
    red = by_name(evaluations)[fact, check]
    assert red.blocking
    assert shows in text(red)
    assert {asset for asset, *_ in failed(evaluations)} == {fact}


def test_a_part_without_its_line_is_red(sound):
    spoil(sound.snapshot().current_file("fct_dossiers", QUARTER), lambda table: table.slice(1))
    evaluations = evaluate(sound.data_dir.root, ["fct_financements"], first=T1)
    assert failed(evaluations) == [("fct_financements", "cles_etrangeres_connues", None, "ERROR")]
    assert "| ligne de fct_dossiers | 2024-T1 |" in text(by_name(evaluations)[failed(evaluations)[0][:2]])


# -- marts -----------------------------------------------------------------------------------------------

OF_SUMS = {describe(model).name: next(iter(ties.sums)) for model, ties in MART_TIES.items()}
OF_GIVEN = {describe(model).name: next(iter(ties.given)) for model, ties in MART_TIES.items()}


def with_wrong_sql(monkeypatch, replaced: dict[str, str]) -> None:
    """Marts whose SQL gives something else, as a change that is a mistake would make it."""
    right = makers.query

    def wrong(name: str) -> str:
        return f"SELECT * REPLACE ({replaced[name]}) FROM ({right(name)})" if name in replaced else right(name)

    monkeypatch.setattr(makers, "query", wrong)


def test_sums_that_are_not_those_of_the_facts_turn_every_mart_red(sound, monkeypatch):
    assert OF_SUMS.keys() == set(QUARTERLY_MART_NAMES)
    with_wrong_sql(monkeypatch, {name: f"{column} + 1 AS {column}" for name, column in OF_SUMS.items()})
    evaluations = evaluate(sound.data_dir.root, QUARTERLY_MART_NAMES, first=T1)
    assert sorted(failed(evaluations)) == sorted((n, "egal_aux_faits", None, "ERROR") for n in QUARTERLY_MART_NAMES)
    for evaluation in evaluations:
        if not evaluation.passed:
            assert evaluation.blocking
            assert "(faits)" in text(evaluation)
            assert evaluation.metadata["trimestres"].value == "2024-T1"


def test_a_line_of_another_quarter_turns_a_mart_red(sound):
    spoil(sound.snapshot().current_file("fct_dossiers", QUARTER), setting("trimestre_id", "2024-T2"))
    assert ("mart_region", "egal_aux_faits", None, "ERROR") in failed(
        evaluate(sound.data_dir.root, ["mart_region"], first=T1)
    )


def test_a_masked_value_shown_as_zero_turns_every_mart_red(all_masked, monkeypatch):
    with_wrong_sql(monkeypatch, {name: f"coalesce({column}, 0) AS {column}" for name, column in OF_GIVEN.items()})
    evaluations = evaluate(all_masked.data_dir.root, QUARTERLY_MART_NAMES, first=T1)
    assert sorted(failed(evaluations)) == sorted((n, "masque_jamais_zero", None, "ERROR") for n in OF_GIVEN)


@pytest.mark.parametrize(
    ("space", "column", "check"),
    [("sound", "montant_apres", "egal_aux_faits"), ("all_masked", "dossiers_apres", "masque_jamais_zero")],
)
def test_revisions_that_are_not_those_of_the_history_are_red(request, space, column, check):
    space = request.getfixturevalue(space)
    spoil(space.snapshot().revisions_file(QUARTER), setting(column, 0))
    evaluations = evaluate(space.data_dir.root, ["mart_revisions"])
    assert ("mart_revisions", check, None, "ERROR") in failed(evaluations)
    assert "| 2024-T1 | 2024-10-08 |" in text(by_name(evaluations)["mart_revisions", check])


# -- warehouse -------------------------------------------------------------------------------------------


def test_a_published_file_that_is_not_what_the_files_hold_is_red(sound):
    spoil(sound.snapshot().current_file("mart_profil", QUARTER), lambda table: table.slice(1))
    evaluations = evaluate(sound.data_dir.root, ["warehouse"])
    assert ("warehouse", "fichier_publie_conforme", None, "ERROR") in failed(evaluations)
    assert "| mart_profil | lignes | 12 | 11 |" in text(by_name(evaluations)["warehouse", "fichier_publie_conforme"])


@pytest.mark.parametrize("content", [b"not a database", None], ids=["damaged", "missing"])
def test_a_published_file_that_cannot_be_read_is_red(sound, tmp_path, content):
    elsewhere = tmp_path / "elsewhere.duckdb"
    if content:
        elsewhere.write_bytes(content)
    workspace = WorkspaceResource(data_dir=str(sound.data_dir.root), source="sample")
    job = graph_with(sound.data_dir.root, published=PublishedWarehouse(workspace=workspace, database=str(elsewhere)))
    evaluations = evaluate(sound.data_dir.root, ["warehouse"], job=job)
    red = [f for f in failed(evaluations) if f[1] != "release_en_retard"]
    assert red == [("warehouse", "fichier_publie_lisible", None, "ERROR")]


def test_an_overdue_release_turns_red_by_itself(sound):
    assert failed(overdue_on(sound.data_dir.root, "2025-02-15")) == []
    late = overdue_on(sound.data_dir.root, "2025-02-16")
    assert failed(late) == [("warehouse", "release_en_retard", None, "ERROR")]
    assert "| 2024-T4 | 2025-01-01 | 1 |" in text(late[0])


def test_made_up_releases_are_overdue_without_an_alarm(small_built):
    found = overdue_on(small_built.data_dir, "2026-11-25")
    assert failed(found) == [("warehouse", "release_en_retard", None, "WARN")]


# -- in the run of a release -----------------------------------------------------------------------------


def test_an_unknown_modality_in_a_first_build_stops_nothing(tmp_path, small_releases):
    """And a run over quarters evaluates every check, with nothing left as planned."""
    csv = small.rewrite(small_releases[0], tmp_path / "odd.csv", [("2020-T2", {"region": "Atlantide"})])
    with dg.DagsterInstance.ephemeral() as instance:
        graph.ingest(tmp_path / "data", csv, instance)
        graph.follow_plan(tmp_path / "data", csv, instance)
        storage = instance.event_log_storage
        latest = storage.get_latest_asset_check_execution_by_key([spec.key for spec in SPECS.values()])
        key = dg.AssetCheckKey(dg.AssetKey("stg_usagers"), "modalite_inconnue")
        records = storage.get_asset_check_execution_history(key, limit=100)
    states = {f"{k.asset_key.to_user_string()}.{k.name}": r.status.value for k, r in latest.items()}
    assert len(states) >= len(SPECS) - 1
    allowed = {
        "portal_release.donnees_synthetiques",
        "portal_release.colonne_non_reconnue",
        "stg_usagers.modalite_inconnue",
        "warehouse.release_en_retard",
    }
    assert {name for name, state in states.items() if state != "SUCCEEDED"} <= allowed
    assert sorted(r.partition for r in records) == ["2020-01-01", "2020-04-01", "2020-07-01", "2020-10-01"]
    assert all(r.evaluation.target_materialization_data is not None for r in records)
    assert {r.partition for r in records if r.status.value == "FAILED"} == {Quarter(2020, 2).partition_key}
