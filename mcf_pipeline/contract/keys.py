"""The key of a line: its modalities, each spelling resolved once; and lines of one key that contradict each other.

What does not belong here: the figures of a line (`contract.lines`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mcf_pipeline.contract.columns import COLUMNS, MEASURES
from mcf_pipeline.contract.map_lines import Problem, Proposal
from mcf_pipeline.contract.modalities import APART, DIMENSIONS, resolve, resolve_situation
from mcf_pipeline.contract.parsing import canonical_number_sql
from mcf_pipeline.contract.recognised import Recognition
from mcf_pipeline.contract.source_map import SourceMap
from mcf_pipeline.contract.text import clean
from mcf_pipeline.duck import one

if TYPE_CHECKING:
    import duckdb

IDS = ", ".join(dimension.id_column for dimension in DIMENSIONS.values())
"""The columns of the five dimensions' keys, for SQL."""


def map_modalities(con: duckdb.DuckDBPyConnection, table: str, source_map: SourceMap) -> list[tuple[str, str]]:
    """Make the table ``modalite`` (`dimension`, `texte`, `id`): each spelling that the lines use, resolved once.

    Returns:
        The modalities that the contract does not know: (dimension, text as received).
    """
    con.execute("CREATE OR REPLACE TEMP TABLE modalite (dimension VARCHAR, texte VARCHAR, drapeau VARCHAR, id VARCHAR)")
    has_flag = _has_job_seeker_flag(con, table)
    rows: list[list[str | None]] = []
    unknown: set[tuple[str, str]] = set()
    for dimension in DIMENSIONS.values():
        flag = _flag_sql(dimension.name, has_flag)
        spellings = con.execute(f'SELECT DISTINCT "{dimension.column}", {flag} FROM {table}').fetchall()
        for text, job_seeker in spellings:
            modality = (
                resolve_situation(text, job_seeker, source_map)
                if has_flag and dimension.name == "situation"
                else resolve(dimension.name, text, source_map)
            )
            rows.append([dimension.name, text, job_seeker, modality.id])
            if not modality.est_connue:
                # A flag that says neither yes nor no is itself the text that nobody knows.
                by_text = resolve(dimension.name, text, source_map).id == modality.id
                unknown.add((dimension.name, text if by_text else job_seeker))
    if rows:
        # One statement for all rows: `executemany` would plan each row separately.
        con.execute(
            f"INSERT INTO modalite VALUES {', '.join(['(?, ?, ?, ?)'] * len(rows))}",
            [value for row in rows for value in row],
        )
    return sorted(unknown)


def _has_job_seeker_flag(con: duckdb.DuckDBPyConnection, table: str) -> bool:
    return any(row[0] == "demandeur_emploi" for row in con.execute(f"DESCRIBE {table}").fetchall())


def _flag_sql(dimension: str, has_flag: bool) -> str:
    """The job-seeker flag that the source may give beside the socio-professional category."""
    return "demandeur_emploi" if has_flag and dimension == "situation" else "NULL::VARCHAR"


def conflicting_duplicates(con: duckdb.DuckDBPyConnection, recognition: Recognition) -> list[Problem]:
    """The lines of one key that say different things, as one problem or none.

    Args:
        con: holds ``lignes``, and in ``jugees`` the number and the key of each line that counts.
        recognition: which columns are figures.
    """
    said = ", ".join(
        canonical_number_sql(f'"{name}"') for name in sorted(recognition.columns) if COLUMNS[name].kind in MEASURES
    )
    # Spelling every figure canonically costs far more than finding the keys that stand twice, and few do.
    con.execute(f"""
        CREATE OR REPLACE TEMP TABLE repetees AS
        SELECT trimestre_id, numero_ligne, {IDS} FROM jugees
        SEMI JOIN (
            SELECT hash(trimestre_id, {IDS}) AS cle FROM jugees GROUP BY cle HAVING count(*) > 1
        ) AS plusieurs ON plusieurs.cle = hash(jugees.trimestre_id, {IDS})
        QUALIFY count(*) OVER (PARTITION BY trimestre_id, {IDS}) > 1
    """)
    if one(con, "SELECT count(*) FROM repetees") == (0,):
        return []
    con.execute(f"""
        CREATE OR REPLACE TEMP TABLE contraires AS
        SELECT repetees.trimestre_id, {IDS}, list(numero_ligne ORDER BY numero_ligne) AS lignes_,
            arg_min(numero_ligne, mesures) AS une, arg_max(numero_ligne, mesures) AS autre
        FROM repetees
        JOIN (SELECT numero_ligne, concat_ws(chr(31), {said}) AS mesures FROM lignes
              WHERE numero_ligne IN (SELECT numero_ligne FROM repetees)) USING (numero_ligne)
        GROUP BY repetees.trimestre_id, {IDS}
        HAVING min(mesures) <> max(mesures)
    """)
    conflict = con.execute(
        f"SELECT count(*) OVER (), trimestre_id, {IDS}, une, autre FROM contraires ORDER BY lignes_[1] LIMIT 1"
    ).fetchall()
    if not conflict:
        return []
    several, *key, one_line, other_line = conflict[0]
    first, last = sorted((one_line, other_line))
    proposals, why = _kept_apart(con)
    more = f", and so have the lines of {several - 1:,} other keys" if several > 1 else ""
    return [
        Problem(
            "doublons_en_conflit",
            f"lines {first} and {last} have the same quarter, region, gender, age class, situation and status "
            f"({', '.join(key)}) but different figures{more}: {why}",
            tuple(proposals),
        )
    ]


def _kept_apart(con: duckdb.DuckDBPyConnection) -> tuple[list[Proposal], str]:
    """Lines for the map that keep texts apart which are read as one modality, where that explains the conflicts."""
    proposals = []
    met = []
    for dimension in DIMENSIONS.values():
        rows = con.execute(f"""
            WITH textes AS (
                SELECT contraires.rowid AS cle, coalesce("{dimension.column}", '') AS texte
                FROM contraires, unnest(lignes_) AS u(numero_ligne) JOIN lignes USING (numero_ligne)
            ),
            ensembles AS (SELECT cle, list_sort(list(DISTINCT texte)) AS ensemble FROM textes GROUP BY cle)
            SELECT DISTINCT ensemble FROM ensembles WHERE len(ensemble) > 1 ORDER BY ensemble
        """).fetchall()
        apart: dict[str, None] = {}
        for (texts,) in rows:
            # An empty cell stays "not given"; of several texts the first stays what it is.
            apart |= dict.fromkeys(text for text in texts[1:] if text.strip())
        met += [
            f"{' and '.join(repr(clean(text, 30)) for text in texts[:3])} in {dimension.column}" for (texts,) in rows
        ]
        proposals += [
            Proposal(f"modalities.{dimension.name}", text, APART, "kept apart; or name the modality it is")
            for text in apart
        ]
    if not met:
        return [], "the file contradicts itself; `mcf-pipeline doctor` shows it, and only the publisher can fix it"
    return proposals, f"{met[0]} are read as one modality; MCF_SOURCE_MAP can tell them apart"


def ids_sql(table: str, has_flag: bool) -> str:
    """SQL: the keys of the dimensions of each line of a table, by ``modalite``."""
    return ", ".join(
        f"""(SELECT id FROM modalite WHERE dimension = '{dimension.name}'
            AND texte IS NOT DISTINCT FROM {table}."{dimension.column}"
            AND drapeau IS NOT DISTINCT FROM {_flag_sql(dimension.name, has_flag)}) AS {dimension.id_column}"""
        for dimension in DIMENSIONS.values()
    )
