"""Lines as received become typed lines, or rejects with the rule they broke.

DuckDB reads the numbers (exactly, many quarters at once), Pandera validates what they may be. What fails
either way is quarantined: kept as received, with its number, column, rule and value.

What does not belong here: which lines make up a quarter (`archive`), and where the result is stored (`tables`).
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache
from typing import TYPE_CHECKING, Any

import pandas as pd
import pandera.errors
import pyarrow as pa
from pandera.pandas import DataFrameSchema

from mcf_pipeline.contract.columns import COLUMNS, MEASURES, is_money
from mcf_pipeline.contract.financers import FINANCERS
from mcf_pipeline.contract.keys import IDS, ids_sql, map_modalities
from mcf_pipeline.contract.modalities import DIMENSIONS, resolve
from mcf_pipeline.contract.parsing import decimal_sql, integer_sql, is_empty_sql, is_mask_sql
from mcf_pipeline.contract.rules import DROPPED
from mcf_pipeline.contract.separators import Separators, settle
from mcf_pipeline.contract.source_map import SourceMap
from mcf_pipeline.contract.totals import dropped_sql
from mcf_pipeline.duck import literal, quoted, temporary, to_frame
from mcf_pipeline.errors import ContractError
from mcf_pipeline.schemas.base import Table, schema_of
from mcf_pipeline.schemas.bounds import MAX_AMOUNT, MAX_COUNT, MAX_PRICE
from mcf_pipeline.schemas.staging import LINE_KEY, StgPart, StgRejets, StgUsagers

if TYPE_CHECKING:
    import duckdb

_RULES = {
    "greater_than_or_equal_to": "nombre_negatif",
    "less_than_or_equal_to": "nombre_invraisemblable",
    "not_nullable": "valeur_manquante",
}
"""The rule that a failed check of Pandera breaks."""

PART, FUNDED = "part_", "nb_dossiers_finances_par_"
"""What stands before a financer's id in the names of its two columns."""

QuarterOf = tuple[str, str]
"""Which state of which quarter a line belongs to: id of the release, id of the quarter."""


@dataclass(frozen=True, slots=True)
class Lost:
    """How much of a quarter its rejected lines hold: few of them can hold most of it.

    Attributes:
        dossiers: share of the quarter's dossiers, 0 to 1.
        amount: share of its amount engaged.
    """

    dossiers: Decimal
    amount: Decimal


NOTHING_LOST = Lost(Decimal(0), Decimal(0))


@dataclass(frozen=True, slots=True)
class TypedLines:
    """Some quarters, read.

    Attributes:
        usagers: valid lines (`line_schema`), in the order of their key.
        rejets: what was quarantined, a row per line and broken rule (`StgRejets`).
        unknown: by quarter, the modalities outside the contract: (dimension, text as received).
        lost: by quarter, what went with the rejected lines; a quarter without any is not there.
    """

    usagers: pd.DataFrame
    rejets: pd.DataFrame
    unknown: dict[QuarterOf, list[tuple[str, str]]] = field(default_factory=dict)
    lost: dict[QuarterOf, Lost] = field(default_factory=dict)

    @property
    def rejected(self) -> Counter[QuarterOf]:
        """How many lines of each quarter were quarantined; what a user drops as sums of others is not counted."""
        return self._counted(self.rejets["regle"] != DROPPED)

    @property
    def dropped(self) -> Counter[QuarterOf]:
        """How many lines of each quarter a user drops as sums of others."""
        return self._counted(self.rejets["regle"] == DROPPED)

    def _counted(self, which: Any) -> Counter[QuarterOf]:
        lines = self.rejets[which][["release_id", "trimestre_id", "numero_ligne"]].drop_duplicates()
        return Counter(lines[["release_id", "trimestre_id"]].itertuples(index=False, name=None))


def given_financers(columns: Iterable[str]) -> list[str]:
    """The financers of which a source gives the part or the number of dossiers, in their order."""
    names = set(columns)
    return [financer for financer in FINANCERS if {PART + financer, FUNDED + financer} & names]


@cache
def line_schema(financers: tuple[str, ...]) -> DataFrameSchema:
    """`StgUsagers` with the two columns of each of some financers."""
    part = schema_of(StgPart).columns
    columns = {}
    for financer in financers:
        columns[PART + financer] = part["montant"].set_name(PART + financer)
        columns[FUNDED + financer] = part["nb_dossiers_finances"].set_name(FUNDED + financer)
    return schema_of(StgUsagers).add_columns(columns)


