"""The rules on lines: each with lines that break it and lines that keep it."""

from decimal import Decimal

import duckdb
import pytest

from mcf_pipeline.contract.line_rules import LINE_RULES
from mcf_pipeline.contract.source_map import SourceMap
from mcf_pipeline.quality import Finding
from mcf_pipeline.quality import lines as lines_quality
from mcf_pipeline.schemas.names import STAGED
from mcf_pipeline.tables.staged import refused, staged
from mcf_pipeline_tests.exports import MASKED, ingest, line, masked, quarter_lines, workspace_in
from mcf_pipeline_tests.warehouse.builds import build_all, published, stage_all


def stage(tmp_path, *lines, prices=None):
    """The findings on lines of the quarters that these lines make up."""
    space = workspace_in(tmp_path)
    ingest(space.archive, list(lines))
    snapshot = stage_all(space)
    line = snapshot.reported
    files = {
        q.id: (
            staged(snapshot, q) or refused(snapshot)[q],
            *(snapshot.file(table, q, line.states[q][-1]) for table in STAGED),
        )
        for q in line.quarters
    }
    sound = {quarter: found for quarter, found in files.items() if not found[0].is_refused}
    with duckdb.connect() as con:
        found = lines_quality.line_findings(con, sound, prices or {}, SourceMap())
        for quarter, (state, _, rejects) in files.items():
            found["lignes_rejetees"][quarter] = lines_quality.rejected_lines(con, state, rejects)
        return found


# The parts of `line()` make 15,000, which is 10 x 1,500.
BROKEN_LINES = {
    "ecart_parts_montant": [{"part_titulaire": "1200.00"}, {"montant_engage": "20000", "prix_moyen": "2000"}],
    "ecart_prix_montant": [{"prix_moyen": "1600"}, {"nb_dossiers": "20"}],
    "effectif_sous_le_seuil": [{"nb_titulaires": "4"}, {"nb_dossiers": "0", "prix_moyen": ""}],
    "titulaires_superieurs_aux_dossiers": [{"nb_titulaires": "11"}],
    "masque_avec_montant": [
        {"nb_dossiers": "", "nb_titulaires": ""},
        {"nb_titulaires": ""},
        MASKED | {"montant_engage": "1000"},
        MASKED | {"part_titulaire": "100"},
    ],
    "masque_avec_zero": [
        MASKED | {"prix_moyen": "0"},
        MASKED | {"duree_moyenne": "0.00"},
        MASKED | {"nb_dossiers_a_duree_connue": "0"},
    ],
    "effectif_avec_montant_masque": [{"montant_engage": ""}, MASKED | {"nb_titulaires": "12"}],
    "effectif_superieur_aux_dossiers": [
        {"nb_dossiers_a_duree_connue": "11"},
        {"nb_dossiers_finances_par_titulaire": "11"},
        {"nb_dossiers_a_duree_connue": "", "nb_dossiers_finances_par_france_competences": "99"},
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
    "masque_avec_zero": [{}, MASKED, {"nb_dossiers_a_duree_connue": "0"}],
    "effectif_avec_montant_masque": [{}, MASKED],
    "effectif_superieur_aux_dossiers": [
        {"nb_dossiers_a_duree_connue": "10"},
        {"nb_dossiers_a_duree_connue": ""},
        MASKED,
    ],
    "prix_hors_plage": [{"prix_moyen": "100"}, {"prix_moyen": "2000"}, {"prix_moyen": ""}],
}
PRICES = {"2024-T1": (Decimal(100), Decimal(2000))}


def test_every_rule_on_lines_is_tested():
    assert {rule.name for rule in LINE_RULES} == BROKEN_LINES.keys() == SOUND_LINES.keys()


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
    ingest(space.archive, lines)
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
    ingest(space.archive, [line("2024-T1", prix_moyen="900"), line("2024-T2", prix_moyen="1100")], "2024-07-08")
    ingest(space.archive, [line("2024-T1", prix_moyen="900"), line("2024-T2", prix_moyen="5000")], "2024-10-08")
    snapshot = stage_all(space)
    timeline = snapshot.timeline
    rank = {manifest.release_id: place for place, manifest in enumerate(timeline.releases)}
    files = [
        (rank[state.since], snapshot.file(STAGED[0], quarter, state))
        for quarter, states in timeline.states.items()
        for state in states
    ]
    with duckdb.connect() as con:
        found = lines_quality.prices_before(con, files, {"2024-T1": 0, "2024-T2": 1})
        assert lines_quality.prices_before(con, files, {"2024-T1": 0}) == {}
    assert found == {"2024-T2": (Decimal(900), Decimal(1100))}, "its own earlier state counts, its own does not"
