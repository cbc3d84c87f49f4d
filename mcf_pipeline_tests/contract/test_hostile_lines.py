"""Hostile lines through intake, build and publication: quarantined as received, or under a row of their own."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from mcf_pipeline.quarter import Quarter
from mcf_pipeline.tables.staged import refusal, refused
from mcf_pipeline.workspace import Workspace
from mcf_pipeline_tests.contract.hostile_lines import KEYS, NO_QUARTER, QUARANTINED, UNKNOWN, hostile_lines
from mcf_pipeline_tests.contract.test_lines import AT_THE_BOUND
from mcf_pipeline_tests.exports import Line, ingest, line, quarter_lines, workspace_in
from mcf_pipeline_tests.warehouse.builds import build_all, published, stage_all


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> tuple[Workspace, list[Line]]:
    """One export of all of them, taken in, built and published."""
    lines = hostile_lines()
    space = workspace_in(tmp_path_factory.mktemp("hostile"))
    ingest(space.archive, lines)
    build_all(space)
    return space, lines


def test_enough_good_lines_stand_beside_the_bad_ones() -> None:
    assert len(QUARANTINED) <= len(KEYS) // 100


@pytest.mark.parametrize(
    "at", range(len(QUARANTINED)), ids=lambda at: f"{QUARANTINED[at].column} {QUARANTINED[at].text!r}"
)
def test_a_bad_line_is_quarantined_as_received(hostile: tuple[Workspace, list[Line]], at: int) -> None:
    space, lines = hostile
    bad, number = QUARANTINED[at], at + 2
    rows = published(
        space, "SELECT regle, colonne, valeur, ligne::JSON FROM stg_rejets WHERE numero_ligne = ?", [number]
    )
    assert len(rows) == 1
    ((rule, column, value, received),) = rows
    assert (rule, column) == (bad.rule, bad.column)
    assert value == bad.text if bad.rule != NO_QUARTER else value in (bad.text, None)
    reported = json.loads(received)
    assert reported[bad.column] == (bad.text or None)
    assert {name: reported[name] for name in lines[at] if name != bad.column} == {
        name: cell for name, cell in lines[at].items() if name != bad.column
    }


@pytest.mark.parametrize("at", range(len(UNKNOWN)), ids=lambda at: f"{UNKNOWN[at][0]} {UNKNOWN[at][1][:30]!r}")
def test_a_modality_is_its_known_one_or_gets_a_row_of_its_own(hostile: tuple[Workspace, list[Line]], at: int) -> None:
    space, _ = hostile
    column, _, label, known = UNKNOWN[at]
    dimension = "statut" if column == "statut_dossier" else column
    number = at + len(QUARANTINED) + 2
    snapshot = space.snapshot()
    files = [snapshot.current_file("stg_usagers", quarter) for quarter in snapshot.timeline.quarters]
    found = [row for file in files if file for row in pq.read_table(file).to_pylist() if row["numero_ligne"] == number]
    assert len(found) == 1
    identifier = found[0][f"{dimension}_id"]
    rows = published(
        space, f"SELECT {dimension}_id, libelle, est_connue FROM dim_{dimension} WHERE {dimension}_id = ?", [identifier]
    )
    assert rows == [(identifier, label, known is not None)]
    assert identifier == known if known else re.fullmatch(r"[a-z0-9_]{1,60}", identifier)
    assert published(
        space, f"SELECT count(*) FROM fct_dossiers WHERE nb_dossiers = 77 AND {dimension}_id = ?", [identifier]
    ) >= [(1,)]


def test_every_other_line_is_published_exactly(hostile: tuple[Workspace, list[Line]]) -> None:
    space, lines = hostile
    kept = len(lines) - len(QUARANTINED)
    dossiers = 10 * (kept - len(UNKNOWN)) + 77 * len(UNKNOWN)
    assert published(space, "SELECT count(*), sum(nb_dossiers), sum(montant_engage) FROM fct_dossiers") == [
        (kept, dossiers, kept * Decimal("15000.00"))
    ]
    assert published(space, "SELECT count(*), sum(montant) FROM fct_financements") == [
        (kept, kept * Decimal("1234.50"))
    ]
    assert published(space, "SELECT count(*), count(DISTINCT numero_ligne) FROM stg_rejets") == [
        (len(QUARANTINED), len(QUARANTINED))
    ]


def test_nothing_lies_outside_of_the_data_directory_or_under_a_name_of_theirs(
    hostile: tuple[Workspace, list[Line]],
) -> None:
    space, _ = hostile
    allowed = re.compile(r"[\w.-]+")
    names = {part for path in space.data_dir.root.rglob("*") for part in path.relative_to(space.data_dir.root).parts}
    assert all(allowed.fullmatch(name) for name in names)
    assert sorted(p.name for p in space.data_dir.root.iterdir()) == ["raw", "tables", "warehouse"]
    assert {p.name for p in space.data_dir.quarters.iterdir()} == {"2024-T1", "2024-T2"}


def test_too_many_bad_lines_refuse_the_quarter_and_name_the_reasons(tmp_path: Path) -> None:
    """The quarter keeps its previous state; the others of the release are applied."""
    (tmp_path / "map.toml").write_text('[accept]\nrules = ["chiffres_recopies"]\n')
    space = workspace_in(tmp_path, source_map=tmp_path / "map.toml")
    ingest(space.archive, [*quarter_lines("2024-T1", 50), *quarter_lines("2024-T2", 50)], "2026-07-08")
    build_all(space)
    worse = [*quarter_lines("2024-T1", 48), *quarter_lines("2024-T1", 50, prix_moyen="douze")[48:]]
    ingest(space.archive, [*worse, *quarter_lines("2024-T2", 49)])
    snapshot = stage_all(space)
    staged = refused(snapshot)[Quarter(2024, 1)]
    assert (staged.is_refused, staged.rejected, staged.commonest) == (True, 2, [("nombre_illisible", "prix_moyen", 2)])
    error = refusal(snapshot, staged)
    assert (error.rule, error.exit_code) == ("trop_de_rejets", 4)
    assert "2 of 50 lines rejected" in str(error)
    assert "nombre_illisible in prix_moyen (2 lines)" in str(error)
    assert [q.id for q in space.refusals(snapshot)] == ["2024-T1"]
    assert published(space, "SELECT trimestre_id, count(*) FROM fct_dossiers GROUP BY ALL ORDER BY ALL") == [
        ("2024-T1", 50),
        ("2024-T2", 50),
    ]


FIGURES = {
    "nb_dossiers": str(2**63 - 1),
    "nb_titulaires": str(2**63 - 1),
    "nb_dossiers_a_duree_connue": str(2**63 - 1),
    "nb_dossiers_finances_par_titulaire": str(2**63 - 1),
    "montant_engage": "9999999999999999.99",
    "part_titulaire": "9999999999999999.99",
    "prix_moyen": "99999999999999.9999",
    "duree_moyenne": "99999999999999.9999",
}
"""The largest that each column's type holds: two of them overflowed the sums of a mart."""


