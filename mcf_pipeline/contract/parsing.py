"""How a source writes quarters and numbers, and the one place where they are read.

Quarters are few and read in Python. Numbers are many and read by DuckDB: the functions here return SQL
expressions over a text expression. No float is ever on the way. What does not belong here: what a value may
be (the schemas), and which column it stands in (`contract.recognition`).
"""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from decimal import Decimal

from mcf_pipeline.quarter import FIRST_QUARTER, Quarter

_MAX_QUARTER_TEXT = 60

_ORDINALS = {
    "premier": 1,
    "deuxieme": 2,
    "second": 2,
    "troisieme": 3,
    "quatrieme": 4,
}
_YEAR = r"(?P<year>[0-9]{4})"
_NUMBER = r"(?P<number>[1-4])"
_SEPARATOR = r"[ ./_-]*"
_WORD = r"(?:t|q|trim|trimestre|quarter)\.?"
_ORDINAL_MARK = r"(?:er|e|eme|nd|n|d)?"

# The text is lower case without accents here; one form a line. A bare pair needs a separator or five
# digits, and "2020-04" is none of these: it could be April as well as the fourth quarter.
_QUARTER_FORMS = tuple(
    re.compile(form)
    for form in (
        rf"{_YEAR}{_SEPARATOR}{_WORD}{_SEPARATOR}{_NUMBER}",  # 2020T1, 2020-T1, 2020 Q1, 2020 trimestre 1
        rf"{_WORD}{_SEPARATOR}{_NUMBER}{_SEPARATOR}{_YEAR}",  # T1 2020, Trimestre 1 - 2020
        rf"{_NUMBER}{_ORDINAL_MARK} ?{_WORD}{_SEPARATOR}(?:de )?{_YEAR}",  # 1er trimestre 2020, 1T2020
        rf"{_YEAR}{_SEPARATOR}{_NUMBER}{_ORDINAL_MARK} ?{_WORD}",  # 2020 - 1er trimestre, 2020 1T
        rf"{_YEAR} ?[ /_-] ?{_NUMBER}",  # 2020_1, 2020-1, 2020/1
        rf"{_YEAR}{_NUMBER}",  # 20201
    )
)
_SEMESTER = re.compile(r"\bs(?:em)?(?:estre)?\.? ?[12]\b|[0-9]s[12]\b|\bh[12]\b|[0-9]h[12]\b|semestre")
_ISO_DAY = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})(?:[t ](.+))?")
_FRENCH_DAY = re.compile(r"([0-9]{2})/([0-9]{2})/([0-9]{4})(?: 00:00(?::00)?)?")
# Midnight, with or without its offset; 22:00 and 23:00 UTC are midnight in Paris, in summer and in winter.
_MIDNIGHT = re.compile(r"00:00(?::00(?:\.0+)?)?(?:z|[+-][0-9]{2}:?[0-9]{2})?")
_PARIS_MIDNIGHT_UTC = re.compile(r"2[23]:00(?::00(?:\.0+)?)?(?:z|\+00:?00)")


def _plain(text: str) -> str:
    decomposed = unicodedata.normalize("NFKD", text.replace("°", " ")).casefold()
    kept = "".join(c for c in decomposed if unicodedata.category(c)[0] != "M" and unicodedata.category(c) != "Cf")
    kept = re.sub(r"[\u2010-\u2015\u2212]", "-", kept)
    return re.sub(r"\s+", " ", kept).strip()


def parse_quarter(text: str | None) -> Quarter | None:
    """Read a quarter in any form that the contract knows.

    A date must be the first day of a quarter: any other day would say that the column is not a quarter.

    Returns:
        The quarter, whatever its year (`quarter_problem` judges that), or None if the text is no quarter.
    """
    if text is None or len(text) > _MAX_QUARTER_TEXT:
        return None
    plain = _plain(text)
    if match := _ISO_DAY.fullmatch(plain):
        return _from_day(match[1], match[2], match[3], match[4])
    if match := _FRENCH_DAY.fullmatch(plain):
        return _from_day(match[3], match[2], match[1], None)
    for word, number in _ORDINALS.items():
        plain = re.sub(rf"^{word}(?= )|(?<= ){word}(?= )", str(number), plain)
    for form in _QUARTER_FORMS:
        if match := form.fullmatch(plain):
            return Quarter(int(match["year"]), int(match["number"]))
    return None


