"""A separator with three digits behind it: thousands or decimals?

``75,554`` is 75554 or 75.554, a factor of 1000 apart. A column in which every separator has exactly three digits
behind it is settled by the other columns of the same lines (mean price x dossiers = amount, sum of the parts = amount),
or by `[numbers]` in the source map, or refused. Quarter by quarter: one reads the same whatever it is read with.

What does not belong here: how a number is read once that is settled (`contract.parsing`).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mcf_pipeline.contract.columns import COLUMNS, MEASURES, PART_COLUMNS, is_money
from mcf_pipeline.contract.map_lines import Proposal
from mcf_pipeline.contract.parsing import (
    decimal_sql,
    has_currency_sql,
    without_currency_sql,
    without_groups_sql,
    without_marks_sql,
)
from mcf_pipeline.contract.source_map import DECIMALS, PARTS, THOUSANDS, SourceMap
from mcf_pipeline.contract.thresholds import PARTS_ABSOLUTE, PARTS_RELATIVE, PRICE_RELATIVE, REJECTED_SHARE
from mcf_pipeline.duck import one, quoted

if TYPE_CHECKING:
    import duckdb

Group = tuple[str, str]
"""A release and a quarter of it."""
EVERY = 16
"""Each so many lines of a quarter are looked at first: one separator with two digits behind it settles a column."""
FIRST = 48
"""And the first lines of each: of a small quarter that is most of it."""
AGREEING = 0.9
"""Share of the lines that must agree with one way of reading, and with no other."""

_HAS_SEPARATOR = "(contains({0}, '.') OR contains({0}, ','))"
_THREE_BEHIND = "({0} LIKE '%.___' OR {0} LIKE '%,___')"
_NOT_THREE = r"[.,]([0-9]{1,2}|[0-9]{4,})$"
_IN_GROUPS = {
    ",": r"[ \t]*[+-]?[0-9]{1,3}(,[0-9]{3})+\.[0-9]+[ \t]*",
    ".": r"[ \t]*[+-]?[0-9]{1,3}(\.[0-9]{3})+,[0-9]+[ \t]*",
}
"""Numbers in which one mark stands between thousands and the other one before decimals, by the first."""
_AS_DECIMALS = {
    ",": r"[ \t]*[+-]?[0-9]+,([0-9]{1,2}|[0-9]{4,})[ \t]*",
    ".": r"[ \t]*[+-]?[0-9]+\.([0-9]{1,2}|[0-9]{4,})[ \t]*",
}
"""Numbers in which it can only stand before decimals."""
_GROUPED = r"[ \t]*[+-]?[1-9][0-9]{0,2}([.,][0-9]{3})+[ \t]*"


@dataclass(frozen=True, slots=True)
class Ambiguous:
    """A column that nothing settles.

    Attributes:
        column: canonical.
        example: one of its values.
        quarter: the first in which nothing settles it.
    """

    column: str
    example: str
    quarter: str

    def __str__(self) -> str:
        read = self.example.strip().replace(",", ".")
        return f"{self.column} holds {self.example.strip()!r} and the like: {read.replace('.', '')} or {read}?"

    def proposal(self) -> Proposal:
        """The line for the map: as thousands, which is how such a column mostly came to be."""
        column = PARTS if self.column in PART_COLUMNS else self.column
        return Proposal("numbers", column, THOUSANDS, f'or "{DECIMALS}": check {self.example.strip()}')


@dataclass(frozen=True, slots=True)
class Separators:
    """What the separators of some lines are.

    Attributes:
        thousands: by canonical column, the quarters in which they stand between thousands.
        ambiguous: what nothing settles.
        marks: by canonical column, the mark between thousands of the quarters in which other marks stand before
            decimals: ``1,234.50``.
        currency: the quarters in which a currency stands behind amounts.
        by_themselves: the columns of `thousands` that no other column confirms: counts, which have no decimals.
    """

    thousands: Mapping[str, frozenset[Group]]
    ambiguous: tuple[Ambiguous, ...] = ()
    marks: Mapping[str, Mapping[Group, str]] = field(default_factory=dict)
    currency: frozenset[Group] = frozenset()
    by_themselves: frozenset[str] = frozenset()

    def number(self, name: str, source_map: SourceMap) -> str:
        """SQL: the text of a figure in which a separator can only be that of decimals."""
        text = _without_currency(name, self.currency)
        if source_map.numbers.get(name) == THOUSANDS:
            return without_groups_sql(text)
        for mark in (",", "."):
            groups = [group for group, found in self.marks.get(name, {}).items() if found == mark]
            text = _where(groups, without_marks_sql(text, mark), text)
        return _where(self.thousands.get(name, ()), without_groups_sql(text), text)


def _where(groups: Iterable[Group], then: str, otherwise: str) -> str:
    """SQL: one text in the lines of some quarters, and another one elsewhere."""
    listed = ", ".join(f"('{release}', '{quarter}')" for release, quarter in sorted(groups))
    return (
        f"CASE WHEN (release_id, trimestre_id) IN ({listed}) THEN {then} ELSE {otherwise} END" if listed else otherwise
    )


def _without_currency(name: str, currency: frozenset[Group]) -> str:
    return _where(currency if is_money(name) else (), without_currency_sql(quoted(name)), quoted(name))


def settle(con: duckdb.DuckDBPyConnection, table: str, columns: Sequence[str], source_map: SourceMap) -> Separators:
    """Say what the separators in the lines of some quarters are.

    Args:
        con: holds the lines.
        table: lines as received, with `release_id`, `trimestre_id` and `rang`.
        columns: its canonical columns.
        source_map: what a user says of them.
    """
    # A mean duration is never in thousands of hours, and so never ambiguous.
    open_ = [
        name
        for name in columns
        if name in COLUMNS
        and COLUMNS[name].kind in MEASURES
        and name != "duree_moyenne"
        and name not in source_map.numbers
    ]
    money = [name for name in open_ if is_money(name)]
    seen = _seen(con, table, money)
    marks, contradictory = _marks(con, table, money, seen) if seen.both else ({}, [])
    suspects = _suspects(con, table, open_, seen)
    for name, groups in marks.items():
        for group in groups:
            suspects.get(group, {}).pop(name, None)
    thousands: dict[str, set[Group]] = {}
    ambiguous = {found.column: found for found in contradictory}
    by_themselves: set[str] = set()
    for group, found in suspects.items():
        if not found:
            continue
        settled, alone = _settled(con, table, group, found, columns, source_map, seen.currency)
        by_themselves |= alone
        for name in found:
            if name not in settled:
                ambiguous.setdefault(name, Ambiguous(name, found[name], group[1]))
            elif settled[name]:
                thousands.setdefault(name, set()).add(group)
    return Separators(
        {name: frozenset(groups) for name, groups in thousands.items()},
        tuple(ambiguous.values()),
        marks,
        seen.currency,
        frozenset(by_themselves),
    )


@dataclass(frozen=True, slots=True)
class _Seen:
    """What the first lines of each quarter show of the columns of money.

    Attributes:
        settled: those in which a separator stands before other than three digits, in every quarter.
        both: the quarters in which cells of some column have a comma and a point; those of others will, too.
        currency: those in which a currency stands behind figures.
    """

    settled: frozenset[str] = frozenset()
    both: frozenset[Group] = frozenset()
    currency: frozenset[Group] = frozenset()


def _seen(con: duckdb.DuckDBPyConnection, table: str, names: Sequence[str]) -> _Seen:
    if not names:
        return _Seen()
    looked_for = ", ".join(
        f"bool_or(regexp_matches({c}, '{_NOT_THREE}')), bool_or(contains({c}, ',') AND contains({c}, '.')), "
        f"bool_or({has_currency_sql(c)})"
        for c in map(quoted, names)
    )
    rows = con.execute(
        f"SELECT release_id, trimestre_id, {looked_for} FROM {table} "
        f"WHERE rang % {EVERY} = 0 OR rang <= {FIRST} GROUP BY ALL"
    ).fetchall()
    (quarters,) = one(con, f"SELECT count(DISTINCT (release_id, trimestre_id)) FROM {table}")

    def where(place: int) -> frozenset[Group]:
        return frozenset((row[0], row[1]) for row in rows if row[2 + place])

    places = range(0, 3 * len(names), 3)
    return _Seen(
        frozenset(name for name, place in zip(names, places, strict=True) if len(where(place)) == quarters),
        frozenset[Group]().union(*(where(place + 1) for place in places)),
        frozenset[Group]().union(*(where(place + 2) for place in places)),
    )


def _marks(
    con: duckdb.DuckDBPyConnection, table: str, names: Sequence[str], seen: _Seen
) -> tuple[dict[str, dict[Group, str]], list[Ambiguous]]:
    """Which mark stands between thousands where another one stands before decimals; and where both do either."""
    marks: dict[str, dict[Group, str]] = {}
    contradictory = []
    for name in names:
        text = _without_currency(name, seen.currency)
        counted = ", ".join(
            f"count(*) FILTER (WHERE regexp_full_match({text}, '{form}'))"
            for form in (*_IN_GROUPS.values(), *_AS_DECIMALS.values())
        )
        mixed = f"min({text}) FILTER (WHERE contains({text}, ',') AND contains({text}, '.'))"
        rows = con.execute(
            f"SELECT release_id, trimestre_id, {mixed}, {counted} FROM {table} GROUP BY ALL ORDER BY ALL"
        ).fetchall()
        for release, quarter, example, commas, points, decimal_commas, decimal_points in rows:
            if (release, quarter) not in seen.both:
                continue
            against_commas, against_points = points + decimal_commas, commas + decimal_points
            # One odd cell decides nothing: it is rejected, or read by itself.
            if commas and against_commas <= REJECTED_SHARE * commas:
                marks.setdefault(name, {})[release, quarter] = ","
            elif points and against_points <= REJECTED_SHARE * points:
                marks.setdefault(name, {})[release, quarter] = "."
            elif commas > REJECTED_SHARE * against_commas or points > REJECTED_SHARE * against_points:
                contradictory.append(Ambiguous(name, example, quarter))
    return marks, contradictory


def _suspects(
    con: duckdb.DuckDBPyConnection, table: str, names: Sequence[str], seen: _Seen
) -> dict[Group, dict[str, str]]:
    """By quarter, the columns in which every separator has three digits behind it, with an example."""
    if not names:
        return {}
    # Counts have no separator at all in most files: what is not settled by the first lines is looked at whole.
    unsettled = [name for name in names if name not in seen.settled or (seen.currency and is_money(name))]
    if not unsettled:
        return {}
    texts = {name: _without_currency(name, seen.currency) for name in unsettled}
    any_ = ", ".join(f"bool_or({_THREE_BEHIND.format(texts[n])})" for n in unsettled)
    (row,) = con.execute(f"SELECT {any_} FROM {table}").fetchall()
    possible = [name for name, found in zip(unsettled, row, strict=True) if found]
    if not possible:
        return {}
    counted = ", ".join(
        f"count(*) FILTER (WHERE {_HAS_SEPARATOR.format(c)}), "
        f"count(*) FILTER (WHERE regexp_full_match({c}, '{_GROUPED}')), "
        f"count(*) FILTER (WHERE regexp_full_match({c}, '[+-]?[1-9][0-9]{{3,}}')), "
        # One that does not end in zeros says more: a count has no decimals but zeros.
        f"coalesce(max({c}) FILTER (WHERE regexp_full_match({c}, '{_GROUPED}') AND NOT ends_with({c}, '000')), "
        f"max({c}) FILTER (WHERE regexp_full_match({c}, '{_GROUPED}')))"
        for c in map(texts.__getitem__, possible)
    )
    suspects: dict[Group, dict[str, str]] = {}
    for release, quarter, *figures in con.execute(
        f"SELECT release_id, trimestre_id, {counted} FROM {table} GROUP BY ALL ORDER BY ALL"
    ).fetchall():
        for place, name in enumerate(possible):
            separated, grouped, plain, example = figures[4 * place : 4 * place + 4]
            # Four digits without a separator beside it: then the separator is that of decimals.
            if grouped and grouped == separated and not plain:
                suspects.setdefault((release, quarter), {})[name] = example
    return suspects


def _settled(
    con: duckdb.DuckDBPyConnection,
    table: str,
    group: Group,
    suspects: Mapping[str, str],
    columns: Sequence[str],
    source_map: SourceMap,
    currency: frozenset[Group],
) -> tuple[dict[str, bool], set[str]]:
    """For each suspect that is settled, whether its separators stand between thousands; and which settle themselves."""
    lines = f"(FROM {table} WHERE release_id = '{group[0]}' AND trimestre_id = '{group[1]}')"
    triple = ("prix_moyen", "nb_dossiers", "montant_engage")
    settled: dict[str, bool] = {}
    if set(triple) <= set(columns):
        product = [name for name in triple if name in suspects]
        fitting = [
            ways
            for ways in itertools.product((False, True), repeat=len(product))
            if product and _price_agrees(con, lines, dict(zip(product, ways, strict=True)), source_map, currency)
        ]
        if len(fitting) == 1:
            settled |= dict(zip(product, fitting[0], strict=True))
    parts = [name for name in columns if name in PART_COLUMNS]
    open_parts = [name for name in parts if name in suspects]
    if open_parts and ("montant_engage" not in suspects or "montant_engage" in settled):
        of_amount = settled.get("montant_engage", False)
        fitting_parts = [
            way
            for way in (False, True)
            if _parts_agree(con, lines, parts, dict.fromkeys(open_parts, way), of_amount, source_map, currency)
        ]
        if len(fitting_parts) == 1:
            settled |= dict.fromkeys(open_parts, fitting_parts[0])
    of_dossiers = settled.get("nb_dossiers")
    by_themselves = set()
    for name in suspects:
        if name not in settled and COLUMNS[name].kind == "count" and of_dossiers is not None:
            settled[name] = of_dossiers
        # A count has no decimals: three digits that are not all zero can only be of thousands.
        if name not in settled and COLUMNS[name].kind == "count" and not suspects[name].rstrip().endswith("000"):
            settled[name] = True
            by_themselves.add(name)
    return settled, by_themselves


def _read(name: str, is_thousands: bool, source_map: SourceMap, currency: frozenset[Group]) -> str:
    text = _without_currency(name, currency)
    text = without_groups_sql(text) if is_thousands else text
    return decimal_sql(text, 18, 4, factor=source_map.factor(name))


def _price_agrees(
    con: duckdb.DuckDBPyConnection,
    lines: str,
    ways: Mapping[str, bool],
    source_map: SourceMap,
    currency: frozenset[Group],
) -> bool:
    price, dossiers, amount = (
        f"{_read(name, ways.get(name, source_map.numbers.get(name) == THOUSANDS), source_map, currency)}::DOUBLE"
        for name in ("prix_moyen", "nb_dossiers", "montant_engage")
    )
    return _share(con, lines, f"abs({price} * {dossiers} - {amount}) <= {PRICE_RELATIVE} * {amount}")


def _parts_agree(
    con: duckdb.DuckDBPyConnection,
    lines: str,
    parts: Sequence[str],
    ways: Mapping[str, bool],
    amount_is_thousands: bool,
    source_map: SourceMap,
    currency: frozenset[Group],
) -> bool:
    is_thousands = amount_is_thousands or source_map.numbers.get("montant_engage") == THOUSANDS
    amount = _read("montant_engage", is_thousands, source_map, currency)
    total = " + ".join(
        f"coalesce({_read(n, ways.get(n, source_map.numbers.get(n) == THOUSANDS), source_map, currency)}, 0)"
        for n in parts
    )
    # Whole euros: each part may be rounded.
    allowed = f"greatest({PARTS_RELATIVE} * {amount}, {PARTS_ABSOLUTE} * {len(parts)})"
    return _share(con, lines, f"abs({total} - {amount}) <= {allowed}")


def _share(con: duckdb.DuckDBPyConnection, lines: str, agrees: str) -> bool:
    rows = con.execute(
        f"SELECT count(*), count(*) FILTER (WHERE {agrees}) FROM {lines} WHERE montant_engage IS NOT NULL "
        "AND regexp_matches(montant_engage, '[1-9]')"
    ).fetchall()
    judged, agreeing = rows[0]
    return bool(judged) and agreeing >= AGREEING * judged
