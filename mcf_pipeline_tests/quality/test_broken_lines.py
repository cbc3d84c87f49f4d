"""What lines contradict is counted for the command line: rule by rule, over all files."""

import random

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mcf_pipeline.commands.status import describe_broken_rule
from mcf_pipeline.duck import scratch
from mcf_pipeline.quality.lines import LINE_RULES, broken_lines
from mcf_pipeline_tests.contract.looking import look
from mcf_pipeline_tests.contract.made_up import Style, release


def staged(tmp_path, lines):
    found = look(lines)
    assert found.lines is not None, found.problems
    path = tmp_path / f"{len(list(tmp_path.iterdir()))}.parquet"
    pq.write_table(pa.Table.from_pandas(found.lines.usagers, preserve_index=False), path)
    return path


@pytest.fixture
def count():
    def counted(*paths):
        with scratch() as con:
            return {rule: (broken, judged) for rule, broken, judged in broken_lines(con, paths)}

    return counted


def test_only_what_is_broken_is_told(tmp_path, count):
    lines = [line for line in release(random.Random(1), Style(masks=1.0)) if line["nb_dossiers"]]
    good = [line for line in lines if int(line["nb_titulaires"]) >= 5]
    assert count(staged(tmp_path, good)) == {}
    good[0]["montant_engage"] = "1"
    good[1]["nb_titulaires"] = str(int(good[1]["nb_dossiers"]) + 1)
    path = staged(tmp_path, good)
    found = count(path)
    assert {rule: broken for rule, (broken, _) in found.items()} == {
        "ecart_parts_montant": 1,
        "ecart_prix_montant": 1,
        "titulaires_superieurs_aux_dossiers": 1,
    }
    assert found["ecart_prix_montant"][1] == len(good)
    assert count(path, path)["ecart_prix_montant"] == (2, 2 * len(good))


def test_no_file_is_nothing_to_tell(count):
    assert count() == {}


def test_each_rule_is_told_in_a_line():
    for rule in LINE_RULES:
        line = describe_broken_rule(rule.name, 3, 1_000)
        assert line.startswith("3 of 1,000 lines: ")
        assert rule.name in line
        assert "\n" not in line