@pytest.fixture(scope="module")
def huge(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """For each figure two lines with too large a one; good lines; and lines in which all figures are at their bound."""
    keys = iter(KEYS)
    lines = [full(next(keys)) | {name: text} for name, text in FIGURES.items() for _ in range(2)]
    lines += [full(next(keys)) | AT_THE_BOUND for _ in range(100)]
    lines += [full(key) for key in keys]
    folder = tmp_path_factory.mktemp("huge")
    (folder / "map.toml").write_text('[accept]\nrules = ["niveau_invraisemblable", "chiffres_recopies"]\n')
    space = workspace_in(folder, source_map=folder / "map.toml")
    ingest(space.archive, lines)
    build_all(space)
    return space


def full(key: tuple[str, ...]) -> Line:
    *dimensions, quarter = key
    names = ("region", "genre", "classe_age", "situation", "statut_dossier")
    return line(quarter, **dict(zip(names, dimensions, strict=True)))


def test_figures_at_the_end_of_their_type_are_quarantined_and_the_rest_is_published(huge: Workspace) -> None:
    rejected = published(huge, "SELECT regle, colonne, valeur FROM stg_rejets ORDER BY numero_ligne")
    assert rejected == [("nombre_invraisemblable", name, text) for name, text in FIGURES.items() for _ in range(2)]
    good = len(KEYS) - 2 * len(FIGURES) - 100
    expected = (
        len(KEYS) - 2 * len(FIGURES),
        10 * good + 100 * 10**8,
        9 * good + 100 * 10**8,
        15000 * good + 100 * Decimal(10**10),
    )
    figures = "sum(nb_dossiers), sum(nb_titulaires), sum(montant_engage)"
    assert published(huge, f"SELECT count(*), {figures} FROM fct_dossiers") == [expected]
    in_marts = "sum(nb_dossiers), sum(nb_titulaires_max), sum(montant_engage)"
    assert published(huge, f"SELECT {in_marts} FROM mart_trimestre") == [expected[1:]]
    assert published(huge, "SELECT sum(montant) FROM mart_financement WHERE financeur_id = 'titulaire'") == [
        (1000 * good + 100 * Decimal(10**10),)
    ]


def test_a_figure_that_was_quarantined_is_not_missed_once_it_is_put_right(tmp_path: Path) -> None:
    """Else the guards would hold the release that mends it: "2024-T1 lost 100 % of its dossiers"."""
    space = workspace_in(tmp_path)
    lines = quarter_lines("2024-T1", 50)
    ingest(space.archive, [lines[0] | {"nb_dossiers": str(2**63 - 1)}, *lines[1:]], "2026-07-08")
    mended = ingest(space.archive, lines)
    assert mended.manifest.quarters["2024-T1"].dossiers == sum(range(10, 60))
