"""DuckDB's results, names and literals."""

from __future__ import annotations

from decimal import Decimal

import duckdb
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mcf_pipeline.duck import literal, one, quoted, to_frame

CON = duckdb.connect()
TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=30)


@settings(deadline=None)
@given(TEXTS)
def test_any_text_is_a_literal_of_itself(text):
    assert one(CON, f"SELECT {literal(text)}") == (text,)


@settings(deadline=None)
@given(TEXTS.filter(bool))
def test_any_text_is_a_name_of_itself(text):
    assert CON.execute(f"SELECT 1 AS {quoted(text)}").description[0][0] == text


@pytest.mark.parametrize("query", ["SELECT 1 WHERE false", "SELECT unnest([1, 2])"])
def test_one_row_means_one_row(query):
    with pytest.raises(ValueError, match="values to unpack"):
        one(CON, query)


def test_a_frame_keeps_decimals_and_nulls():
    frame = to_frame(CON, "SELECT $a::DECIMAL(18,2) AS montant, NULL::BIGINT AS n", {"a": "0.10"})
    assert frame["montant"].dtype == pd.ArrowDtype(pa.decimal128(18, 2))
    assert frame["montant"][0] == Decimal("0.10")
    assert frame["n"].dtype == pd.ArrowDtype(pa.int64())
    assert frame["n"].isna().all()
