"""Lines that are the sum of other lines: Ensemble, Total, the empty cell of a ROLLUP, a part counted next to its whole.

They are looked for in the figures: a modality whose dossiers and amounts are those of some others added up, in nearly
all groups of lines that agree in everything else. And in the words, where the figures cannot tell (a total over masked
lines). What does not belong here: what follows from it (`contract.release`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mcf_pipeline.contract.map_lines import Proposal
from mcf_pipeline.contract.modalities import DIMENSIONS, NOT_GIVEN_ID, is_total_word, modality_key, sum_of_regions
from mcf_pipeline.contract.source_map import ALL, TOGETHER, SourceMap
from mcf_pipeline.contract.text import clean
from mcf_pipeline.duck import literal, one

if TYPE_CHECKING:
    import duckdb
    import numpy as np
    import numpy.typing as npt

MIN_GROUPS = 8
"""Groups that must have been added up before a modality is called a sum: a few can agree by chance."""
NEARLY_ALL = 0.9
"""Share of these groups in which it is one."""
MOST_MASKED = 12
"""Dossiers that one masked line can hide from a sum: fewer than 5 persons, who can have several each."""
FROM_ROUNDING = 1.0
"""Euros by which each added line may be off: amounts can be given in whole euros."""


@dataclass(frozen=True, slots=True)
class Total:
    """Lines that are sums of others.

    Attributes:
        dimensions: in which of them they hold no modality but a sum.
        text: what stands there, as received; empty for an empty cell.
        lines: how many there are.
        numbers: of a few of these lines.
        dossiers: in these lines.
        of: the modalities that are added up, as identifiers, where it is one dimension's.
        by_figures: whether the figures say so, or only the name.
    """

    dimensions: tuple[str, ...]
    text: str
    lines: int
    numbers: tuple[int, ...]
    dossiers: int
    of: tuple[str, ...] = ()
    by_figures: bool = True

    def __str__(self) -> str:
        name = repr(clean(self.text, 40)) if self.text.strip() else "an empty cell"
        where = "every dimension" if len(self.dimensions) == len(DIMENSIONS) else " and ".join(self.columns)
        if not self.by_figures:
            why = "by its name the sum of others"
        elif self.of:
            why = f"the sum of {len(self.of)} others ({', '.join(self.of[:4])}{'…' if len(self.of) > 4 else ''})"
        else:
            why = "the sum of the other lines"
        shown = ", ".join(map(str, self.numbers)) + ("…" if self.lines > len(self.numbers) else "")
        return f"{name} in {where} is {why}: {self.lines:,} lines with {self.dossiers:,} dossiers (lines {shown})"

    @property
    def columns(self) -> list[str]:
        """The columns of its dimensions."""
        return [DIMENSIONS[name].column for name in self.dimensions]

    def proposal(self) -> Proposal:
        """The line for the map that drops these lines."""
        key = ALL if len(self.dimensions) == len(DIMENSIONS) else TOGETHER.join(self.columns)
        return Proposal("totals", key, (self.text,), f"{self.lines:,} lines are dropped")


def dropped_sql(con: duckdb.DuckDBPyConnection, table: str, source_map: SourceMap) -> str:
    """SQL: whether a user's map drops a line as the sum of others; ``modalite`` holds the spellings in use."""
    if not source_map.totals:
        return "false"
    spellings: dict[str, list[str | None]] = {}
    for dimension, text in con.execute("SELECT DISTINCT dimension, texte FROM modalite").fetchall():
        spellings.setdefault(dimension, []).append(text)

    def holds(dimension: str, texts: Sequence[str]) -> str:
        keys = {modality_key(text) or text.strip() for text in texts}
        found = [s for s in spellings.get(dimension, ()) if (modality_key(s or "") or (s or "").strip()) in keys]
        column = f'{table}."{DIMENSIONS[dimension].column}"'
        listed = ", ".join(literal(s) for s in found if s is not None)
        return (
            f"({column} IN ({listed}){f' OR {column} IS NULL' if None in found else ''})"
            if listed
            else (f"({column} IS NULL)" if found else "false")
        )

    by_column = {dimension.column: name for name, dimension in DIMENSIONS.items()}
    conditions = []
    for key, texts in source_map.totals.items():
        names = list(DIMENSIONS) if key == ALL else [by_column[column] for column in key.split(TOGETHER)]
        if len(names) == 1:
            conditions.append(holds(names[0], texts))
        else:
            conditions += ["(" + " AND ".join(holds(name, [text]) for name in names) + ")" for text in texts]
    return f"coalesce({' OR '.join(conditions)}, false)"


