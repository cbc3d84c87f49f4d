"""The sentence that every output carries: the source, its date, the licence, and that the data was modified.

Licence Ouverte 2.0 asks for the producer's name and the date of the last update of what is reused, and that
nobody takes the reuse for the original. Synthetic data says first of all that it is.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mcf_pipeline import __version__
from mcf_pipeline.duck import one
from mcf_pipeline.settings import DATASET_ID, PORTAL_URL

if TYPE_CHECKING:
    import duckdb

PRODUCER = "Caisse des Dépôts"
DATASET_TITLE = "Mon Compte Formation - Les usagers"
DATASET_PAGE = f"{PORTAL_URL}/explore/dataset/{DATASET_ID}/"
LICENCE_NAME = "Licence Ouverte 2.0"
LICENCE_ID = "etalab-2.0"
LICENCE_URL = "https://www.etalab.gouv.fr/wp-content/uploads/2017/04/ETALAB-Licence-Ouverte-v2.0.pdf"
SYNTHETIC = "DONNÉES SYNTHÉTIQUES, fabriquées par mcf_pipeline : elles ne disent rien du monde réel."
SYNTHETIC_SUFFIX = "-synthetique"
"""In the name of each file that cannot say it otherwise, such as a CSV on its own."""


@dataclass(frozen=True, slots=True)
class Attribution:
    """What an output must say of its origin.

    Attributes:
        release_id: the newest release in it, or None where there is none.
        released_on: the day of that release.
        is_synthetic: whether the data is made up.
    """

    release_id: str | None
    released_on: dt.date | None
    is_synthetic: bool

    @property
    def text(self) -> str:
        """The whole mention, in one line."""
        release = f"publication du {self.released_on:%d/%m/%Y}" if self.released_on else "aucune publication"
        modified = f"Données modifiées par mcf_pipeline {__version__} (typées, contrôlées, historisées, agrégées)."
        if self.is_synthetic:
            return (
                f"{SYNTHETIC} Imitation de « {DATASET_TITLE} » ({PRODUCER}), {release}. {LICENCE_NAME} "
                f"({LICENCE_URL}). {modified}"
            )
        return (
            f"Source : {PRODUCER}, « {DATASET_TITLE} » ({DATASET_PAGE}), {release}, {LICENCE_NAME} ({LICENCE_URL}). "
            f"{modified}"
        )

    @property
    def title(self) -> str:
        """The title of an output."""
        return f"DONNÉES SYNTHÉTIQUES - {DATASET_TITLE}" if self.is_synthetic else f"{DATASET_TITLE} (entrepôt)"

    @property
    def suffix(self) -> str:
        """What is added to the name of a file."""
        return SYNTHETIC_SUFFIX if self.is_synthetic else ""


def attribution_of(con: duckdb.DuckDBPyConnection) -> Attribution:
    """The attribution of a build or of a published file."""
    return Attribution(
        *one(
            con,
            "SELECT max(release_id) FILTER (WHERE est_courante), max(date_release) FILTER (WHERE est_courante), "
            "coalesce(bool_or(est_synthetique), false) FROM dim_release",
        )
    )
