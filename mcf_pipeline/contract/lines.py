"""Lines as received become typed lines, or rejects with the rule they broke.

DuckDB reads the numbers (exactly, a whole quarter at once), Pandera validates what they may be. What fails
either way is quarantined: kept as received, with its number, column, rule and value.

What does not belong here: which lines make up a quarter (`releases`), and where the result is stored.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd
import pandera.errors
import pyarrow as pa

from mcf_pipeline.contract.columns import COLUMNS, MEASURES
from mcf_pipeline.contract.financers import FINANCERS
from mcf_pipeline.contract.keys import IDS, ids_sql, map_modalities
from mcf_pipeline.contract.parsing import (
    decimal_sql,
    integer_sql,
    is_empty_sql,
)
from mcf_pipeline.contract.source_map import SourceMap
from mcf_pipeline.duck import quoted, to_frame
from mcf_pipeline.schemas.base import Table, describe, schema_of
from mcf_pipeline.schemas.bounds import MAX_AMOUNT, MAX_COUNT, MAX_PRICE
from mcf_pipeline.schemas.staging import StgFinancements, StgRejets, StgUsagers

if TYPE_CHECKING:
    import duckdb

_COUNTS = ("nb_dossiers", "nb_titulaires", "nb_dossiers_a_duree_connue")
_MEANS = ("prix_moyen", "duree_moyenne")
_RULES = {
    "greater_than_or_equal_to": "nombre_negatif",
    "less_than_or_equal_to": "nombre_invraisemblable",
    "not_nullable": "valeur_manquante",
}
"""The rule that a failed check of Pandera breaks."""


@dataclass(frozen=True, slots=True)
class TypedLines:
    """One quarter, read.

    Attributes:
        usagers: valid lines (`StgUsagers`).
        financements: financers' parts of the valid lines (`StgFinancements`).
        rejets: what was quarantined, a row per line and broken rule (`StgRejets`).
        unknown: modalities outside the contract: (dimension, text as received).
    """

    usagers: pd.DataFrame
    financements: pd.DataFrame
    rejets: pd.DataFrame
    unknown: list[tuple[str, str]]

    @property
    def rejected_lines(self) -> int:
        """Lines that were quarantined."""
        return int(self.rejets["numero_ligne"].nunique())


def read_lines(
    con: duckdb.DuckDBPyConnection, table: str, quarter: str, release_id: str, source_map: SourceMap
) -> TypedLines:
    """Read the lines of one quarter.

    Args:
        con: holds the lines.
        table: its table of lines as received: `numero_ligne`, `rang`, and canonical columns as text.
        quarter: id of their quarter.
        release_id: the release they are read for; stands in the rejects.
        source_map: overrides of modalities and units.
    """
    columns = [row[0] for row in con.execute(f"DESCRIBE {table}").fetchall()]
    unknown = map_modalities(con, table, source_map)
    con.execute(f"""
        CREATE OR REPLACE TEMP TABLE lues AS
        SELECT numero_ligne, rang, '{quarter}' AS trimestre_id,
            {ids_sql(table, "demandeur_emploi" in columns)}, {_measures_sql(columns, source_map)}
        FROM {table}
    """)
    con.execute("""
        CREATE OR REPLACE TEMP TABLE typees AS
        SELECT *, nb_dossiers IS NULL OR nb_titulaires IS NULL OR montant_engage IS NULL AS est_masque
        FROM lues
    """)
    failures = [
        *_unreadable_numbers(con, table, columns, source_map),
        *_implausible_products(con),
        *_repeated_lines(con),
    ]
    usagers, more = _validated(con, StgUsagers, "typees", failures)
    failures += more
    _unpivot_financers(con, columns)
    financements, more = _validated(con, StgFinancements, "parts", failures)
    if more:
        # A line is kept or rejected whole: one bad part takes its line out of both tables.
        failures += more
        usagers, _ = _validated(con, StgUsagers, "typees", failures)
    return TypedLines(usagers, financements, _rejects(con, table, quarter, release_id, failures), unknown)


def validate(model: type[Table], frame: pd.DataFrame) -> pd.DataFrame:
    """Validate a frame against its model, every failure at once.

    Raises:
        pandera.errors.SchemaErrors: with one failure case per value.
    """
    return schema_of(model).validate(frame, lazy=True)


Failure = tuple[int, str, str | None]
"""A broken rule: number of the line, rule, column as in the line received, or None for the line as a whole."""


def _measures_sql(columns: Sequence[str], source_map: SourceMap) -> str:
    """Every measure of the model and every financer's column, typed; NULL where the source has no such column."""
    always = (*_COUNTS, "montant_engage", *_MEANS)
    given = [name for name, rule in COLUMNS.items() if rule.financer and name in columns]
    return ", ".join(f"{_typed(name, columns, source_map)} AS {name}" for name in (*always, *given))


