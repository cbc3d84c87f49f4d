"""Parquet of other types than expected, cut, damaged or too large, through the whole intake."""

from __future__ import annotations

import datetime as dt
import io
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mcf_pipeline.archive.manifest import Manifest
from mcf_pipeline.archive.store import Archive
from mcf_pipeline.errors import ContractError
from mcf_pipeline.quarter import Quarter
from mcf_pipeline.settings import DataDir
from mcf_pipeline_tests.contract.hostile_files import LINES, ROWS, SMALL, from_file
from mcf_pipeline_tests.contract.hostile_parquet import REFUSED_PARQUET
from mcf_pipeline_tests.contract.outcomes import refused
from mcf_pipeline_tests.exports import parquet_bytes, sender

NUMBERS = {name: pa.int64() for name in ("nb_dossiers", "nb_titulaires", "nb_dossiers_a_duree_connue")}


@pytest.mark.parametrize(
    "types",
    [
        {},
        NUMBERS,
        dict.fromkeys(NUMBERS, pa.float64()),
        dict.fromkeys(NUMBERS, pa.uint8()),
        {"montant_engage": pa.decimal128(18, 2), "part_titulaire": pa.decimal128(38, 10)},
        {"prix_moyen": pa.float64(), "duree_moyenne": pa.float32()},
        {"region": pa.dictionary(pa.int8(), pa.string())},
        {"region": pa.large_string()},
    ],
    ids=str,
)
def test_parquet_of_other_types_says_the_same(tmp_path: Path, plain: Manifest, types: dict[str, pa.DataType]) -> None:
    manifest = Archive(DataDir(tmp_path), SMALL).ingest(sender(parquet_bytes(LINES, types), format="parquet")).manifest
    assert (manifest.rows, manifest.quarters) == (ROWS, plain.quarters)


@pytest.mark.parametrize("unit", ["date", "s", "us", "ns"])
def test_parquet_with_a_day_for_the_quarter_says_the_same(tmp_path: Path, plain: Manifest, unit: str) -> None:
    table = pq.read_table(io.BytesIO(parquet_bytes(LINES)))
    days = [Quarter.parse(text).first_day for text in table["trimestre"].to_pylist()]
    moments = [dt.datetime.combine(day, dt.time()) for day in days]
    column = pa.array(days) if unit == "date" else pa.array(moments, pa.timestamp(unit))
    sink = io.BytesIO()
    pq.write_table(table.set_column(0, "trimestre", column), sink)
    manifest = Archive(DataDir(tmp_path), SMALL).ingest(sender(sink.getvalue(), format="parquet")).manifest
    assert manifest.quarters == plain.quarters


@pytest.mark.parametrize("name", REFUSED_PARQUET)
def test_parquet_is_refused_and_the_archive_stays(archive: Archive, tmp_path: Path, name: str) -> None:
    make, rule, says = REFUSED_PARQUET[name]
    path = tmp_path / "export.parquet"
    path.write_bytes(make())
    assert path.stat().st_size < SMALL.max_bytes
    refused(archive, from_file(path), ContractError, rule, says)


@pytest.mark.parametrize("tenth", range(10))
def test_a_parquet_file_cut_at_every_tenth_is_refused(archive: Archive, tmp_path: Path, tenth: int) -> None:
    path, whole = tmp_path / "export.parquet", parquet_bytes(LINES)
    path.write_bytes(whole[: len(whole) * tenth // 10])
    rule = "export_vide" if tenth == 0 else "pas_un_export"
    refused(archive, from_file(path), ContractError, rule, "0 bytes" if tenth == 0 else "truncated Parquet file")
