"""Every Pandera model accepts a valid row and refuses what breaks each rule it has.

A schema that checks nothing looks like one that is always met: hence data that must fail, for every model.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Collection
from decimal import Decimal

import pandas as pd
import pandera.errors
import pyarrow as pa
import pytest

from mcf_pipeline import schemas
from mcf_pipeline.contract.lines import validate
from mcf_pipeline.schemas.base import Table, describe, schema_of
from mcf_pipeline_tests.schemas.rows import EXPECTED, frame, other_key

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning")

MODELS = [pytest.param(model, expected, id=describe(model).name) for model, expected in EXPECTED.items()]
each_model = pytest.mark.parametrize(("model", "expected"), MODELS)

NEAR_MISS = {
    pa.string(): object,
    pa.int64(): pd.ArrowDtype(pa.int32()),
    pa.int32(): pd.ArrowDtype(pa.int64()),
    pa.bool_(): pd.ArrowDtype(pa.int64()),
    pa.date32(): pd.ArrowDtype(pa.timestamp("us")),
    pa.timestamp("us"): pd.ArrowDtype(pa.timestamp("s")),
    pa.decimal128(18, 2): pd.ArrowDtype(pa.float64()),
    pa.decimal128(18, 4): pd.ArrowDtype(pa.float64()),
    pa.float64(): pd.ArrowDtype(pa.decimal128(18, 4)),
}
"""A type that is nearly right: what slips in when somebody converts carelessly."""


def failures(model: type[Table], bad: pd.DataFrame, check: str) -> set[str]:
    """The columns (or names) that fail a check; nothing else may fail."""
    with pytest.raises(pandera.errors.SchemaErrors) as caught:
        validate(model, bad)
    cases = caught.value.failure_cases
    others = {str(name) for name in cases["check"] if check not in str(name)}
    assert others == set()
    named = "failure_case" if check.startswith("column_in") else "column"
    return {str(name) for name in cases[named]}


def failing_with(model: type[Table], changes: dict[str, object], check: str) -> set[str]:
    return failures(model, frame(model, EXPECTED[model].row | changes), check)


def only(columns: Collection[str], model: type[Table]) -> None:
    if not columns:
        pytest.skip(f"{describe(model).name} has no such rule")


def models_of_the_package() -> set[type[Table]]:
    found = set()
    for module in pkgutil.iter_modules(schemas.__path__):
        for value in vars(importlib.import_module(f"{schemas.__name__}.{module.name}")).values():
            if isinstance(value, type) and issubclass(value, Table) and "name" in vars(vars(value).get("Config", object)):
                found.add(value)
    return found


def test_every_model_has_its_row_here():
    assert set(EXPECTED) == models_of_the_package()


@each_model
def test_a_valid_row_passes_unchanged(model, expected):
    valid = frame(model)
    pd.testing.assert_frame_equal(validate(model, valid), valid)


@each_model
def test_the_columns_are_these_and_the_key_stands_first(model, expected):
    names = describe(model).column_names
    assert names[: len(expected.key)] == describe(model).key == tuple(expected.key)
    assert set(names) == set(expected.row)


@each_model
def test_no_row_at_all_passes(model, expected):
    assert len(validate(model, frame(model).head(0))) == 0


@each_model
def test_a_column_that_may_be_empty_passes_empty(model, expected):
    only(expected.nullable, model)
    validate(model, frame(model, expected.row | dict.fromkeys(expected.nullable)))


@each_model
def test_an_empty_cell_in_any_other_column_is_refused(model, expected):
    required = set(expected.row) - set(expected.nullable)
    assert failing_with(model, dict.fromkeys(required), "not_nullable") == required


@each_model
def test_a_type_that_is_nearly_right_is_refused_in_every_column(model, expected):
    columns = schema_of(model).columns
    bad = frame(model).astype({name: NEAR_MISS[columns[name].dtype.type.pyarrow_dtype] for name in expected.row})
    assert failures(model, bad, "dtype(") == set(expected.row)


@each_model
def test_a_missing_column_is_refused(model, expected):
    last = list(expected.row)[-1]
    assert failures(model, frame(model).drop(columns=last), "column_in_dataframe") == {last}


@each_model
def test_a_column_too_many_is_refused(model, expected):
    assert failures(model, frame(model).assign(surprise=1), "column_in_schema") == {"surprise"}


@each_model
def test_the_same_key_twice_is_refused(model, expected):
    assert failures(model, frame(model, expected.row, expected.row), "unique") >= set(expected.key)


@each_model
def test_rows_that_differ_in_any_one_column_of_the_key_pass(model, expected):
    validate(model, frame(model, expected.row, *(other_key(expected.row, column) for column in expected.key)))


@each_model
def test_less_than_nothing_is_refused(model, expected):
    only(expected.not_negative, model)
    below = {name: type(expected.row[name])(-1) for name in expected.not_negative}
    assert failing_with(model, below, "greater_than_or_equal_to(0)") == set(expected.not_negative)


@each_model
def test_nothing_is_not_less_than_nothing(model, expected):
    only(expected.not_negative, model)
    validate(model, frame(model, expected.row | {name: type(expected.row[name])(0) for name in expected.not_negative}))


@each_model
@pytest.mark.parametrize("share", [1.000001, -0.000001])
def test_a_share_beyond_its_bounds_is_refused(model, expected, share):
    only(expected.shares, model)
    assert failing_with(model, dict.fromkeys(expected.shares, share), "in_range(0, 1)") == set(expected.shares)


@each_model
@pytest.mark.parametrize("share", [0.0, 1.0])
def test_a_share_may_be_none_or_all(model, expected, share):
    only(expected.shares, model)
    validate(model, frame(model, expected.row | dict.fromkeys(expected.shares, share)))


CLOSED = [
    pytest.param(model, column, value, id=f"{describe(model).name}.{column}")
    for model, expected in EXPECTED.items()
    for column, value in expected.closed.items()
]


@pytest.mark.parametrize(("model", "column", "value"), CLOSED)
def test_a_value_outside_the_list_pattern_or_minimum_is_refused(model, column, value):
    with pytest.raises(pandera.errors.SchemaErrors) as caught:
        validate(model, frame(model, EXPECTED[model].row | {column: value}))
    cases = caught.value.failure_cases
    assert list(cases["column"].map(str) + " " + cases["failure_case"].map(str)) == [f"{column} {value}"]


@each_model
def test_every_failure_is_reported_at_once_with_its_row(model, expected):
    required = next(name for name in expected.row if name not in expected.nullable)
    rows = [other_key(expected.row, expected.key[0]), expected.row | {required: None}]
    bad = frame(model, *rows).assign(surprise=1)
    with pytest.raises(pandera.errors.SchemaErrors) as caught:
        validate(model, bad)
    cases = caught.value.failure_cases
    assert set(cases["check"]) == {"column_in_schema", "not_nullable"}
    assert list(cases.loc[cases["check"] == "not_nullable", "index"]) == [1]


def test_cents_beyond_two_decimals_do_not_fit_an_amount():
    with pytest.raises((pa.ArrowInvalid, ValueError)):
        frame(*_amount("0.001"))


def test_the_largest_amount_fits():
    validate(*_valid_amount("9999999999999999.99"))


def _amount(text: str):
    from mcf_pipeline.schemas.warehouse import FctFinancements

    return FctFinancements, EXPECTED[FctFinancements].row | {"montant": Decimal(text)}


def _valid_amount(text: str):
    model, row = _amount(text)
    return model, frame(model, row)
