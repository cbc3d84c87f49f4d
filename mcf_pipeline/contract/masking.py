"""What an export shows of how its publisher masks, which the publisher's description leaves open.

It says that a line of fewer than 5 persons is masked, and neither whether the status is part of what is counted so, nor
how many dossiers a masked line can have (``docs/bornes.md``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mcf_pipeline.contract.modalities import DIMENSIONS
from mcf_pipeline.duck import one

if TYPE_CHECKING:
    import duckdb
    import pandas as pd

_PROFILE = ", ".join(d.id_column for name, d in DIMENSIONS.items() if name != "statut")


@dataclass(frozen=True, slots=True)
class Masking:
    """How some lines are masked. A profile is a quarter, region, gender, age class and situation.

    Attributes:
        lines: in all.
        masked: of them.
        fewest_persons: of a line that is not masked; None where there is none.
        fewest_dossiers: likewise.
        whole_profiles: profiles of which every line is masked, whatever its status.
        partial_profiles: profiles of which some lines are masked and some are not.
    """

    lines: int = 0
    masked: int = 0
    fewest_persons: int | None = None
    fewest_dossiers: int | None = None
    whole_profiles: int = 0
    partial_profiles: int = 0

    def __add__(self, other: Masking) -> Masking:
        """Of both; no profile is in both."""
        return Masking(
            self.lines + other.lines,
            self.masked + other.masked,
            _fewest(self.fewest_persons, other.fewest_persons),
            _fewest(self.fewest_dossiers, other.fewest_dossiers),
            self.whole_profiles + other.whole_profiles,
            self.partial_profiles + other.partial_profiles,
        )

    def __str__(self) -> str:
        """In words."""
        said = [f"{self.masked:,} of {self.lines:,} lines"]
        if self.fewest_persons is not None and self.fewest_dossiers is not None:
            said.append(f"smallest figures shown: {self.fewest_persons} persons, {self.fewest_dossiers} dossiers")
        if self.masked:
            said.append(
                f"profiles masked in all their statuses: {self.whole_profiles:,}, in some: {self.partial_profiles:,}"
            )
        return "; ".join(said)


def _fewest(*counts: int | None) -> int | None:
    return min((count for count in counts if count is not None), default=None)


def masking_of(con: duckdb.DuckDBPyConnection, lines: pd.DataFrame) -> Masking:
    """How some valid lines, of whole quarters, are masked.

    Args:
        con: an in-memory database.
        lines: as staged (`StgUsagers`).
    """
    con.register("lignes_valides", lines)
    try:
        row = one(
            con,
            f"""
            WITH profils AS (
                SELECT count(*) AS lignes, count(*) FILTER (WHERE est_masque) AS masquees,
                    min(nb_titulaires) AS titulaires, min(nb_dossiers) AS dossiers
                FROM lignes_valides GROUP BY release_id, trimestre_id, {_PROFILE}
            )
            SELECT coalesce(sum(lignes), 0)::BIGINT, coalesce(sum(masquees), 0)::BIGINT, min(titulaires), min(dossiers),
                count(*) FILTER (WHERE masquees = lignes), count(*) FILTER (WHERE masquees BETWEEN 1 AND lignes - 1)
            FROM profils
            """,
        )
    finally:
        con.unregister("lignes_valides")
    return Masking(*row)
