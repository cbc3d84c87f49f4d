"""Every Pandera model accepts valid rows and refuses what breaks each rule it has.

A schema that checks nothing looks like one that is always met: hence data that must fail, for every model.
Validation reports every failure at once, so each model is validated once per kind of bad frame.
"""

from __future__ import annotations

import importlib
import pkgutil
from decimal import Decimal
from functools import cache

import pandas as pd
import pandera.errors
import pyarrow as pa
import pytest

from mcf_pipeline import schemas
from mcf_pipeline.contract.lines import validate
from mcf_pipeline.schemas.base import Table, describe, schema_of
from mcf_pipeline.schemas.former import FORMER
from mcf_pipeline.schemas.warehouse import FctFinancements
from mcf_pipeline_tests.schemas.rows import EXPECTED, Row, frame, other_key


def models_with(rule: str = "row") -> pytest.MarkDecorator:
    """Every model, or those that have a rule of this kind."""
    return pytest.mark.parametrize(
        ("model", "expected"),
        [
            pytest.param(model, expected, id=describe(model).name)
            for model, expected in EXPECTED.items()
            if getattr(expected, rule)
        ],
    )


NEAR_MISS = {
    pa.string(): object,
    pa.int64(): pd.ArrowDtype(pa.int32()),
    pa.int32(): pd.ArrowDtype(pa.int64()),
    pa.bool_(): pd.ArrowDtype(pa.int64()),
    pa.date32(): pd.ArrowDtype(pa.timestamp("us")),
    pa.timestamp("us"): pd.ArrowDtype(pa.timestamp("s")),
    pa.decimal128(18, 2): pd.ArrowDtype(pa.float64()),
    pa.decimal128(18, 4): pd.ArrowDtype(pa.float64()),
    pa.decimal128(28, 4): pd.ArrowDtype(pa.decimal128(18, 4)),
    pa.float64(): pd.ArrowDtype(pa.decimal128(18, 4)),
}
"""A type that is nearly right: what slips in when somebody converts carelessly."""


def failure_cases(model: type[Table], bad: pd.DataFrame) -> pd.DataFrame:
    with pytest.raises(pandera.errors.SchemaErrors) as caught:
        validate(model, bad)
    return caught.value.failure_cases


def numbered(model: type[Table], rows: list[Row]) -> list[Row]:
    """The rows, each with another key, as far as its key is not what is broken."""
    key = EXPECTED[model].key[0]
    found, free = [], EXPECTED[model].row
    for row in rows:
        free = other_key(free, key)
        broken = row[key] != EXPECTED[model].row[key]
        found.append(row if broken else row | {key: free[key]})
    return found


@cache
def misshapen(model: type[Table]) -> pd.DataFrame:
    """What is reported of a frame with one column missing, one too many, and each other one of a wrong type."""
    types = {name: schema_of(model).columns[name].dtype.type.pyarrow_dtype for name in EXPECTED[model].row}
    bad = frame(model).astype({name: NEAR_MISS[found] for name, found in types.items()})
    return failure_cases(model, bad.drop(columns=missing_column(model)).assign(surprise=1))


def missing_column(model: type[Table]) -> str:
    """A column that is no part of the key; without one of those, a key says nothing."""
    return next(name for name in EXPECTED[model].row if name not in EXPECTED[model].key)


BROKEN = ("twin", "twin", "empty", "negative", "above", "below", "closed")


@cache
def broken(model: type[Table]) -> dict[str, set[tuple[str, str]]]:
    """What is reported of rows that break one kind of rule each, in every column that has it."""
    expected = EXPECTED[model]
    row = expected.row
    broken_rows = [
        row | dict.fromkeys(set(row) - set(expected.nullable)),
        row | {name: type(row[name])(-1) for name in expected.not_negative},
        row | dict.fromkeys(expected.shares, 1.000001),
        row | dict.fromkeys(expected.shares, -0.000001),
        row | dict(expected.closed),
    ]
    cases = failure_cases(model, frame(model, row, row, *numbered(model, broken_rows)))
    found: dict[str, set[tuple[str, str]]] = {kind: set() for kind in BROKEN}
    for case in cases.itertuples():
        found[BROKEN[int(case.index)]].add((str(case.column), str(case.check)))
    return found


