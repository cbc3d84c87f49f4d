"""``doctor`` and ``run`` understand a file by one function: what one of them refuses, the other does."""

from __future__ import annotations

import pytest

from mcf_pipeline_tests.commands.terminal import mcf_here
from mcf_pipeline_tests.exports import csv_bytes, lean_quarter, line, parquet_bytes, quarter_lines

GOOD = [*lean_quarter("2024-T1"), *lean_quarter("2024-T2")]
BAD_FIGURES = [*quarter_lines("2024-T1"), line("2024-T2", prix_moyen="cher")]


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        pytest.param("a.csv", csv_bytes(GOOD), None, id="a good file"),
        pytest.param("a.parquet", parquet_bytes(GOOD), None, id="a good file in Parquet"),
        pytest.param("a.csv", csv_bytes([*GOOD, GOOD[0]]), "2024-T1", id="too many lines twice"),
        pytest.param("a.csv", csv_bytes(BAD_FIGURES), "2024-T2", id="too many figures that are none"),
        pytest.param("a.csv", csv_bytes([*GOOD, GOOD[0] | {"nb_dossiers": "9"}]), "lines 2 and 12", id="a conflict"),
        pytest.param("a.csv", csv_bytes(GOOD)[:-20], "the last record has", id="cut"),
        pytest.param("a.csv", csv_bytes([entry | {"trimestre": "x"} for entry in GOOD]), "quarter", id="no quarter"),
    ],
)
def test_they_accept_and_refuse_alike(tmp_path, name, content, said):
    (tmp_path / name).write_bytes(content)
    looked = mcf_here("doctor", "--source", tmp_path / name)
    ran = mcf_here("run", "--source", tmp_path / name, "--data-dir", tmp_path / "data")
    assert looked.code == ran.code == (4 if said else 0), (looked.err, ran.err)
    assert looked.out.splitlines()[-1] == ("not ready" if said else "ready")
    if said:
        assert said in looked.out + looked.err
        assert said in ran.err