def read_lines(con: duckdb.DuckDBPyConnection, source: str, source_map: SourceMap) -> TypedLines:
    """Read the lines of some quarters.

    Args:
        con: an in-memory database.
        source: a query or table of lines as received: `release_id`, `trimestre_id`, `numero_ligne`, `rang`, and
            canonical columns as text.
        source_map: overrides of modalities and units.

    Raises:
        ContractError: lines of one key have different figures, by the modalities of today (`doublons_en_conflit`);
            or a separator can mean thousands and decimals alike (`separateur_ambigu`).
    """
    with temporary(con) as work:
        return _read(work, source, source_map)


def _read(con: duckdb.DuckDBPyConnection, source: str, source_map: SourceMap) -> TypedLines:
    con.execute(f"CREATE TEMP TABLE recues AS FROM ({source})")
    columns = [row[0] for row in con.execute("DESCRIBE recues").fetchall()]
    schema = line_schema(tuple(given_financers(columns)))
    measures = [name for name in schema.columns if name in COLUMNS]
    unknown = map_modalities(con, "recues", source_map)
    separators = settle(con, "recues", columns, source_map)
    if separators.ambiguous:
        raise ContractError(
            "; ".join(map(str, separators.ambiguous)) + "; say which in [numbers] of MCF_SOURCE_MAP",
            rule="separateur_ambigu",
        )
    dropped = dropped_sql(con, "recues", source_map)
    typed = ", ".join(f"{typed_sql(name, columns, source_map, separators)} AS {name}" for name in measures)
    replaced = _replaced(measures, source_map)
    ids = ids_sql("recues", "demandeur_emploi" in columns)
    con.execute(f"""
        CREATE TEMP TABLE lues AS
        SELECT *, nb_dossiers IS NULL OR nb_titulaires IS NULL OR montant_engage IS NULL AS est_masque
        FROM (
            SELECT * {f"REPLACE ({replaced})" if replaced else ""} FROM (
                SELECT release_id, trimestre_id, numero_ligne, {ids}, {typed}
                FROM recues
                {"" if dropped == "false" else f"WHERE NOT {dropped}"}
            )
        )
    """)
    failures = [
        *_unreadable_numbers(con, columns, source_map, separators),
        *_implausible_products(con),
        *_repeated_lines(con, measures),
    ]
    usagers, more = _validated(con, schema, failures)
    lost = _lost(con, [*failures, *more])
    taken_out = _dropped_lines(con, dropped)
    return TypedLines(usagers, _rejects(con, [*failures, *more, *taken_out]), _located(con, unknown, source_map), lost)


def _replaced(measures: Sequence[str], source_map: SourceMap) -> str:
    """SQL: figures that depend on another one of their line: shares of the amount, and all where 0 is masked."""
    found = {name: f"CAST({name} * montant_engage AS DECIMAL(18,2))" for name in measures if source_map.is_share(name)}
    if source_map.zero_is_masked:
        masked = [name for name in measures if COLUMNS[name].kind in ("count", "amount")]
        found |= {name: f"CASE WHEN nb_dossiers > 0 THEN {found.get(name, name)} END" for name in masked}
    return ", ".join(f"{sql} AS {name}" for name, sql in found.items())


def _dropped_lines(con: duckdb.DuckDBPyConnection, dropped: str) -> list[Failure]:
    if dropped == "false":
        return []
    return con.execute(f"SELECT release_id, numero_ligne, '{DROPPED}', NULL FROM recues WHERE {dropped}").fetchall()


def _lost(con: duckdb.DuckDBPyConnection, failures: Sequence[Failure]) -> dict[QuarterOf, Lost]:
    """How much went with the rejected lines; a line that repeats another one takes nothing with it.

    A figure that no line can have says nothing of how much that is, and is left out.
    """
    failed = _is_among([failure for failure in failures if failure[2] != "doublon_exact"])
    if failed == "false":
        return {}
    rows = con.execute(f"""
        SELECT release_id, trimestre_id, {failed} AS rejetee,
            coalesce(sum(nb_dossiers) FILTER (WHERE nb_dossiers BETWEEN 0 AND {MAX_COUNT}), 0)::HUGEINT,
            coalesce(sum(montant_engage) FILTER (WHERE montant_engage BETWEEN 0 AND {MAX_AMOUNT}), 0)::DECIMAL(38,2)
        FROM lues GROUP BY ALL
    """).fetchall()
    figures: dict[QuarterOf, dict[bool, tuple[Decimal, Decimal]]] = {}
    for release_id, quarter, is_rejected, dossiers, amount in rows:
        figures.setdefault((release_id, quarter), {})[is_rejected] = Decimal(dossiers), amount
    nothing = (Decimal(0), Decimal(0))
    return {
        quarter: Lost(
            *(bad / (bad + good) if bad else bad for bad, good in zip(of[True], of.get(False, nothing), strict=True))
        )
        for quarter, of in figures.items()
        if True in of
    }


