"""Quarters in all their forms; numbers read by DuckDB agree with Python's Decimal."""

from __future__ import annotations

import datetime as dt
import unicodedata
from decimal import ROUND_HALF_UP, Context, Decimal

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mcf_pipeline.contract.parsing import (
    canonical_number_sql,
    canonical_text_sql,
    decimal_sql,
    integer_sql,
    is_empty_sql,
    parse_quarter,
    quarter_from_pair,
    quarter_problem,
)
from mcf_pipeline.quarter import Quarter
from mcf_pipeline_tests.contract.hostile import HOSTILE

CONNECTION = duckdb.connect()


def ask(expression, value):
    row = CONNECTION.execute(f"SELECT {expression} FROM (SELECT ?::VARCHAR AS x)", [value]).fetchone()
    return row[0]


def integer(value):
    return ask(integer_sql("x"), value)


def decimal(value, precision=18, scale=2, **options):
    return ask(decimal_sql("x", precision, scale, **options), value)


# --- Quarters ---


@pytest.mark.parametrize(
    "text",
    [
        "2020T3",
        "2020-T3",
        "2020 T3",
        "2020_T3",
        "2020t3",
        "T3 2020",
        "T3-2020",
        "T3/2020",
        "2020_3",
        "2020-3",
        "2020/3",
        "2020Q3",
        "Q3 2020",
        "20203",
        "2020-07-01",
        "2020-07-01T00:00:00",
        "2020-07-01T00:00:00+00:00",
        "2020-07-01 00:00:00",
        "2020-06-30T22:00:00+00:00",
        "2020-06-30T22:00:00Z",
        "01/07/2020",
        "3e trimestre 2020",
        "3ème trimestre 2020",
        "3ᵉ trimestre 2020",
        "3e trim. 2020",
        "3e trimestre de 2020",
        "troisième trimestre 2020",
        "TROISIEME TRIMESTRE 2020",
        "Trimestre 3 2020",
        "Trimestre 3 - 2020",
        "2020 - 3e trimestre",
        "2020 troisième trimestre",
        "3T2020",
        "\ufeff 2020\u00a0T3 ",
        "2020\u2011T3",
        "２０２０Ｔ３",
    ],
)
def test_every_form_of_a_quarter(text):
    assert parse_quarter(text) == Quarter(2020, 3)


@pytest.mark.parametrize("text", ["1er trimestre 2020", "1er trim. 2020", "premier trimestre 2020", "2020T1", "20201"])
def test_first_quarter(text):
    assert parse_quarter(text) == Quarter(2020, 1)


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "2020",
        "2020T5",
        "2020T0",
        "T1",
        "20T1",
        "2020-04",  # April, or the fourth quarter
        "202004",
        "2020-02-01",
        "2020-07-02",
        "2020-06-30",
        "2020-06-30T21:00:00+00:00",
        "2020-13-01",
        "9999-12-31T23:00:00Z",
        "0000-01-01",
        "01/02/2020",
        "-1",
        "2020T11",
        "٢٠٢٠T3",
        *HOSTILE,
    ],
)
def test_what_is_no_quarter(text):
    assert parse_quarter(text) is None


@given(st.text())
@settings(deadline=None)
def test_any_text_is_a_quarter_or_none(text):
    parse_quarter(text)
    quarter_from_pair(text, text)


@given(st.integers(2020, 2099), st.integers(1, 4))
@settings(deadline=None)
def test_our_own_forms_read_back(year, number):
    quarter = Quarter(year, number)
    for text in (quarter.id, quarter.label, quarter.partition_key):
        assert parse_quarter(text) == quarter


@pytest.mark.parametrize(
    "number", ["3", "03", "3.0", "T3", "t3", "Q3", "3e trimestre", "Trimestre 3", "2020-T3", " 3 "]
)
def test_year_and_number(number):
    assert quarter_from_pair("2020", number) == Quarter(2020, 3)
    assert quarter_from_pair("2020.0", number) == Quarter(2020, 3)


