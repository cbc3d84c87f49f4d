"""A valid row of each mart and view of figures, and the rules that follow from the names of their columns.

These tables have some forty columns each, named by a grammar: what a name says of its type and range is written here
a second time, and the models are held to it. Which columns may be empty is taken from the model: a test of the bounds
(`warehouse.test_bounds`) holds that they are where nothing can be given.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from mcf_pipeline.schemas.base import Table, describe, schema_of
from mcf_pipeline.schemas.lines import VDossiers, VFinancements
from mcf_pipeline.schemas.marts import QUARTERLY_MARTS, MartRevisions
from mcf_pipeline.schemas.views import VIEWS

TEXTS: dict[str, Any] = {
    "trimestre_id": "2024-T3",
    "nature": "revision",
    "perimetre": "tous",
    "indicateur": "entrees",
    "publie_le": dt.date(2025, 1, 31),
    "annee": 2024,
    "annee_base": 2020,
    "nb_trimestres": 4,
    "trimestres_ecoules": 2,
    "valeur": 1.5,
    "valeur_bas": 1.5,
    "valeur_haut": 1.5,
}
CLOSED = {"nature": "correction", "nb_trimestres": 5}
SHARE = re.compile(r"(part|taux)_|maturite")
RATIO = re.compile(r"(part|taux|evolution|indice|ecart_relatif)_|maturite")
MONEY = re.compile(r"montant|prix|duree|parts_|ecart_(parts|prix)_montant")
EXACT = ("montant_a_prix_connu", "heures_a_duree_connue")
SIGNED = re.compile(r"evolution_|ecart|_(avant|apres)$|un_an_avant|cumul")


def example(name: str) -> Any:
    """A value that a column of this name can have."""
    if name in TEXTS:
        return TEXTS[name]
    if name in EXACT:
        return Decimal("18000.0500")
    if name.startswith(("nb_", "lignes_", "plus_petit")) or name.startswith("dossiers_"):
        return 5
    if re.fullmatch(r"(en_cours|realises|partiels|annules|rejetes)_(avant|apres)", name):
        return 5
    if name.endswith("_ordre"):
        return 3
    if name.startswith("est_"):
        return False
    if RATIO.match(name):
        return 0.25
    return Decimal("18000.05") if MONEY.match(name) else "texte"


def rules(model: type[Table]) -> dict[str, Any]:
    """What `rows.Expected` takes, for a table of figures."""
    spec = describe(model)
    is_evolution = spec.name.endswith("_evolution")
    checks = {name: {check.name for check in field.checks} for name, field in schema_of(model).columns.items()}
    figures = [
        c.name for c in spec.columns if c.duckdb_type in ("BIGINT", "DECIMAL(18,2)", "DECIMAL(18,4)", "DECIMAL(28,4)")
    ]
    named = re.compile(r"(nb_|lignes_|montant|prix|duree|heures)")
    not_negative = [n for n in figures if named.match(n) and not SIGNED.search(n)] if not is_evolution else []
    former = spec.name.startswith("ancien_")
    return {
        "row": {column.name: example(column.name) for column in spec.columns},
        "key": spec.key,
        "nullable": tuple(column.name for column in spec.columns if column.nullable),
        "not_negative": () if former else tuple(n for n in not_negative if "greater_than_or_equal_to" in checks[n]),
        "shares": () if former else tuple(c.name for c in spec.columns if SHARE.match(c.name)),
        "closed": {name: value for name, value in CLOSED.items() if name in spec.column_names and not former},
    }


def figure_tables() -> Iterator[type[Table]]:
    """The marts and the views of figures."""
    yield from QUARTERLY_MARTS
    yield MartRevisions
    yield from (view for view in VIEWS if view not in (VDossiers, VFinancements))
