"""What a release as a whole says against itself: looked for before anything of it is archived.

A line can be possible by itself and the release still be silently wrong: lines that are sums of others, figures in
another unit, separators that can mean two things, masked cells written as 0, lines of one key that contradict each
other. `judge` looks for all of them; `refuse_suspect` is how an intake asks. What does not belong here: how each is
found (`totals`, `relations`, `separators`, `keys`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING

from mcf_pipeline.contract.columns import PART_COLUMNS
from mcf_pipeline.contract.keys import conflicting_duplicates, ids_sql, map_modalities
from mcf_pipeline.contract.lines import typed_sql
from mcf_pipeline.contract.map_lines import Problem, Proposal, map_lines
from mcf_pipeline.contract.modalities import DIMENSIONS, NOT_GIVEN_ID, resolve
from mcf_pipeline.contract.plausible import counts_in, judge_figures, look
from mcf_pipeline.contract.recognised import Recognition
from mcf_pipeline.contract.relations import judge_parts_of_it, judge_relations, measure, measure_by
from mcf_pipeline.contract.rules import RULES
from mcf_pipeline.contract.separators import Separators, settle
from mcf_pipeline.contract.source_map import SourceMap
from mcf_pipeline.contract.thresholds import MIN_CODES, REJECTED_SHARE
from mcf_pipeline.contract.totals import dropped_sql, find_totals
from mcf_pipeline.duck import literal, one, quoted, temporary
from mcf_pipeline.errors import ContractError
from mcf_pipeline.schemas.bounds import MAX_AMOUNT, MAX_COUNT

if TYPE_CHECKING:
    import duckdb

SAMPLE_LINES = 4_000
"""Lines on which relations are measured, about: where nearly all break one, so do nearly all of these."""
MOST_MESSAGES = 3
MIN_ZEROS = 30
"""Lines of 0 dossiers in a quarter without a masked line from which they are suspect: fewer may be true ones."""


@dataclass(frozen=True, slots=True)
class Sums:
    """What a quarter adds up to, over its unmasked lines.

    Attributes:
        amount: engaged, in whole euros.
        regions: dossiers by identifier of the region.
    """

    amount: int
    regions: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What looking at a release as a whole came to.

    Attributes:
        problems: why it is not taken, in the order in which one would mend them.
        notes: what is worth knowing.
        sums: of each quarter, what the next release is compared with.
    """

    problems: tuple[Problem, ...] = ()
    notes: tuple[str, ...] = ()
    sums: Mapping[str, Sums] = field(default_factory=dict)

    @property
    def proposals(self) -> list[Proposal]:
        """The lines for the map, of all problems."""
        return [proposal for problem in self.problems for proposal in problem.proposals]

    def error(self, source_map: SourceMap) -> ContractError:
        """The first problem as an error, with the lines for the map and what else there is."""
        first = self.problems[0]
        said = str(first)
        if len(self.problems) > 1:
            said += f"; and {len(self.problems) - 1} more"
        lines = [
            line.split("  # ")[0]
            for line in map_lines(source_map, self.proposals).splitlines()
            if not line.startswith("#")
        ]
        if any(not proposal.is_remark for proposal in self.proposals):
            said += f"; write into the file that MCF_SOURCE_MAP names: {' / '.join(lines)[:600]}"
        else:
            said += f". {RULES[first.rule].action}"
        return ContractError(f"{said} (`mcf-pipeline doctor` shows the full report)", rule=first.rule)


def refuse_suspect(con: duckdb.DuckDBPyConnection, recognition: Recognition, source_map: SourceMap) -> Verdict:
    """Refuse an export (table ``lignes``, see `archive.split`) that cannot be right as a whole.

    Returns:
        What is worth knowing of one that can.

    Raises:
        ContractError: by the rule of the first problem, with the lines for the map.
    """
    verdict = judge(con, recognition, source_map)
    if verdict.problems:
        raise verdict.error(source_map)
    return verdict


def judge(con: duckdb.DuckDBPyConnection, recognition: Recognition, source_map: SourceMap) -> Verdict:
    """Look at an export (table ``lignes``: `trimestre_id`, `rang`, `numero_ligne`, canonical columns as text)."""
    with temporary(con) as work:
        return _judge(work, recognition, source_map)


