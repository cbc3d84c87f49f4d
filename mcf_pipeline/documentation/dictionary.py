"""The data dictionary as a page: every published table, view and macro, from the models and the list of macros alone.

The same texts are the comments in `mcf.duckdb` and its table `dictionnaire`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from mcf_pipeline.schemas.base import ColumnSpec, Table, describe
from mcf_pipeline.schemas.documentation import DOCUMENTATION
from mcf_pipeline.schemas.macros import MACROS
from mcf_pipeline.schemas.marts import QUARTERLY_MARTS, MartRevisions
from mcf_pipeline.schemas.staging import StgRejets
from mcf_pipeline.schemas.views import VIEWS
from mcf_pipeline.schemas.warehouse import DIMENSIONS, FACTS, HISTORIES, PAST_STATES

FILE_NAME = "dictionnaire.md"
_SPACES = re.compile(r"(?<=[^|-]) (?=[:;?!»%€](?:[\s*,.)]|$))|(?<=«) ", re.MULTILINE)
"""Where French breaks no line; code and table rules have none of these."""

SECTIONS: tuple[tuple[str, Sequence[type[Table]]], ...] = (
    ("Vues : libellés en clair, comparaisons, cumuls", VIEWS),
    ("Tables dérivées", (*QUARTERLY_MARTS, MartRevisions)),
    ("Faits : une ligne par ligne de la source", FACTS),
    ("Historique : l'état donné par chaque publication", (*HISTORIES, *PAST_STATES)),
    ("Dimensions", DIMENSIONS),
    ("Lignes écartées", (StgRejets,)),
    ("Métadonnées du fichier", DOCUMENTATION),
)
"""Every model of the published file, in the order in which a reader needs them."""

_HEAD = """# Dictionnaire des données

<!-- Made by `python -m mcf_pipeline.documentation docs`; edit the models in `mcf_pipeline/schemas/`, not this page. -->

La définition de chaque colonne de chaque table et vue de `mcf.duckdb`, puis de [chaque macro](#macros). Les mêmes
textes sont dans le fichier lui-même (commentaires, table `dictionnaire`) et, pour les tables et les vues, dans le
paquet de données. Les colonnes de la clé sont en gras ; « vide possible » : la valeur peut manquer, et une valeur
masquée est vide, jamais zéro.
"""


def page() -> str:
    """The whole page."""
    parts = [_HEAD]
    for title, models in SECTIONS:
        parts.append(f"## {title}\n")
        parts += [_table(model) for model in models]
    parts.append(_macros())
    return _SPACES.sub("\u00a0", "\n".join(parts))


def _macros() -> str:
    lines = [
        "## Macros\n",
        "Ce que l'entrepôt sait calculer, dans une requête. Une macro de table s'écrit après `FROM`. On lui donne une "
        "clé de regroupement (une colonne, ou `{'nom': colonne, …}`) et une condition sur les lignes de `fct_dossiers` "
        "; `true` les prend toutes.\n",
        "| macro | définition | exemple |",
        "| --- | --- | --- |",
    ]
    lines += [
        f"| **`{macro.call}`**{', macro de table' if macro.is_table else ''} | {macro.description} | `{macro.example}` "
        f"|"
        for macro in MACROS
    ]
    return "\n".join(lines) + "\n"


def _table(model: type[Table]) -> str:
    spec = describe(model)
    lines = [
        f"### {spec.name}\n",
        f"{spec.description}\n",
        "| colonne | type | unité | définition |",
        "| --- | --- | --- | --- |",
    ]
    lines += [_row(column, is_key=column.name in spec.key) for column in spec.columns]
    return "\n".join(lines) + "\n"


def _row(column: ColumnSpec, *, is_key: bool) -> str:
    name = f"**`{column.name}`**" if is_key else f"`{column.name}`"
    kind = f"`{column.duckdb_type}`" + (", vide possible" if column.nullable else "")
    said = [column.description]
    if column.computed:
        said.append(f"*Calcul :* {column.computed}")
    if column.masking:
        said.append(f"*Masquage :* {column.masking}")
    if column.references:
        said.append(f"Voir [`{column.references}`](#{column.references}).")
    text = "<br>".join(said).replace("|", "\\|")
    return f"| {name} | {kind} | {column.unit or ''} | {text} |"