@pytest.mark.parametrize(
    ("year", "number"),
    [("2020", "5"), ("2020", "2021-T3"), ("20", "3"), (None, "3"), ("2020", None), ("x", "3")],
)
def test_pairs_that_say_no_quarter(year, number):
    assert quarter_from_pair(year, number) is None


def test_a_quarter_that_cannot_be_is_said_why():
    today = dt.date(2026, 10, 8)
    assert quarter_problem(Quarter(2020, 1), today) is None
    assert quarter_problem(Quarter(2026, 4), today) is None
    assert "before 2020-T1" in quarter_problem(Quarter(2019, 4), today)
    assert "after 2026-T4" in quarter_problem(Quarter(2027, 1), today)


# --- Numbers ---


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1234", 1234),
        (" 1234 ", 1234),
        ("1 234", 1234),
        ("1\u00a0234", 1234),
        ("1\u202f234\u202f567", 1234567),
        ("1\u2009234", 1234),
        ("+5", 5),
        ("-5", -5),
        ("0", 0),
        ("-0", 0),
        ("007", 7),
        ("1234.0", 1234),
        ("1234,00", 1234),
        ("9223372036854775807", 2**63 - 1),
        ("-9223372036854775808", -(2**63)),
        ("9223372036854775808", None),
        ("1234.5", None),
        ("1,234", None),
        ("12 34", None),
        ("1234 567", None),
        ("1e3", 1000),
        ("1_000", None),
        ("0x10", None),
        ("NaN", None),
        ("inf", None),
        ("1e999", None),
        ("- 5", None),
        ("5-", None),
        ("5.", None),
        ("٣", None),
        ("12 €", None),
        ("NA", None),
        ("", None),
        ("  ", None),
        (None, None),
    ],
)
def test_integers(text, expected):
    assert integer(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1234", "1234.00"),
        ("1234.5", "1234.50"),
        ("1 234,5", "1234.50"),
        ("1\u202f234,56", "1234.56"),
        ("-0,5", "-0.50"),
        (".5", "0.50"),
        ("1.005", "1.01"),
        ("-1.005", "-1.01"),
        ("1.00499999999999999999999999999999999999999999999", "1.00"),
        ("9999999999999999.99", "9999999999999999.99"),
        ("9999999999999999.995", None),
        ("99999999999999999", None),
        ("1,234,567", None),
        ("1.234,5", None),
        ("1,234.5", None),
        ("1 23,5", None),
        ("NaN", None),
        ("Infinity", None),
        ("1e2", Decimal("100.00")),
        ("", None),
        (None, None),
    ],
)
def test_decimals(text, expected):
    assert decimal(text) == (None if expected is None else Decimal(expected))


@pytest.mark.parametrize(
    ("text", "factor", "expected"),
    [
        ("12345", Decimal("0.01"), "123.45"),
        ("1,23456", Decimal(1000), "1234.56"),
        ("2.260000015", Decimal(1_000_000), "2260000.02"),
        ("90", Decimal(1) / Decimal(60), "1.50"),
        ("3660", Decimal(1) / Decimal(60), "61.00"),
        ("99999999999999", Decimal(1000), None),
    ],
)
def test_other_units(text, factor, expected):
    assert decimal(text, factor=factor) == (None if expected is None else Decimal(expected))


def test_text_is_no_float_on_the_way():
    kind = CONNECTION.execute(f"SELECT typeof({decimal_sql('x', 18, 2)}) FROM (SELECT '1' AS x)").fetchone()
    assert kind == ("DECIMAL(18,2)",)


NUMBERS = st.decimals(-(10**12), 10**12, allow_nan=False, allow_infinity=False, places=5)
SPACES = st.sampled_from([" ", "\u00a0", "\u202f", "\u2009"])