def _judge(con: duckdb.DuckDBPyConnection, recognition: Recognition, source_map: SourceMap) -> Verdict:
    columns = [row[0] for row in con.execute("DESCRIBE lignes").fetchall()]
    con.execute(
        "CREATE TEMP VIEW recues AS SELECT '' AS release_id, * FROM lignes "
        f"WHERE length(trimestre_id) = {len('2024-T1')}"  # others have no quarter, and are rejected as they are
    )
    unknown: dict[str, list[str]] = {}
    for dimension, text in map_modalities(con, "recues", source_map):
        unknown.setdefault(dimension, []).append(text)
    separators = settle(con, "recues", columns, source_map)
    notes = _notes(separators)
    if separators.ambiguous:
        # Nothing else can be judged on figures that can be read in two ways.
        message = "; ".join(map(str, separators.ambiguous[:MOST_MESSAGES]))
        more = len(separators.ambiguous) - MOST_MESSAGES
        problem = Problem(
            "separateur_ambigu",
            f"{message}{f'; and {more} columns more' if more > 0 else ''}; no other column settles it",
            tuple(found.proposal() for found in separators.ambiguous),
        )
        return Verdict((problem,), tuple(notes))
    dropped = dropped_sql(con, "recues", source_map)
    _load(con, columns, separators, source_map, unknown, dropped)
    sums = _sums(con)
    found = judge_relations(measure(con), recognition, source_map.units, source_map.accepted)
    problems = found.problems or judge_parts_of_it(
        {"quarter": measure_by(con, "trimestre_id"), "region": measure_by(con, "region")}, source_map.accepted
    )
    parts = [name for name in PART_COLUMNS if name in columns]
    odd = judge_figures(look(con, counts_in(columns), parts), parts, source_map.accepted)
    problems = [*_other_codes(unknown, source_map), *problems, *odd]
    problems += _zeros(con, columns)
    if "lignes_de_total" not in source_map.accepted:
        problems += _totals(con, unknown)
    # Lines that were found to be sums are gone from the table: they contradict no other.
    problems += conflicting_duplicates(con, recognition)
    return Verdict(tuple(problems), (*notes, *found.notes), sums)


def _sums(con: duckdb.DuckDBPyConnection) -> dict[str, Sums]:
    # What is quarantined as no figure would dominate every sum.
    rows = con.execute(f"""
        SELECT trimestre_id, region_id,
            coalesce(sum(montant_engage) FILTER (WHERE montant_engage BETWEEN 0 AND {MAX_AMOUNT}), 0),
            coalesce(sum(nb_dossiers) FILTER (WHERE nb_dossiers BETWEEN 0 AND {MAX_COUNT}), 0)::HUGEINT
        FROM jugees GROUP BY ALL ORDER BY ALL
    """).fetchall()
    amounts: dict[str, Decimal] = {}
    regions: dict[str, dict[str, int]] = {}
    for quarter, region, amount, dossiers in rows:
        amounts[quarter] = amounts.get(quarter, Decimal(0)) + amount
        regions.setdefault(quarter, {})[region] = int(dossiers)
    return {quarter: Sums(int(amount), regions[quarter]) for quarter, amount in amounts.items()}


_OTHER_CODES = re.compile(r"0[1-9]|[1-8][0-9]|9[0-5]|2[AB]|97[1-46]|[0-9]{4,5}|2[AB][0-9]{3}|[0-9]{9}")
"""Codes of départements, of communes and zones, of EPCI. What is a region's code is known, and does not get here."""


def _other_codes(unknown: Mapping[str, list[str]], source_map: SourceMap) -> list[Problem]:
    """Regions that are something else: where a département has a region's code, its figures pass for the region's."""
    codes = [text.strip() for text in unknown.get("region", ()) if _OTHER_CODES.fullmatch(text.strip().upper())]
    if len(codes) < MIN_CODES or "regions_autres" in source_map.accepted:
        return []
    what = "EPCI" if all(len(code) == 9 for code in codes) else "communes" if len(codes[0]) > 3 else "départements"
    return [
        Problem(
            "regions_autres",
            f"the column of regions holds {len(codes)} codes that are none, like those of {what} "
            f"({', '.join(codes[:4])}…): other lines would pass for regions of the same code",
            (Proposal("accept", "rules", ("regions_autres",), "only where each code is a region", is_remark=True),),
        )
    ]


def _notes(separators: Separators) -> list[str]:
    notes = []
    for names, why in (
        ([n for n in separators.thousands if n not in separators.by_themselves], "as the other columns confirm"),
        ([n for n in separators.thousands if n in separators.by_themselves], "since a count has no decimals"),
    ):
        if names:
            shown = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
            notes.append(f"{shown}: a separator followed by three digits is read as a thousands separator, {why}")
    return notes


