"""Any order of taking releases in gives the same warehouse; a known release changes nothing.

Among the four releases one takes back what the one before it revised, and one repeats it (see `told`).
"""

from __future__ import annotations

from itertools import permutations

import pytest

from mcf_pipeline.workspace import Workspace
from mcf_pipeline_tests.exports import listing, take_in
from mcf_pipeline_tests.warehouse.builds import build_quarters, contents, publish_build
from mcf_pipeline_tests.warehouse.told import LINES, R1, R2, R3, R4

ORDERS = list(permutations(LINES))
TRIED = (R4, R2, R1, R3)
"""The repetition before its original, a late release, the oldest after both, and the original last of all."""


def taken_in(space: Workspace, order: tuple[str, ...]) -> Workspace:
    """The releases taken in, built after each, and published at the end."""
    for day in order:
        take_in(space.archive, LINES[day], day)
        build_quarters(space)
    publish_build(space)
    return space


def differing(space: Workspace, other: Workspace) -> list[str]:
    """The tables and views in which two published warehouses differ."""
    one, two = (contents(s.data_dir.published_database) for s in (space, other))
    assert one.keys() == two.keys()
    return [table for table in one if one[table] != two[table]]


def test_another_order_gives_the_same_warehouse_table_by_table(story, space_in):
    assert differing(taken_in(space_in("other"), TRIED), story.space) == []


@pytest.mark.slow
@pytest.mark.parametrize("order", ORDERS, ids=lambda order: " ".join(str(list(LINES).index(day) + 1) for day in order))
def test_every_order_gives_the_same_warehouse_table_by_table(story, space_in, order):
    assert differing(taken_in(space_in("other"), order), story.space) == []


def test_taking_every_known_release_in_again_changes_nothing(copied):
    before = listing(copied.data_dir.root / "raw")
    published = copied.data_dir.published_database.read_bytes()
    for day in (R4, R1, R3, R2):
        assert not take_in(copied.archive, LINES[day], day).is_new
    assert listing(copied.data_dir.root / "raw") == before
    assert copied.plan().to_do == []
    assert copied.data_dir.published_database.read_bytes() == published
