"""Any order of taking releases in gives the same warehouse; a known release changes nothing.

Among the four releases one takes back what the one before it revised, and one repeats it (see `told`). Of another
four, one tells nonsense of a quarter and is followed by one that lost most of another.
"""

from __future__ import annotations

import contextlib
from itertools import permutations
from pathlib import Path

import pytest

from mcf_pipeline.errors import HeldReleaseError
from mcf_pipeline.workspace import Workspace
from mcf_pipeline_tests.conftest import made_once
from mcf_pipeline_tests.exports import Line, ingest, lean_quarter, listing, workspace_in
from mcf_pipeline_tests.warehouse.builds import build_quarters, contents, publish_build, published
from mcf_pipeline_tests.warehouse.told import LINES, R1, R2, R3, R4

ORDERS = list(permutations(LINES))[::12]
"""Two of the twenty-four, of which no two are neighbours."""
TRIED = (R4, R2, R1, R3)
"""The repetition before its original, a late release, the oldest after both, and the original last of all."""


def taken_in(space: Workspace, order: tuple[str, ...]) -> Workspace:
    """The releases taken in, built after each, and published at the end."""
    for day in order:
        ingest(space.archive, LINES[day], day)
        build_quarters(space)
    publish_build(space)
    return space


GOOD = [*lean_quarter("2024-T1", 7), *lean_quarter("2024-T2", 7)]
TROUBLED: dict[str, list[Line]] = {
    R1: GOOD,
    # A quarter of nonsense, which must not be believed, and the other one revised.
    R2: [*lean_quarter("2024-T1", 7, nb_dossiers="40"), *lean_quarter("2024-T2", 7, montant_engage="beaucoup")],
    # Held: two lines of seven are gone, and all of the nonsense.
    R3: [*lean_quarter("2024-T1", 5), *lean_quarter("2024-T2", 7, nb_dossiers="30")],
    R4: [*lean_quarter("2024-T1", 6, nb_dossiers="45"), *lean_quarter("2024-T2", 7, nb_dossiers="30")],
}


def troubled(space: Workspace, order: tuple[str, ...]) -> Workspace:
    """The same of these: whoever looks after it, a held release waits and a refused quarter keeps its state."""
    for day in order:
        with contextlib.suppress(HeldReleaseError):
            ingest(space.archive, TROUBLED[day], day)
        build_quarters(space)
    publish_build(space)
    return space


@pytest.fixture(scope="module")
def in_turn(tmp_path_factory) -> Workspace:
    def make(folder: Path) -> Path:
        return troubled(workspace_in(folder / "data"), tuple(TROUBLED)).data_dir.root

    return workspace_in(made_once(tmp_path_factory, "in_turn", make))


def test_what_is_refused_and_what_is_held_leave_no_trace(in_turn):
    rows = "SELECT valide_depuis, valide_jusqua, trimestre_id, count(*), max(nb_dossiers) FROM fct_dossiers_historique "
    assert published(in_turn, rows + "GROUP BY ALL ORDER BY ALL") == [
        (R1, R2, "2024-T1", 7, 10),
        (R1, R4, "2024-T2", 7, 10),
        (R2, R4, "2024-T1", 7, 40),
        (R4, None, "2024-T1", 6, 45),
        (R4, None, "2024-T2", 7, 30),
    ]
    assert published(in_turn, "SELECT release_id FROM dim_release ORDER BY rang") == [(R1,), (R2,), (R4,)]


@pytest.mark.parametrize("order", [(R4, R3, R2, R1), (R2, R4, R1, R3)], ids=["backwards", "mixed"])
def test_another_order_refuses_and_holds_the_same(in_turn, space_in, order):
    assert differing(troubled(space_in("other"), order), in_turn) == []


def differing(space: Workspace, other: Workspace) -> list[str]:
    """The tables and views in which two published warehouses differ."""
    one, two = (contents(s.data_dir.published_database) for s in (space, other))
    assert one.keys() == two.keys()
    return [table for table in one if one[table] != two[table]]


def test_another_order_gives_the_same_warehouse_table_by_table(story, space_in):
    assert differing(taken_in(space_in("other"), TRIED), story.space) == []


@pytest.mark.slow
@pytest.mark.parametrize("order", ORDERS, ids=lambda order: " ".join(str(list(LINES).index(day) + 1) for day in order))
def test_many_orders_give_the_same_warehouse_table_by_table(story, space_in, order):
    assert differing(taken_in(space_in("other"), order), story.space) == []


def test_taking_every_known_release_in_again_changes_nothing(copied):
    before = listing(copied.data_dir.root / "raw")
    published = copied.data_dir.published_database.read_bytes()
    for day in (R4, R1, R3, R2):
        assert not ingest(copied.archive, LINES[day], day).is_new
    assert listing(copied.data_dir.root / "raw") == before
    assert copied.snapshot().plan.to_do == []
    assert copied.data_dir.published_database.read_bytes() == published