def _from_day(year: str, month: str, day: str, time: str | None) -> Quarter | None:
    try:
        found = dt.date(int(year), int(month), int(day))
        if time is not None and not _MIDNIGHT.fullmatch(time):
            if not _PARIS_MIDNIGHT_UTC.fullmatch(time):
                return None
            found += dt.timedelta(days=1)
        quarter = Quarter.containing(found)
    except (ValueError, OverflowError):
        return None
    return quarter if quarter.first_day == found else None


def is_semester(text: str) -> bool:
    """Whether a text says by itself that it is a half of a year: ``2023-S1``, ``1er semestre 2023``, ``2023 H2``."""
    return bool(_SEMESTER.search(_plain(text[:_MAX_QUARTER_TEXT])))


def quarter_from_pair(year: str | None, number: str | None) -> Quarter | None:
    """Read a quarter given in two columns.

    The number may be ``1``, ``01``, ``T1``, ``1er trimestre``, or a whole quarter of the same year.
    """
    if year is None or number is None or max(len(year), len(number)) > _MAX_QUARTER_TEXT:
        return None
    found_year = re.fullmatch(r"([0-9]{4})(?:[.,]0+)?", _plain(year))
    if found_year is None:
        return None
    plain = _plain(number)
    if bare := re.fullmatch(r"0?([1-4])(?:[.,]0+)?", plain):
        return Quarter(int(found_year[1]), int(bare[1]))
    whole = parse_quarter(plain)
    if whole is not None:
        return whole if whole.year == int(found_year[1]) else None
    return parse_quarter(f"{plain} {found_year[1]}")


def quarter_problem(quarter: Quarter, today: dt.date) -> str | None:
    """Say why a quarter cannot be in the data, or None if it can.

    The running quarter is allowed: the portal can publish it early.
    """
    if quarter < FIRST_QUARTER:
        return f"{quarter} is before {FIRST_QUARTER}, the first quarter of the dataset"
    running = Quarter.containing(today)
    if quarter > running:
        return f"{quarter} is after {running}, the current quarter"
    return None


# --- Numbers, in SQL ------------------------------------------------------------------------------------

_THIN = "\u00a0\u202f\u2009"
"""No-break space, narrow no-break space, thin space: what French typography puts between thousands."""
_BLANKS = rf"[ \t\r\n{_THIN}]"
_USUAL = "[!-~\u00a1-\u017f\u2019]"
"""Characters of Western texts, blanks aside, that NFC leaves as they are."""
_WHOLE = rf"(?:[0-9]+|[0-9]{{1,3}}(?:[ {_THIN}][0-9]{{3}})+)"
_INTEGER = rf"{_BLANKS}*[+-]?{_WHOLE}(?:[.,]0+)?{_BLANKS}*"
_DECIMAL = rf"{_BLANKS}*[+-]?(?:{_WHOLE}(?:[.,][0-9]+)?|[.,][0-9]+){_BLANKS}*"
_SCIENTIFIC = rf"{_BLANKS}*[+-]?(?:[0-9]+(?:[.,][0-9]*)?|[.,][0-9]+)[eE][+-]?[0-9]{{1,2}}{_BLANKS}*"
"""How a spreadsheet writes a large number in a narrow column: ``4,53E+06``."""
_GROUPED = rf"{_BLANKS}*[+-]?[0-9]{{1,3}}(?:(?:\.[0-9]{{3}})+(?:,[0-9]+)?|(?:,[0-9]{{3}})+(?:\.[0-9]+)?){_BLANKS}*"
"""Thousands behind points or commas, where that is settled (`contract.separators`)."""
_CURRENCY = r"(?:€|EUR|[Ee]uros?)"
_MONEY = rf"{_BLANKS}*[+-]?{_WHOLE}(?:[.,](?:[0-9]{{1,2}}|[0-9]{{4,}}))?{_BLANKS}*{_CURRENCY}{_BLANKS}*"
"""An amount with its currency. Not ``1.234 €``: what that is, the other cells of its column say."""
_PLAIN = r"-?[0-9]+(?:\.[0-9]+)?"
"""What the portal writes: such a text goes straight to the cast, which is most of the time saved."""


_CANONICAL_STEPS = (
    (r"^\+", ""),
    (r"(\.[0-9]*?)0+$", r"\1"),  # 1.50 and 1.00: the zeros that say nothing,
    (r"\.$", ""),  # and the point that is left
    (r"^(-?)0+([0-9])", r"\1\2"),  # 007
    (r"^(-?)\.", r"\10."),  # .5; \1 and a zero: there are at most nine groups
    ("^-?0?$", "0"),  # -0, and .0, of which nothing is left
)


