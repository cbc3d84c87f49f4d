"""A rehearsal: an export read as a run would read it, with nothing kept; and the map that would let it through.

The rehearsal tries at once what it proposes, so that one page lists everything wrong with a file, and the next run
accepts what the page proposes. What does not belong here: how it is shown (`commands.doctor`).
"""

from __future__ import annotations

import datetime as dt
import tomllib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mcf_pipeline.archive.manifest import QuarterContent
from mcf_pipeline.archive.split import spellings, split
from mcf_pipeline.contract.evidence import ExportValues
from mcf_pipeline.contract.levels import judge_levels, judge_spellings, level_notes, masking_notes
from mcf_pipeline.contract.lines import NOTHING_LOST, TypedLines, read_lines
from mcf_pipeline.contract.map_lines import Problem, map_lines
from mcf_pipeline.contract.recognised import Recognition
from mcf_pipeline.contract.recognition import RecognitionError, recognise
from mcf_pipeline.contract.release import judge
from mcf_pipeline.contract.source import SourceField
from mcf_pipeline.contract.source_map import SourceMap
from mcf_pipeline.contract.thresholds import REJECTED_SHARE
from mcf_pipeline.errors import ContractError

if TYPE_CHECKING:
    import duckdb

Inspect = Callable[[TypedLines], None]
"""Called with the lines of some quarters after the other, once they are read."""
MOST_ROUNDS = 5
"""Proposals are tried so often, each on what the ones before it made readable."""


@dataclass(slots=True)
class Rehearsal:
    """What reading an export as a run would came to.

    Attributes:
        problems: what a run with today's map would refuse, in the order in which one would mend it.
        notes: what it would do that a reader should know.
        toml: the lines for the map; empty where none helps.
        opens: whether a run with these lines would end with right figures, as far as anyone can see.
        recognition: of the columns, with these lines; None where they do not suffice.
    """

    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    toml: str = ""
    opens: bool = False
    recognition: Recognition | None = None

    @property
    def is_ready(self) -> bool:
        """Whether a run with today's map would end with right figures, as far as anyone can see."""
        return self.opens and not self.problems


def rehearse(
    con: duckdb.DuckDBPyConnection,
    columns: Sequence[str],
    fields: Sequence[SourceField],
    source_map: SourceMap,
    today: dt.date,
    inspect: Inspect = lambda _: None,
) -> Rehearsal:
    """Read the table ``export`` as a run would, by a map and by what is to be added to it.

    Args:
        con: holds the export; ``lignes`` is made in it.
        columns: of the export.
        fields: the same with what the portal says of them.
        source_map: the user's.
        today: quarters after the one that runs today cannot be in the data.
        inspect: sees the lines of an export that can be read.
    """
    found = Rehearsal()
    values = ExportValues(con, columns)
    tried = source_map
    for _ in range(MOST_ROUNDS):
        toml = _round(con, fields, values, tried, today, found, inspect)
        if toml is None:
            break
        proposed = SourceMap.from_toml(tomllib.loads(toml))
        found.toml = _with_notes(toml, found.toml)
        if proposed == tried:
            break  # there is nothing to write but what only a user can decide
        tried = proposed
    return found


def _with_notes(toml: str, before: str) -> str:
    """Lines with what was said behind the same lines in an earlier round."""
    notes = {line.split("  # ")[0]: line for line in before.splitlines() if "  # " in line}
    return "\n".join(notes.get(line, line) for line in toml.splitlines()) + "\n"


def _round(
    con: duckdb.DuckDBPyConnection,
    fields: Sequence[SourceField],
    values: ExportValues,
    source_map: SourceMap,
    today: dt.date,
    found: Rehearsal,
    inspect: Inspect,
) -> str | None:
    """Read once; gives the map to try next, or None at the end."""
    try:
        recognition = recognise(fields, source_map, values, together=values.together)
    except RecognitionError as error:
        # What was missing in the first round is said; what only a user can name is still missing in the next.
        found.problems += error.problems or (str(error),) if not found.problems else ()
        return error.toml or None
    problems: dict[str, Problem] = {}
    notes: dict[str, None] = dict.fromkeys(recognition.flags)
    regions: dict[str, Mapping[str, int]] = {}
    masked: dict[str, tuple[int, int]] = {}
    refused: list[str] = []
    rules: Counter[tuple[str, str]] = Counter()

    def look(quarters: Mapping[str, QuarterContent]) -> None:
        verdict = judge(con, recognition, source_map)
        problems.update({str(problem): problem for problem in verdict.problems})
        notes.update(dict.fromkeys(verdict.notes))
        regions.update({quarter: sums.regions for quarter, sums in verdict.sums.items()})
        if problems:
            return
        lines = read_lines(con, "SELECT '' AS release_id, * EXCLUDE (canonique) FROM lignes", source_map)
        for quarter, of in lines.usagers.groupby("trimestre_id"):
            masked[str(quarter)] = (len(of), int(of["est_masque"].sum()))
        refused.extend(message for q, held in quarters.items() if (message := _refused(lines, q, held.rows)))
        rules.update(lines.rejets[["regle", "colonne"]].fillna("").itertuples(index=False, name=None))
        inspect(lines)

    try:
        split(con, recognition, today, look)
    except ContractError as error:
        found.problems.append(str(error))
        return None
    found.recognition = recognition
    levels = judge_spellings(spellings(con), source_map.accepted) + judge_levels(regions, source_map.accepted)
    problems.update({str(problem): problem for problem in levels})
    notes.update(dict.fromkeys(level_notes(regions)))
    found.problems += problems
    if problems:
        proposals = [proposal for problem in problems.values() for proposal in problem.proposals]
        return map_lines(source_map, proposals) if proposals else None
    found.notes += [*notes, *masking_notes(masked)]
    found.problems += refused
    found.notes += _rejected(rules)
    found.opens = not refused
    return None


def _refused(lines: TypedLines, quarter: str, received: int) -> str | None:
    of = ("", quarter)
    rejected, lost = lines.rejected[of], lines.lost.get(of, NOTHING_LOST)
    if rejected > REJECTED_SHARE * (received - lines.dropped[of]):
        return f"{quarter} would be refused: {rejected:,} of its {received:,} lines are rejected"
    if max(lost.dossiers, lost.amount) > REJECTED_SHARE:
        return (
            f"{quarter} would be refused: its {rejected:,} rejected lines hold {lost.dossiers:.0%} of its dossiers and "
            f"{lost.amount:.0%} of its amount"
        )
    return None


def _rejected(rules: Counter[tuple[str, str]]) -> list[str]:
    """Which rules lines break, and how many."""
    if not rules:
        return []
    shown = "; ".join(
        f"{rule} in {column or 'the line'} ({count:,} lines)" for (rule, column), count in rules.most_common(3)
    )
    return [f"lines that would not be used: {shown}"]