@given(NUMBERS, SPACES, st.sampled_from([".", ","]), st.booleans(), st.integers(0, 4))
@settings(deadline=None)
def test_decimals_agree_with_python(number, space, point, grouped, scale):
    text = f"{number:,f}" if grouped else f"{number:f}"
    text = text.replace(",", space).replace(".", point)
    expected = number.quantize(Decimal(1).scaleb(-scale), ROUND_HALF_UP)
    assert decimal(text, 18, scale) == expected


@given(st.integers(-(2**63), 2**63 - 1), SPACES, st.sampled_from(["", ".0", ",00"]))
@settings(deadline=None)
def test_integers_agree_with_python(number, space, tail):
    assert integer(f"{number}{tail}") == number
    assert integer(f"{number:,}".replace(",", space) + tail) == number


@given(NUMBERS, SPACES, st.integers(0, 3), st.integers(0, 3))
@settings(deadline=None, max_examples=40)
def test_two_spellings_of_one_number_are_one(number, space, zeros, leading):
    plain = f"{number:f}"
    sign = "-" if plain.startswith("-") else ""
    spellings = [
        plain,
        f" {plain}{'0' * zeros} ",
        f"{number:,f}".replace(",", space).replace(".", ","),
        f"{sign}{'0' * leading}{plain.removeprefix('-')}",
    ]
    canonical = {ask(canonical_number_sql("x"), text) for text in spellings}
    assert len(canonical) == 1
    assert Decimal(canonical.pop()) == number


@given(NUMBERS, NUMBERS)
@settings(deadline=None, max_examples=40)
def test_two_numbers_are_two(a, b):
    same = ask(canonical_number_sql("x"), f"{a:f}") == ask(canonical_number_sql("x"), f"{b:f}")
    assert same == (a == b)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1 234,50", "1234.5"),
        ("-0,00", "0"),
        ("-0.00", "0"),
        ("-.5", "-0.5"),
        ("+007", "7"),
        ("100", "100"),
        ("100.00", "100"),
        (None, ""),
        ("", ""),
        (" \u00a0", ""),
        ("NaN", ""),
        ("1,234,567", "1,234,567"),
    ],
)
def test_canonical_numbers(text, expected):
    assert ask(canonical_number_sql("x"), text) == expected


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"])))
@settings(deadline=None)
def test_any_text_is_read_or_refused_without_error(text):
    integer(text)
    decimal(text)
    ask(canonical_number_sql("x"), text)
    ask(is_empty_sql("x"), text)


@given(st.text(alphabet="0123456789.,-+ eExX_'\u00a0\u202fNaif"))
@settings(deadline=None)
def test_number_like_texts_are_read_right_or_not_at_all(text):
    found = decimal(text, 38, 10)
    if found is not None:
        bare = text.strip(" \u00a0").translate(dict.fromkeys(map(ord, " \u00a0\u202f"))).replace(",", ".")
        exact = Context(prec=60, rounding=ROUND_HALF_UP)
        assert found == Decimal(bare).quantize(Decimal(1).scaleb(-10), context=exact)


@pytest.mark.parametrize("text", [h for h in HOSTILE if "\ud800" not in h])
def test_hostile_texts_are_no_numbers(text):
    assert integer(text) is None
    assert decimal(text) is None
    assert ask(canonical_number_sql("x"), text) == text


@pytest.mark.parametrize(
    ("text", "empty"), [(None, True), ("", True), (" \t\u00a0\u202f", True), ("0", False), ("NA", False)]
)
def test_empty_is_empty_and_zero_is_not(text, empty):
    assert ask(is_empty_sql("x"), text) is empty


def test_canonical_texts():
    for text in ("Île  de\u00a0France", " Île de France ", unicodedata.normalize("NFD", "Île de\tFrance")):
        assert ask(canonical_text_sql("x"), text) == "Île de France"
    assert ask(canonical_text_sql("x"), None) == ""