def _bare(expr: str) -> str:
    """The number's own characters: no blanks, a point."""
    return f"replace(regexp_replace({expr}, '{_BLANKS}+', '', 'g'), ',', '.')"


MASKS = (
    *(
        "s",
        "ss",
        "s.s.",
        "(s)",
        "c",
        "(c)",
        "nd",
        "n.d.",
        "n/d",
        "#n/d",
        "ns",
        "n.s.",
        "nc",
        "n.c.",
        "n/c",
        "na",
        "n.a.",
    ),
    *("n/a", "#n/a", "nan", "null", "none", "nr", "n.r.", "x", "*", "**", "***", "-", "--", "---", "–", "—"),
    *(".", "..", "...", "…", ":", "/", "?", "<5", "< 5", "<=4", "≤4", "<10", "< 10", "1-4", "[1-4]", "1 à 4"),
    *("moins de 5", "secret", "secret statistique", "secret stat", "masqué", "masque", "masquée", "masquee"),
    *("confidentiel", "non diffusable", "non diffusé", "non disponible", "non significatif", "(vide)"),
)
"""What stands for a masked figure, as French statistics write it; in any case. A closed list: what is not in it and is
no number is rejected, and `[masked]` in the source map adds to it."""
_MASK = rf"(?i){_BLANKS}*(?:{'|'.join(map(re.escape, MASKS))}){_BLANKS}*"


def is_empty_sql(expr: str) -> str:
    """SQL: whether a cell is empty (in a measure: masked). Blanks of any kind are empty."""
    return f"({expr} IS NULL OR regexp_full_match({expr}, '{_BLANKS}*'))"


def is_mask_sql(expr: str) -> str:
    """SQL: whether a cell holds a marker of a masked figure (`MASKS`)."""
    return f"coalesce(regexp_full_match({expr}, '{_MASK}'), false)"


def without_groups_sql(expr: str) -> str:
    """SQL: a number without the points or commas between its thousands; anything else as it is."""
    comma = f"replace({expr}, ',', '')"
    point = f"replace(replace({expr}, '.', ''), ',', '.')"
    # Which of the two groups is the one that comes first.
    by_comma = f"instr({expr}, ',') > 0 AND (instr({expr}, '.') = 0 OR instr({expr}, ',') < instr({expr}, '.'))"
    grouped = f"regexp_full_match({expr}, '{_GROUPED}')"
    return f"CASE WHEN {grouped} THEN CASE WHEN {by_comma} THEN {comma} ELSE {point} END ELSE {expr} END"


def without_currency_sql(expr: str) -> str:
    """SQL: an amount without the currency behind it."""
    return f"regexp_replace({expr}, '{_BLANKS}*{_CURRENCY}{_BLANKS}*$', '')"


def has_currency_sql(expr: str) -> str:
    """SQL: whether a text ends with a currency."""
    return f"regexp_matches({expr}, '{_CURRENCY}{_BLANKS}*$')"


def without_marks_sql(expr: str, mark: str) -> str:
    """SQL: a number without the marks between its thousands, a comma or a point; what has none of them as it is."""
    if mark == ",":
        grouped, plain = "(?:,[0-9]{3})+(?:\\.[0-9]+)?", f"replace({expr}, ',', '')"
    else:
        grouped, plain = "(?:\\.[0-9]{3})+(?:,[0-9]+)?", f"replace(replace({expr}, '.', ''), ',', '.')"
    return (
        f"CASE WHEN regexp_full_match({expr}, '{_BLANKS}*[+-]?[0-9]{{1,3}}{grouped}{_BLANKS}*') THEN {plain} "
        f"ELSE {expr} END"
    )


def integer_sql(expr: str) -> str:
    """SQL: the BIGINT that a text says, or NULL if it says none.

    ``1234``, ``1 234`` with any space, ``+5``, ``-5``, ``1234.0`` (what a float column leaves behind) and ``1,2E+03``.
    A sole ``1,234`` is no integer: it could mean either.
    """
    digits = f"regexp_replace({_bare(expr)}, '\\.0+$', '')"
    whole = f"regexp_extract(TRY_CAST({_bare(expr)} AS DECIMAL(38,10))::VARCHAR, '^(-?[0-9]+)\\.0+$', 1)"
    return (
        f"CASE WHEN regexp_full_match({expr}, '-?[0-9]{{1,18}}') THEN TRY_CAST({expr} AS BIGINT) "
        f"WHEN regexp_full_match({expr}, '{_INTEGER}') THEN TRY_CAST({digits} AS BIGINT) "
        f"WHEN regexp_full_match({expr}, '{_SCIENTIFIC}') THEN TRY_CAST({whole} AS BIGINT) END"
    )