def _load(
    con: duckdb.DuckDBPyConnection,
    columns: list[str],
    separators: Separators,
    source_map: SourceMap,
    unknown: Mapping[str, list[str]],
    dropped: str,
) -> None:
    """Make ``jugees`` (every line: modalities, dossiers, amount) and ``echantillon`` (some: what relations need)."""

    def typed(name: str) -> str:
        return typed_sql(name, columns, source_map, separators)

    suspects = {
        name: [NOT_GIVEN_ID, *(resolve(name, text, source_map).id for text in texts)]
        for name in DIMENSIONS
        for texts in [unknown.get(name, ())]
    }
    replaced = ", ".join(f"{typed(name)} AS {name}" for name in ("nb_dossiers", "montant_engage"))
    has_flag = "demandeur_emploi" in columns
    dimensions = ", ".join(
        f"""CASE WHEN {d.id_column} = '{NOT_GIVEN_ID}' THEN '{NOT_GIVEN_ID}:' || coalesce("{d.column}", '')
            ELSE {d.id_column} END AS m_{name}, "{d.column}" AS texte_{name},
            {d.id_column} IN ({", ".join(map(literal, suspects[name]))}) AS s_{name}"""
        for name, d in DIMENSIONS.items()
    )
    zero = "nullif(nb_dossiers, 0)" if source_map.zero_is_masked else "nb_dossiers"
    con.execute(f"""
        CREATE TEMP TABLE jugees AS
        SELECT *, {" , ".join(f"hash('{name}', m_{name}) AS e_{name}" for name in DIMENSIONS)}
        FROM (SELECT trimestre_id, numero_ligne, {", ".join(d.id_column for d in DIMENSIONS.values())}, {dimensions},
            {zero} AS nb_dossiers, montant_engage
        FROM (
            SELECT recues.* REPLACE ({replaced}), {ids_sql("recues", has_flag)}
            FROM recues {"" if dropped == "false" else f"WHERE NOT {dropped}"}
        ))
    """)
    parts = [name for name in PART_COLUMNS if name in columns]
    of_parts = {n: f"{typed(n)}::DOUBLE {'* jugees.montant_engage' if source_map.is_share(n) else ''}" for n in parts}
    (lines,) = one(con, "SELECT count(*) FROM jugees")
    every = max(1, lines // SAMPLE_LINES)
    means = {n: f"{typed(n)}::DOUBLE" if n in columns else "NULL::DOUBLE" for n in ("prix_moyen", "duree_moyenne")}
    figures = {**means, **{n: typed(n) for n in counts_in(columns)}, **of_parts}
    added_up = " + ".join(f"coalesce({name}, 0)" for name in parts) or "NULL"
    # A part that is not given is none; where the amount is masked, so are all of them.
    con.execute(f"""
        CREATE TEMP TABLE echantillon AS
        SELECT *, CASE WHEN montant_engage IS NOT NULL THEN {added_up} END AS parts
        FROM (SELECT jugees.trimestre_id, jugees.texte_region AS region, jugees.nb_dossiers::DOUBLE AS nb_dossiers,
            jugees.montant_engage::DOUBLE AS montant_engage, {", ".join(f"{sql} AS {n}" for n, sql in figures.items())}
        FROM (SELECT * EXCLUDE (nb_dossiers, montant_engage) FROM recues WHERE rang % {every} = 0) AS recues
        JOIN jugees USING (trimestre_id, numero_ligne))
    """)


def _zeros(con: duckdb.DuckDBPyConnection, columns: list[str]) -> list[Problem]:
    """Lines of 0 dossiers that look masked: they have a mean price, or no line of their quarter is masked."""
    price = quoted("prix_moyen") if "prix_moyen" in columns else "''"
    zeros, lines, masked, first, most, priced = one(
        con,
        f"""
        WITH jugees_de_leur_trimestre AS (
            SELECT trimestre_id, numero_ligne, nb_dossiers IS NULL AS est_masquee,
                coalesce(nb_dossiers = 0, false) AS est_nulle,
                est_nulle AND regexp_matches(coalesce(prix, ''), '[1-9]') AS a_un_prix,
                -- A publisher who masks leaves some line empty in each quarter.
                est_nulle AND sum(est_nulle::INTEGER) OVER meme >= {MIN_ZEROS}
                    AND sum(est_masquee::INTEGER) OVER meme = 0 AS est_sans_masque
            FROM jugees JOIN (SELECT numero_ligne, {price} AS prix FROM recues) USING (numero_ligne)
            WINDOW meme AS (PARTITION BY trimestre_id)
        ),
        trimestres AS (
            SELECT count(*) FILTER (WHERE a_un_prix OR est_sans_masque) AS zeros, count(*) AS lignes,
                count(*) FILTER (WHERE est_masquee) AS masquees,
                min(numero_ligne) FILTER (WHERE a_un_prix OR est_sans_masque) AS ligne,
                count(*) FILTER (WHERE a_un_prix) AS a_prix
            FROM jugees_de_leur_trimestre
            GROUP BY trimestre_id
        )
        SELECT sum(zeros), sum(lignes), sum(masquees), min(ligne), coalesce(max(zeros / lignes), 0), sum(a_prix)
        FROM trimestres
        """,
    )
    if most <= REJECTED_SHARE:
        return []  # so few in any quarter are rejected one by one
    return [
        Problem(
            "zeros_masques",
            f"{zeros:,} of {lines:,} lines have 0 dossiers{' and a mean price' if priced else ''} (line {first}; "
            f"{masked:,} are masked): masked figures look written as 0",
            (Proposal("masked", "zero_dossiers", True),),
        )
    ]


def _totals(con: duckdb.DuckDBPyConnection, unknown: Mapping[str, list[str]]) -> list[Problem]:
    found = find_totals(con, unknown)
    if not found:
        return []
    shown = "; ".join(map(str, found[:MOST_MESSAGES]))
    more = f"; and {len(found) - MOST_MESSAGES} more" if len(found) > MOST_MESSAGES else ""
    return [
        Problem(
            "lignes_de_total",
            f"lines that are sums of others would be counted twice: {shown}{more}",
            tuple(total.proposal() for total in found),
        )
    ]