def find_totals(con: duckdb.DuckDBPyConnection, unknown: Mapping[str, Sequence[str]]) -> list[Total]:
    """Look for sums among the lines of a release, and take them out.

    Args:
        con: holds the table ``jugees``: `trimestre_id`, `numero_ligne`, `nb_dossiers`, `montant_engage`, and for each
            dimension `texte_…` (as received), `m_…` (the modality, each spelling of "not given" by itself), `e_…` (its
            hash) and `s_…` (whether it is "not given" or unknown). What is found is gone from it afterwards.
        unknown: by dimension, the modalities outside the contract, as received.
    """
    found: list[Total] = []
    for name in DIMENSIONS:
        suspects = _suspects(con, name)
        if suspects:
            for modality, parts in _by_figures(con, name, suspects):
                found.append(_taken_out(con, (name,), f"m_{name} = {literal(modality)}", parts))
    found += _over_several(con)
    for text in unknown.get("region", ()):
        if regions := sum_of_regions(text):
            found += _some_regions(con, text, regions)
    for name, texts in unknown.items():
        named = [text for text in texts if is_total_word(text)]
        for text in named:
            total = _taken_out(con, (name,), f"texte_{name} = {literal(text)}", (), by_figures=False)
            found += [total] if total.lines else []
    return found


def _some_regions(con: duckdb.DuckDBPyConnection, text: str, regions: Sequence[str]) -> list[Total]:
    """Lines that are by their name the sum of some regions, unless these are not there or the figures deny it.

    One group that agrees is enough, since the name says the same; a few groups are all that a small file has.
    """
    condition = f"texte_region = {literal(text)}"
    listed = ", ".join(map(literal, regions))
    key = ", ".join(("trimestre_id", *(f"m_{name}" for name in DIMENSIONS if name != "region")))
    there, judged, fitting = one(
        con,
        f"""
        WITH parties AS (
            SELECT {key}, coalesce(sum(nb_dossiers), 0) AS dossiers, count(*) - count(nb_dossiers) AS masquees
            FROM jugees WHERE m_region IN ({listed}) GROUP BY ALL
        )
        SELECT (SELECT count(DISTINCT m_region) FROM jugees WHERE m_region IN ({listed})), count(*),
            count(*) FILTER (WHERE nb_dossiers BETWEEN dossiers AND dossiers + {MOST_MASKED} * masquees)
        FROM jugees JOIN parties USING ({key})
        WHERE {condition} AND nb_dossiers IS NOT NULL
        """,
    )
    if not there or fitting < NEARLY_ALL * judged:
        return []
    total = _taken_out(con, ("region",), condition, tuple(regions), by_figures=judged > 0)
    return [total] if total.lines else []


def _taken_out(
    con: duckdb.DuckDBPyConnection,
    names: tuple[str, ...],
    condition: str,
    of: tuple[str, ...],
    *,
    by_figures: bool = True,
) -> Total:
    rows = con.execute(
        f"SELECT count(*), coalesce(sum(nb_dossiers), 0)::HUGEINT, "
        f"list(numero_ligne ORDER BY numero_ligne)[1:3], max(coalesce(texte_{names[0]}, '')) "
        f"FROM jugees WHERE {condition}"
    ).fetchall()
    lines, dossiers, numbers, text = rows[0]
    con.execute(f"DELETE FROM jugees WHERE {condition}")
    return Total(names, text or "", lines, tuple(numbers or ()), dossiers, of, by_figures)