def validate(model: type[Table], frame: pd.DataFrame) -> pd.DataFrame:
    """Validate a frame against its model, every failure at once.

    Raises:
        pandera.errors.SchemaErrors: with one failure case per value.
    """
    return schema_of(model).validate(frame, lazy=True)


Failure = tuple[str, int, str, str | None]
"""A broken rule: release, number of the line, rule, column as in the line received, or None for the whole line."""


def typed_sql(name: str, columns: Sequence[str], source_map: SourceMap, separators: Separators) -> str:
    """SQL: a measure, typed; NULL where the source has no such column. A share of the amount stays one."""
    kind = COLUMNS[name].kind
    if name not in columns:
        return f"NULL::{'BIGINT' if kind == 'count' else 'DECIMAL(18,2)' if kind == 'amount' else 'DECIMAL(18,4)'}"
    text = separators.number(name, source_map)
    if source_map.masks:
        listed = ", ".join(literal(marker.strip().lower()) for marker in source_map.masks)
        text = f"CASE WHEN lower(trim({quoted(name)})) IN ({listed}) THEN NULL ELSE {text} END"
    if kind == "count":
        return integer_sql(text)
    scale = 8 if source_map.is_share(name) else 2 if kind == "amount" else 4
    return decimal_sql(text, 18, scale, factor=source_map.factor(name), is_money=is_money(name))


def _unreadable_numbers(
    con: duckdb.DuckDBPyConnection, columns: Sequence[str], source_map: SourceMap, separators: Separators
) -> list[Failure]:
    own = ", ".join(literal(marker.strip().lower()) for marker in source_map.masks) or "NULL"
    measures = [name for name in columns if name in COLUMNS and COLUMNS[name].kind in MEASURES]
    # Most quarters have no such cell, and reading each number twice would cost as much as reading the quarter:
    # ask first, without any pattern, which columns hold a text and no number.
    suspects = con.execute(
        f"SELECT {', '.join(f'count(recues.{n}) FILTER (WHERE lues.{n} IS NULL)' for n in map(quoted, measures))} "
        "FROM recues JOIN lues USING (release_id, numero_ligne)"
    ).fetchall()[0]
    queries = [
        f"""SELECT release_id, numero_ligne, 'nombre_illisible', '{name}' FROM recues SEMI JOIN lues
        USING (release_id, numero_ligne)
        WHERE NOT ({is_empty_sql(quoted(name))}) AND NOT {is_mask_sql(quoted(name))}
            AND coalesce(lower(trim({quoted(name)})) NOT IN ({own}), true)
            AND {typed_sql(name, columns, source_map, separators)} IS NULL"""
        for name, count in zip(measures, suspects, strict=True)
        if count
    ]
    return con.execute(" UNION ALL ".join(queries)).fetchall() if queries else []


def _implausible_products(con: duckdb.DuckDBPyConnection) -> list[Failure]:
    """Lines whose mean price and number of dossiers cannot both be right, each being possible by itself.

    Their product is an amount that none can be; or there is a mean price of no dossier, which a masked line has.
    """
    return con.execute(f"""
        SELECT release_id, numero_ligne,
            CASE WHEN nb_dossiers = 0 THEN 'zero_dossiers_avec_prix' ELSE 'nombre_invraisemblable' END,
            CASE WHEN nb_dossiers = 0 THEN 'nb_dossiers' ELSE 'prix_moyen' END
        FROM lues
        WHERE (prix_moyen * nb_dossiers > {MAX_AMOUNT} AND prix_moyen <= {MAX_PRICE} AND nb_dossiers <= {MAX_COUNT})
            OR (nb_dossiers = 0 AND prix_moyen > 0)
    """).fetchall()