def _typed(name: str, columns: Sequence[str], source_map: SourceMap) -> str:
    if name not in columns:
        return f"NULL::{'BIGINT' if COLUMNS[name].kind == 'count' else 'DECIMAL(18,4)'}"
    match COLUMNS[name].kind:
        case "count":
            return integer_sql(f'"{name}"')
        case "amount":
            return decimal_sql(f'"{name}"', 18, 2, factor=source_map.factor(name))
        case _:
            return decimal_sql(f'"{name}"', 18, 4, factor=source_map.factor(name))


def _unreadable_numbers(
    con: duckdb.DuckDBPyConnection, table: str, columns: Sequence[str], source_map: SourceMap
) -> list[Failure]:
    measures = [name for name in columns if name in COLUMNS and COLUMNS[name].kind in MEASURES]
    # Most quarters have no such cell, and reading each number twice would cost as much as reading the quarter:
    # ask first, without any pattern, which columns hold a text and no number.
    suspects = con.execute(
        f"SELECT {', '.join(f'count(recue.{n}) FILTER (WHERE lues.{n} IS NULL)' for n in map(quoted, measures))} "
        f"FROM {table} AS recue JOIN lues USING (numero_ligne)"
    ).fetchall()[0]
    queries = [
        f"""SELECT numero_ligne, '{name}' FROM {table}
        WHERE NOT ({is_empty_sql(quoted(name))}) AND {_typed(name, columns, source_map)} IS NULL"""
        for name, count in zip(measures, suspects, strict=True)
        if count
    ]
    found = con.execute(" UNION ALL ".join(queries)).fetchall() if queries else []
    return [(line, "nombre_illisible", column) for line, column in found]


def _implausible_products(con: duckdb.DuckDBPyConnection) -> list[Failure]:
    """Lines whose mean price and number of dossiers make an amount that none can be, each being none too large."""
    found = con.execute(f"""
        SELECT numero_ligne FROM typees
        WHERE prix_moyen * nb_dossiers > {MAX_AMOUNT} AND prix_moyen <= {MAX_PRICE} AND nb_dossiers <= {MAX_COUNT}
    """).fetchall()
    return [(line, "nombre_invraisemblable", "prix_moyen") for (line,) in found]


def _repeated_lines(con: duckdb.DuckDBPyConnection) -> list[Failure]:
    """Lines that say again what an earlier line of the same key said; conflicting ones refused the release."""
    found = con.execute(f"""
        SELECT numero_ligne FROM typees
        QUALIFY row_number() OVER (PARTITION BY {IDS} ORDER BY numero_ligne) > 1
    """).fetchall()
    return [(line, "doublon_exact", None) for (line,) in found]


