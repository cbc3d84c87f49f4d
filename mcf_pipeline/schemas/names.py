"""The names of the quarterly tables, for code that needs only the name: loading a model loads pandas and Pandera.

A test holds them against the models, where all else about a table is written.
"""

from __future__ import annotations

STAGED = ("stg_usagers", "stg_rejets")
FACT_NAMES = ("fct_dossiers", "fct_financements")
QUARTERLY_MART_NAMES = (
    "mart_trimestre",
    "mart_region",
    "mart_profil",
    "mart_region_situation",
    "mart_financement",
    "mart_region_financement",
    "mart_statut",
    "mart_qualite",
)
REVISIONS = "mart_revisions"