def _repeated_lines(con: duckdb.DuckDBPyConnection, measures: Sequence[str]) -> list[Failure]:
    """Lines that repeat an earlier line of the same key.

    Raises:
        ContractError: one has other figures than that line. Intake refuses such a release; it can come up later, when
            an override of modalities makes two keys one.
    """
    key = f"release_id, trimestre_id, {IDS}"
    found = con.execute(f"""
        SELECT release_id, numero_ligne, first_value(numero_ligne) OVER lignes,
            row({", ".join(measures)}) IS DISTINCT FROM first_value(row({", ".join(measures)})) OVER lignes
        FROM lues
        SEMI JOIN (
            SELECT {key} FROM lues GROUP BY ALL HAVING count(*) > 1
        ) AS repetees USING ({key})
        WINDOW lignes AS (PARTITION BY {key} ORDER BY numero_ligne)
    """).fetchall()
    for release_id, line, first, differs in found:
        if differs:
            raise ContractError(
                f"release {release_id}: lines {first} and {line} have the same quarter, region, gender, age class, "
                "situation and status but different figures: an override in MCF_SOURCE_MAP maps two modalities to "
                "one; correct it there",
                rule="doublons_en_conflit",
            )
    return [(release, line, "doublon_exact", None) for release, line, first, _ in found if line != first]


def _validated(
    con: duckdb.DuckDBPyConnection, schema: DataFrameSchema, failures: Iterable[Failure]
) -> tuple[pd.DataFrame, list[Failure]]:
    """The lines that have not failed, validated; and what fails now."""
    frame = to_frame(
        con,
        f"SELECT {', '.join(schema.columns)} FROM lues WHERE NOT {_is_among(failures)} "
        f"ORDER BY release_id, {', '.join(LINE_KEY)}",
    )
    try:
        return schema.validate(frame, lazy=True), []
    except pandera.errors.SchemaErrors as error:
        found = _failures_of(error, frame)
        failed = frame.index.isin(sorted({int(case) for case in error.failure_cases["index"]}))
        return schema.validate(frame[~failed].reset_index(drop=True), lazy=True), found


def _failures_of(error: pandera.errors.SchemaErrors, frame: pd.DataFrame) -> list[Failure]:
    """Pandera's failure cases as broken rules; one that concerns no line is a bug and is raised again."""
    found: list[Failure] = []
    for case in error.failure_cases.itertuples():
        if pd.isna(case.index):
            raise error
        row = frame.iloc[int(case.index)]
        rule = _RULES.get(str(case.check).partition("(")[0], "hors_schema")
        found.append((row["release_id"], int(row["numero_ligne"]), rule, str(case.column)))
    return found


def _located(
    con: duckdb.DuckDBPyConnection, unknown: Iterable[tuple[str, str]], source_map: SourceMap
) -> dict[QuarterOf, list[tuple[str, str]]]:
    """Which quarters hold each unknown modality."""
    found: dict[QuarterOf, list[tuple[str, str]]] = {}
    for dimension, text in unknown:
        rows = con.execute(
            f"SELECT DISTINCT release_id, trimestre_id FROM lues WHERE {DIMENSIONS[dimension].id_column} = ?",
            [resolve(dimension, text, source_map).id],
        ).fetchall()
        for release_id, quarter in rows:
            found.setdefault((release_id, quarter), []).append((dimension, text))
    return found


def _rejects(con: duckdb.DuckDBPyConnection, failures: Sequence[Failure]) -> pd.DataFrame:
    received = {}
    if failures:
        rows = con.execute(f"""
            SELECT release_id, numero_ligne, trimestre_id,
                CAST(to_json(struct_pack(*COLUMNS(* EXCLUDE (release_id, trimestre_id, rang)))) AS VARCHAR)
            FROM recues
            WHERE {_is_among(failures)}
        """).fetchall()
        received = {(release, number): (quarter, text, json.loads(text)) for release, number, quarter, text in rows}
    rejects = []
    for release, number, rule, column in sorted(set(failures), key=lambda f: (*f[:3], f[3] or "")):
        quarter, text, cells = received[release, number]
        rejects.append((quarter, release, number, rule, column, cells.get(column), text))
    return rejects_frame(rejects)


def _is_among(failures: Iterable[Failure]) -> str:
    """SQL: whether a line has failed."""
    lines = ", ".join(f"({literal(release)}, {line})" for release, line in sorted({f[:2] for f in failures}))
    return f"(release_id, numero_ligne) IN ({lines})" if lines else "false"


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
