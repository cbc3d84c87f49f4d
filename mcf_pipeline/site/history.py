"""What earlier releases said, and what the newest one changed, as columns of whole numbers like the cube's.

National, by status or by kind of change, and never finer: what is derived from two releases side by side can reveal
what one of them masks (docs/secret.md).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import duckdb
import numpy as np

from mcf_pipeline.site.cube import rows_of, statement
from mcf_pipeline.site.encoding import Column

KINDS = (
    "nouveau",
    "retire",
    "visible",
    "devoilee",
    "devenue_masquee",
    "apparue",
    "disparue",
    "masquee",
)
"""Kinds of change of a line (``sql/derniere_publication.sql``), in the order that their codes count."""


def read_history(
    con: duckdb.DuckDBPyConnection, codes: Mapping[str, list[dict[str, Any]]], releases: Sequence[str]
) -> list[Column]:
    """Past states (``e_…``) and what the newest release changed (``r_…``).

    Args:
        con: a connection to the published file.
        codes: of each dimension, its rows in the order that codes count; quarters and statuses are used.
        releases: ids of the releases, in time.
    """
    place = {name: {row["id"]: rank for rank, row in enumerate(rows)} for name, rows in codes.items()}
    # A quarter that no release has any more stands in no dimension; its past states are left out.
    quarters, statuses = place["trimestre"], place["statut"]
    rank = {release: number for number, release in enumerate(releases)}
    past = [row for row in rows_of(con, statement("etats_passes")) if row["trimestre_id"] in quarters]
    last = rows_of(con, statement("derniere_publication"))
    return [
        _column("e_trimestre", [quarters[row["trimestre_id"]] for row in past]),
        _column("e_depuis", [rank[row["valide_depuis"]] for row in past]),
        _column("e_jusqua", [rank[row["valide_jusqua"]] for row in past]),
        _column("e_statut", [statuses[row["statut_id"]] for row in past]),
        _column("e_dossiers", [row["nb_dossiers"] for row in past]),
        _column("e_masquees", [row["lignes_masquees"] for row in past]),
        _column("r_trimestre", [quarters.get(row["trimestre_id"], -1) for row in last]),
        _column("r_nature", [KINDS.index(row["nature"]) for row in last]),
        _column("r_lignes", [row["lignes"] for row in last]),
        _column("r_dossiers", [row["dossiers"] for row in last]),
        _column("r_montant", [row["montant"] for row in last]),
    ]


def _column(name: str, values: Sequence[int]) -> Column:
    return Column(name, np.array(values, dtype=np.int64), np.zeros(len(values), dtype=bool))