def in_each(columns, check: str) -> set[tuple[str, str]]:
    return {(name, check) for name in columns}


def models_of_the_package() -> set[type[Table]]:
    found = set()
    for module in pkgutil.iter_modules(schemas.__path__):
        for value in vars(importlib.import_module(f"{schemas.__name__}.{module.name}")).values():
            if isinstance(value, type) and issubclass(value, Table) and getattr(value.Config, "description", None):
                found.add(value)
    return found


def test_every_model_has_its_row_here():
    # The models of the former names are made from the marts', and stand in no module under a name of theirs.
    assert set(EXPECTED) == models_of_the_package() | set(FORMER)


@models_with()
def test_the_columns_are_these_and_the_key_stands_first(model, expected):
    names = describe(model).column_names
    assert names[: len(expected.key)] == describe(model).key == tuple(expected.key)
    assert set(names) == set(expected.row)


@models_with()
def test_valid_rows_pass_unchanged(model, expected):
    """Empty where that is allowed, zero, a share of none or all, and keys that differ in one column only."""
    row = expected.row
    zero = {name: type(row[name])(0) for name in expected.not_negative}
    limits = [
        row | dict.fromkeys(expected.nullable),
        row | zero,
        row | dict.fromkeys(expected.shares, 0.0),
        row | dict.fromkeys(expected.shares, 1.0),
    ]
    keys = [row, *(other_key(row, column) for column in expected.key[1:])]
    valid = frame(model, *keys, *numbered(model, limits))
    pd.testing.assert_frame_equal(validate(model, valid), valid)


@models_with()
def test_a_type_that_is_nearly_right_is_refused_in_every_column(model, expected):
    cases = misshapen(model)
    wrong = cases[cases["check"].str.startswith("dtype(")]
    assert set(wrong["column"]) == set(expected.row) - {missing_column(model)}


@models_with()
def test_a_missing_column_is_refused(model, expected):
    cases = misshapen(model)
    assert list(cases.loc[cases["check"] == "column_in_dataframe", "failure_case"]) == [missing_column(model)]


@models_with()
def test_a_column_too_many_is_refused(model, expected):
    cases = misshapen(model)
    assert list(cases.loc[cases["check"] == "column_in_schema", "failure_case"]) == ["surprise"]


@models_with()
def test_an_empty_cell_is_refused_in_every_column_that_must_be_filled(model, expected):
    assert broken(model)["empty"] == in_each(set(expected.row) - set(expected.nullable), "not_nullable")


@models_with()
def test_the_same_key_twice_is_refused(model, expected):
    assert {column for column, check in broken(model)["twin"] if "unique" in check} >= set(expected.key)


@models_with("not_negative")
def test_less_than_nothing_is_refused(model, expected):
    found = broken(model)["negative"]
    assert found == in_each(expected.not_negative, "greater_than_or_equal_to(0)")


@models_with("shares")
@pytest.mark.parametrize("side", ["above", "below"])
def test_a_share_beyond_its_bounds_is_refused(model, expected, side):
    assert broken(model)[side] == in_each(expected.shares, "in_range(0, 1)")


@models_with("closed")
def test_a_value_outside_the_list_pattern_or_range_is_refused(model, expected):
    assert {column for column, _ in broken(model)["closed"]} == set(expected.closed)


@pytest.mark.parametrize("text", ["0.001", "99999999999999999.00"])
def test_an_amount_that_does_not_fit_is_never_rounded(text):
    with pytest.raises(pa.ArrowInvalid):
        frame(FctFinancements, EXPECTED[FctFinancements].row | {"montant": Decimal(text)})


def test_the_largest_amount_is_kept_to_the_cent():
    largest = Decimal("9999999999999999.99")
    row = EXPECTED[FctFinancements].row | {"montant": largest}
    assert validate(FctFinancements, frame(FctFinancements, row))["montant"][0] == largest
