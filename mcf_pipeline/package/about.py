"""What the package says of the dataset as a whole; `descriptor` and `catalogue` put it into their formats.

What does not belong here: what a table or column is (`schemas`), the licence's wording (`warehouse.attribution`).
"""

from __future__ import annotations

import datetime as dt
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mcf_pipeline import __version__
from mcf_pipeline.duck import one
from mcf_pipeline.warehouse.attribution import DATASET_TITLE, PRODUCER, Attribution, attribution_of

if TYPE_CHECKING:
    import duckdb

NAME = "mon-compte-formation-usagers"
KEYWORDS = (
    "mon compte formation",
    "compte personnel de formation",
    "formation professionnelle",
    "demandeurs d'emploi",
    "financement de la formation",
    "régions",
)
GRANULARITY = "région"


@dataclass(frozen=True, slots=True)
class About:
    """What is said of the whole.

    Attributes:
        attribution: source, date, licence, and whether the data is synthetic.
        state: fingerprint of what the published file was made from.
        published_at: when that file was made (UTC).
        first_day: first day that the data covers, or None where there is none.
        last_day: last day that the data covers.
    """

    attribution: Attribution
    state: str
    published_at: dt.datetime
    first_day: dt.date | None
    last_day: dt.date | None

    @property
    def is_synthetic(self) -> bool:
        """Whether the data is made up."""
        return self.attribution.is_synthetic

    @property
    def keywords(self) -> tuple[str, ...]:
        """What the dataset is about."""
        return ("données synthétiques", *KEYWORDS) if self.is_synthetic else KEYWORDS

    @property
    def description(self) -> str:
        """What the dataset is, and what one must know before using it."""
        covered = (
            f" Du {self.first_day:%d/%m/%Y} au {self.last_day:%d/%m/%Y}." if self.first_day and self.last_day else ""
        )
        return (
            f"{self.attribution.text}\n\n"
            f"Les dossiers de formation des titulaires d'un compte personnel de formation, d'après « {DATASET_TITLE} » "
            f"({PRODUCER}) : une ligne par trimestre d'entrée, région de résidence, genre, classe d'âge, situation et "
            "statut du dossier, avec le nombre de dossiers et de titulaires, le montant engagé et ses financeurs, le "
            "prix et la durée moyens ; et des tables dérivées par trimestre, région, profil, financeur et statut."
            f"{covered} Le producteur republie tout chaque trimestre : les statuts des trimestres récents changent "
            "encore, et v_revisions dit ce que chaque publication a changé.\n\n"
            "À savoir avant de compter. Une ligne de moins de 5 personnes est masquée : ses effectifs et montants sont "
            "vides, jamais nuls, jamais estimés ; une somme ne compte donc que les lignes non masquées, et le nombre "
            "de lignes masquées est donné à côté. Un titulaire peut avoir plusieurs dossiers : les titulaires ne "
            "s'additionnent ni entre statuts, ni entre trimestres, ni entre années. Un dossier n'est pas toujours une "
            "entrée en formation : les dossiers annulés ou rejetés sont comptés, avec leur statut."
        )


def about(con: duckdb.DuckDBPyConnection) -> About:
    """What a published file says of itself."""
    state, published_at = one(con, "SELECT etat, publie_le FROM meta_publication")
    first_day, last_day = one(con, "SELECT min(date_debut), max(date_fin) FROM dim_trimestre")
    return About(attribution_of(con), state, published_at.replace(tzinfo=dt.UTC), first_day, last_day)


def code() -> dict[str, str | bool]:
    """The version of this software, and its commit when it runs from a git checkout."""
    found: dict[str, str | bool] = {"name": "mcf_pipeline", "version": __version__}
    checkout = Path(__file__).resolve().parents[2]
    if not (checkout / ".git").exists():
        return found
    try:
        commit = _git(checkout, "rev-parse", "HEAD")
        changed = _git(checkout, "status", "--porcelain", "--untracked-files=no")
    except (OSError, subprocess.SubprocessError):
        # No git here, or not its owner: the version still says what made the package.
        return found
    return {**found, "commit": commit, "hasLocalChanges": bool(changed)}


def _git(checkout: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", "-C", str(checkout), *arguments], capture_output=True, text=True, check=True, timeout=10
    )
    return done.stdout.strip()
