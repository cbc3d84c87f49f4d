"""Hostile lines through intake, build and publication: quarantined as received, or under a row of their own."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from mcf_pipeline.quarter import Quarter
from mcf_pipeline.warehouse.staging import refusal
from mcf_pipeline.workspace import Workspace
from mcf_pipeline_tests.contract.hostile_lines import KEYS, NO_QUARTER, QUARANTINED, UNKNOWN, hostile_lines
from mcf_pipeline_tests.exports import Line, quarter_lines, take_in, workspace_in
from mcf_pipeline_tests.warehouse.builds import build_all, published


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> tuple[Workspace, list[Line]]:
    """One export of all of them, taken in, built and published."""
    lines = hostile_lines()
    space = workspace_in(tmp_path_factory.mktemp("hostile"))
    take_in(space.archive, lines)
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
    told = json.loads(received)
    assert told[bad.column] == (bad.text or None)
    assert {name: told[name] for name in lines[at] if name != bad.column} == {
        name: cell for name, cell in lines[at].items() if name != bad.column
    }


@pytest.mark.parametrize("at", range(len(UNKNOWN)), ids=lambda at: f"{UNKNOWN[at][0]} {UNKNOWN[at][1][:30]!r}")
def test_a_modality_is_its_known_one_or_gets_a_row_of_its_own(hostile: tuple[Workspace, list[Line]], at: int) -> None:
    space, _ = hostile
    column, _, label, known = UNKNOWN[at]
    dimension = "statut" if column == "statut_dossier" else column
    number = at + len(QUARANTINED) + 2
    staged = [space.staging.find(q, s[-1]) for q, s in space.archive.timeline().states.items()]
    found = [
        row
        for stage in staged
        if stage
        for row in pq.read_table(stage.file("usagers")).to_pylist()
        if row["numero_ligne"] == number
    ]
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
    assert sorted(p.name for p in space.data_dir.root.iterdir()) == ["pipeline.lock", "raw", "staging", "warehouse"]
    assert {p.name for p in space.data_dir.quarters.iterdir()} == {"2024-T1", "2024-T2"}


def test_too_many_bad_lines_refuse_the_quarter_and_name_the_reasons(tmp_path: Path) -> None:
    """The quarter keeps its previous state; the others of the release are applied."""
    space = workspace_in(tmp_path)
    take_in(space.archive, [*quarter_lines("2024-T1", 50), *quarter_lines("2024-T2", 50)], "2026-07-08")
    build_all(space)
    worse = [*quarter_lines("2024-T1", 48), *quarter_lines("2024-T1", 50, prix_moyen="NaN")[48:]]
    take_in(space.archive, [*worse, *quarter_lines("2024-T2", 49)])
    quarter = Quarter(2024, 1)
    staged = space.staging.stage(quarter, space.archive.timeline().states[quarter][-1])
    assert (staged.is_refused, staged.rejected, staged.commonest) == (True, 2, [("nombre_illisible", "prix_moyen", 2)])
    error = refusal(quarter, staged)
    assert (error.rule, error.exit_code) == ("trop_de_rejets", 4)
    assert "2 of 50 lines rejected" in str(error)
    assert "nombre_illisible in prix_moyen (2 lines)" in str(error)
    assert [q.id for q in space.refusals()] == ["2024-T1"]
    assert published(space, "SELECT trimestre_id, count(*) FROM fct_dossiers GROUP BY ALL ORDER BY ALL") == [
        ("2024-T1", 50),
        ("2024-T2", 50),
    ]