def _over_several(con: duckdb.DuckDBPyConnection) -> list[Total]:
    """Lines that are sums over several dimensions at once, as the last lines of many tables are.

    They hold the same text in all of these, "not given" or one that nobody knows, and what the other lines of their
    quarter that agree in the rest add up to. One by chance is not to be feared: the amounts agree to the euro.
    """
    which = " + ".join(f"(CASE WHEN s_{name} THEN {1 << place} ELSE 0 END)" for place, name in enumerate(DIMENSIONS))
    rows = con.execute(f"SELECT {which} AS motif, count(*) FROM jugees GROUP BY 1 ORDER BY 1 DESC").fetchall()
    found = []
    for pattern, _ in rows:
        names = tuple(name for place, name in enumerate(DIMENSIONS) if pattern >> place & 1)
        if len(names) < 2:
            continue
        key = ["trimestre_id", *(f"m_{name}" for name in DIMENSIONS if name not in names)]
        alike = " AND ".join(f"coalesce(texte_{n}, '') = coalesce(texte_{names[0]}, '')" for n in names)
        of_pattern = f"({' AND '.join(f's_{name}' for name in names)} AND {alike})"
        euros = f"{FROM_ROUNDING} * (autres + 1)"
        amount = "montant_engage::DOUBLE"
        exact = f"nb_dossiers = dossiers AND abs({amount} - montant) <= {euros}"
        # What masked lines hide says little where it could be most of the sum.
        hidden = f"{MOST_MASKED} * masquees"
        nearly = f"""masquees > 0 AND {hidden} <= 0.2 * dossiers
            AND nb_dossiers BETWEEN dossiers AND dossiers + {hidden} AND {amount} >= montant - {euros}
            AND {amount} <= montant + {euros} + 4 * {hidden} * montant / greatest(dossiers, 1)"""
        judged = con.execute(f"""
            WITH sommes AS (
                SELECT {", ".join(key)}, count(nb_dossiers) AS autres, sum(nb_dossiers) AS dossiers,
                    sum(montant_engage)::DOUBLE AS montant, count(*) - count(nb_dossiers) AS masquees
                FROM jugees WHERE NOT {of_pattern} GROUP BY ALL
            )
            SELECT coalesce(texte_{names[0]}, ''), count(*), count(*) FILTER (WHERE ({exact}) OR ({nearly})),
                count(*) FILTER (WHERE {exact})
            FROM jugees JOIN sommes USING ({", ".join(key)})
            WHERE {of_pattern} AND nb_dossiers IS NOT NULL AND autres > 1
            GROUP BY 1
        """).fetchall()
        for text, lines, fitting, exactly in judged:
            if fitting >= NEARLY_ALL * lines and (exactly or (fitting and len(names) == len(DIMENSIONS))):
                condition = f"{of_pattern} AND coalesce(texte_{names[0]}, '') = {literal(text)}"
                found.append(_taken_out(con, names, condition, ()))
    return found


def _suspects(con: duckdb.DuckDBPyConnection, name: str) -> dict[str, bool]:
    """The modalities of a dimension that could be sums.

    With a modality that nobody knows any of them can be, for what is known may be the whole of what is not. Without one
    only that which holds half of every quarter, and "not given", which an empty cell becomes.

    Returns:
        Each with whether it is one that nobody knows, or "not given": only such a one can be the sum of a single other.
        Two known ones with the same figures everywhere are just that.
    """
    rows = con.execute(f"""
        WITH trimestres AS (
            SELECT trimestre_id, m_{name} AS modalite, coalesce(sum(nb_dossiers), 0) AS dossiers, bool_or(s_{name}) AS s
            FROM jugees GROUP BY ALL
        ), parts AS (SELECT *, sum(dossiers) OVER (PARTITION BY trimestre_id) AS tous FROM trimestres)
        SELECT modalite, sum(dossiers), bool_or(s), bool_and(2 * dossiers >= tous) AND sum(dossiers) <= 0.6 * sum(tous)
        FROM parts GROUP BY modalite ORDER BY modalite
    """).fetchall()
    if any(suspect and not modality.startswith(NOT_GIVEN_ID) for modality, _, suspect, _ in rows):
        return {modality: bool(suspect) for modality, dossiers, suspect, _ in rows if dossiers}
    return {modality: bool(suspect) for modality, dossiers, suspect, half in rows if dossiers and (suspect or half)}


def _by_figures(
    con: duckdb.DuckDBPyConnection, name: str, suspects: Mapping[str, bool]
) -> list[tuple[str, tuple[str, ...]]]:
    """The modalities of a dimension that are sums, each with the modalities that it adds up."""
    import numpy as np

    key = "hash(trimestre_id)"
    for other in DIMENSIONS:
        if other != name:
            key = f"xor({key}, e_{other})"
    rows = con.execute(f"""
        SELECT {key} AS groupe, m_{name} AS modalite, nb_dossiers::DOUBLE AS dossiers,
            montant_engage::DOUBLE AS montant
        FROM jugees
        WHERE {key} IN (SELECT {key} FROM jugees WHERE m_{name} IN ({", ".join(map(literal, suspects))}))
    """).fetchnumpy()
    if not len(rows["groupe"]):
        return []
    groups = np.unique(rows["groupe"], return_inverse=True)[1]
    modalities, place = np.unique(np.asarray(rows["modalite"], dtype=str), return_inverse=True)
    shape = (int(groups.max()) + 1, len(modalities))
    figures = Figures(np.zeros(shape, dtype=bool), np.zeros(shape), np.zeros(shape), np.zeros(shape))
    figures.there[groups, place] = True
    is_masked = np.ma.getmaskarray(np.ma.asarray(rows["dossiers"]))
    np.add.at(figures.masked, (groups, place), is_masked)
    np.add.at(figures.dossiers, (groups, place), np.ma.filled(np.ma.asarray(rows["dossiers"]), 0.0))
    np.add.at(figures.amounts, (groups, place), np.ma.filled(np.ma.asarray(rows["montant"]), 0.0))
    # Sums that contain other sums: the largest first, each taken out before the next is looked for.
    open_ = np.ones(len(modalities), dtype=bool)
    found = []
    places = [int(np.searchsorted(modalities, m)) for m in suspects if m in set(modalities)]
    for at in sorted(places, key=lambda at: -figures.dossiers[:, at].sum()):
        parts = _parts(at, open_, figures)
        if parts is not None and (len(parts) > 1 or suspects[str(modalities[at])]):
            open_[at] = False
            found.append((str(modalities[at]), tuple(str(modalities[part]) for part in parts)))
    return found