def _unpivot_financers(con: duckdb.DuckDBPyConnection, columns: Sequence[str]) -> None:
    parts = []
    for financer in FINANCERS:
        part, count = f"part_{financer}", f"nb_dossiers_finances_par_{financer}"
        if part in columns or count in columns:
            montant = part if part in columns else "NULL::DECIMAL(18,2)"
            dossiers = count if count in columns else "NULL::BIGINT"
            parts.append(f"{{'financeur_id': '{financer}', 'montant': {montant}, 'nb_dossiers_finances': {dossiers}}}")
    con.execute(f"""
        CREATE OR REPLACE TEMP TABLE parts AS
        SELECT numero_ligne, trimestre_id, {IDS}, est_masque, unnest([{", ".join(parts)}], recursive := true)
        FROM typees
    """)


def _validated(
    con: duckdb.DuckDBPyConnection, model: type[Table], table: str, failures: Iterable[Failure]
) -> tuple[pd.DataFrame, list[Failure]]:
    """The rows of a table whose line has not failed, validated; and what fails now."""
    spec = describe(model)
    bad = sorted({failure[0] for failure in failures})
    wanted = ", ".join(f"CAST({c.name} AS {c.duckdb_type}) AS {c.name}" for c in spec.columns)
    frame = to_frame(
        con,
        f"SELECT {wanted} FROM {table} WHERE NOT list_contains($bad::BIGINT[], numero_ligne)",
        {"bad": bad},
    )
    try:
        return validate(model, frame), []
    except pandera.errors.SchemaErrors as error:
        found = _failures_of(error, frame)
        lines = {failure[0] for failure in found}
        kept = frame[~frame["numero_ligne"].isin(lines)].reset_index(drop=True)
        return validate(model, kept), found


def _failures_of(error: pandera.errors.SchemaErrors, frame: pd.DataFrame) -> list[Failure]:
    """Pandera's failure cases as broken rules; one that concerns no line is a bug and is raised again."""
    found: list[Failure] = []
    for case in error.failure_cases.itertuples():
        if pd.isna(case.index):
            raise error
        row = frame.iloc[int(case.index)]
        rule = _RULES.get(str(case.check).partition("(")[0], "hors_schema")
        found.append((int(row["numero_ligne"]), rule, _received_column(str(case.column), row)))
    return found


def _received_column(column: str, row: pd.Series) -> str:
    """The column of the line as received that a column of a model was read from."""
    prefix = {"montant": "part", "nb_dossiers_finances": "nb_dossiers_finances_par"}.get(column)
    return f"{prefix}_{row['financeur_id']}" if prefix else column


def _rejects(
    con: duckdb.DuckDBPyConnection,
    table: str,
    quarter: str | None,
    release_id: str,
    failures: Sequence[Failure],
) -> pd.DataFrame:
    numbers = sorted({failure[0] for failure in failures})
    lines: dict[int, str] = {}
    if numbers:
        lines = dict(
            con.execute(
                f"""SELECT numero_ligne, CAST(to_json(recue) AS VARCHAR)
                FROM (SELECT * EXCLUDE (rang) FROM {table}) AS recue
                WHERE list_contains($numbers, numero_ligne)""",
                {"numbers": numbers},
            ).fetchall()
        )
    cells = {number: json.loads(line) for number, line in lines.items()}
    return rejects_frame(
        (quarter, release_id, number, rule, column, cells[number].get(column), lines[number])
        for number, rule, column in sorted(set(failures), key=lambda f: (f[0], f[1], f[2] or ""))
    )


def rejects_frame(
    rows: Iterable[tuple[str | None, str, int, str, str | None, str | None, str]],
) -> pd.DataFrame:
    """Rejects as a validated frame (`StgRejets`); the rows in the order of its columns as written there."""
    names = ["trimestre_id", "release_id", "numero_ligne", "regle", "colonne", "valeur", "ligne"]
    types = {name: pa.int64() if name == "numero_ligne" else pa.string() for name in names}
    columns = list(zip(*rows, strict=True)) or [()] * len(names)
    frame = pd.DataFrame(
        {
            name: pd.array(list(values), dtype=pd.ArrowDtype(types[name]))
            for name, values in zip(names, columns, strict=True)
        }
    )
    return validate(StgRejets, frame)