def decimal_sql(expr: str, precision: int, scale: int, *, factor: Decimal = Decimal(1), is_money: bool = False) -> str:
    """SQL: the DECIMAL(precision, scale) that a text says, or NULL if it says none or does not fit.

    ``1234.5``, ``1 234,50``, ``-0,5``, ``.5``, ``4,53E+06`` (exactly: no float is on the way). One separator of
    decimals at most: ``1,234,567`` and ``1.234,5`` are refused, unless `without_groups_sql` takes the groups out.
    More decimals than `scale` are rounded half away from zero.

    Args:
        expr: a VARCHAR expression.
        precision: digits in all.
        scale: decimals.
        factor: from the source's unit to ours (`SourceMap.factor`); multiplied before rounding.
        is_money: whether a currency may stand behind it, as in ``1 234,50 €``.
    """
    target = f"DECIMAL({precision},{scale})"

    def cast(text: str) -> str:
        if factor == 1:
            return f"TRY_CAST({text} AS {target})"
        # Six decimals more than asked for, so that multiplying loses nothing before the rounding.
        value = f"TRY_CAST({text} AS DECIMAL({min(precision + 6, 24)},{scale + 6}))"
        whole = factor == factor.to_integral_value()
        multiplier = str(int(factor)) if whole else f"CAST('{factor:.10f}' AS DECIMAL(14,10))"
        return f"TRY_CAST({value} * {multiplier} AS {target})"

    return (
        f"CASE WHEN regexp_full_match({expr}, '{_PLAIN}') THEN {cast(expr)} "
        f"WHEN regexp_full_match({expr}, '{_DECIMAL}') OR regexp_full_match({expr}, '{_SCIENTIFIC}') "
        f"THEN {cast(_bare(expr))} "
        + (
            f"WHEN regexp_full_match({expr}, '{_MONEY}') THEN {cast(_bare(without_currency_sql(expr)))} "
            if is_money
            else ""
        )
        + "END"
    )


def canonical_number_sql(expr: str) -> str:
    """SQL: a text that is the same for any two spellings of one number: ``1 234,50`` and ``1234.5``.

    What is no number stays as it is; empty, NULL and a marker of a masked figure are all ``''``. Used to tell
    whether a quarter changed.
    """
    # Step by step, each naming the one before it once: an expression that repeats its parts takes DuckDB longer
    # to plan than a whole quarter takes to read.
    number = _bare(expr)
    for pattern, replacement in _CANONICAL_STEPS:
        number = f"regexp_replace({number}, '{pattern}', '{replacement}')"
    scientific = f"rtrim(rtrim(TRY_CAST({_bare(expr)} AS DECIMAL(38,10))::VARCHAR, '0'), '.')"
    # The first two branches are what the portal writes; the general one costs ten times as much.
    return (
        f"CASE WHEN regexp_full_match({expr}, '0|-?[1-9][0-9]*') THEN {expr} "
        f"WHEN regexp_full_match({expr}, '(?:0|-?[1-9][0-9]*)\\.[0-9]+') "
        f"THEN CASE WHEN ends_with({expr}, '0') THEN rtrim(rtrim({expr}, '0'), '.') ELSE {expr} END "
        f"WHEN {is_empty_sql(expr)} THEN '' "
        f"WHEN regexp_full_match({expr}, '{_DECIMAL}') THEN {number} "
        f"WHEN {is_mask_sql(expr)} THEN '' "
        f"WHEN regexp_full_match({expr}, '{_SCIENTIFIC}') THEN coalesce({scientific}, {expr}) ELSE {expr} END"
    )


def canonical_text_sql(expr: str) -> str:
    """SQL: a text without the differences that mean nothing: NFC, blanks trimmed and made one. Never NULL."""
    # The first branch is nearly every text, and spares looking for what to replace in it.
    general = f"coalesce(trim(regexp_replace(nfc_normalize({expr}), '{_BLANKS}+', ' ', 'g')), '')"
    return f"CASE WHEN regexp_full_match({expr}, '{_USUAL}+(?: {_USUAL}+)*') THEN {expr} ELSE {general} END"