@dataclass(frozen=True, slots=True)
class Figures:
    """What the lines of each group say of each modality: a row per group, a column per modality.

    Attributes:
        there: whether there is a line.
        masked: how many of the lines are masked.
        dossiers: over the unmasked ones.
        amounts: likewise, in euros; only compared, never kept.
    """

    there: npt.NDArray[np.bool_]
    masked: npt.NDArray[np.float64]
    dossiers: npt.NDArray[np.float64]
    amounts: npt.NDArray[np.float64]


def _parts(at: int, open_: npt.NDArray[np.bool_], figures: Figures) -> npt.NDArray[np.int64] | None:
    """The modalities whose sum one is in nearly all groups, as places; None where it is none."""
    import numpy as np

    groups = figures.there[:, at] & (figures.masked[:, at] == 0) & (figures.dossiers[:, at] > 0)
    others = np.flatnonzero(open_ & (np.arange(len(open_)) != at) & figures.there[groups].any(axis=0))
    if groups.sum() < MIN_GROUPS or not len(others):
        return None
    if _adds_up(at, others, groups, figures):
        return others
    # Some of them: the coefficients of a sum are 1 for its parts and 0 for the rest.
    total, whole = figures.dossiers[groups, at], figures.dossiers[np.ix_(groups, others)]
    clear = figures.masked[np.ix_(groups, others)].sum(axis=1) == 0
    if clear.sum() >= max(MIN_GROUPS, 2 * len(others)):
        weights = np.linalg.lstsq(whole[clear], total[clear], rcond=None)[0]
        if not np.all(np.minimum(abs(weights), abs(weights - 1)) < 0.25):
            return None
    elif groups.sum() >= len(others):
        # Few groups are without a masked line where a file is small. What these hide is little, the amounts say the
        # same once more, and whatever is chosen so has still to add up.
        price = figures.amounts[groups, at].sum() / total.sum() or 1.0
        rows = np.vstack([whole, figures.amounts[np.ix_(groups, others)] / price])
        weights = np.linalg.lstsq(rows, np.concatenate([total, figures.amounts[groups, at] / price]), rcond=None)[0]
    else:
        return None
    chosen = others[weights > 0.5]
    return chosen if len(chosen) and _adds_up(at, chosen, groups, figures) else None


def _adds_up(at: int, parts: npt.NDArray[np.int64], groups: npt.NDArray[np.bool_], figures: Figures) -> bool:
    import numpy as np

    total, money = figures.dossiers[groups, at], figures.amounts[groups, at]
    cells = np.ix_(groups, parts)
    counted, paid, hidden = (f[cells].sum(axis=1) for f in (figures.dossiers, figures.amounts, figures.masked))
    added = (figures.dossiers[cells] > 0).sum(axis=1)
    # A masked line hides a few dossiers, so a sum over one is a little more than what is shown.
    allowed = MOST_MASKED * hidden
    fits = (total >= counted) & (total <= counted + allowed)
    off, euros = money - paid, FROM_ROUNDING * (added + 1)
    fits &= (off >= -euros) & (off <= euros + 4 * allowed * money / total)
    exact = fits & (hidden == 0) & (counted > 0)
    # A group with nothing beside it says nothing: the lines of a ROLLUP that add up more than this dimension are such.
    judged = figures.there[cells].any(axis=1)
    return bool(exact.sum() >= MIN_GROUPS and fits[judged].sum() >= NEARLY_ALL * judged.sum())
