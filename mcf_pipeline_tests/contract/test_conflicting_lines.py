"""Lines of one key with different figures refuse the release; lines that repeat each other do not."""

from __future__ import annotations

from collections.abc import Sequence

import duckdb
import pytest

from mcf_pipeline.archive.split import split
from mcf_pipeline.contract.recognition import fields_of, recognise
from mcf_pipeline.contract.release import refuse_suspect
from mcf_pipeline.contract.source_map import SourceMap
from mcf_pipeline.errors import ContractError
from mcf_pipeline.reading.export import read_export
from mcf_pipeline.settings import Limits
from mcf_pipeline_tests.exports import TODAY, Line, csv_bytes, lean


def refuse(folder, lines: Sequence[Line], **source_map) -> None:
    """What taking an export in does to find lines that contradict each other."""
    path = folder / "export.csv"
    path.write_bytes(csv_bytes(lines))
    with duckdb.connect(config={"threads": 1}) as con:
        export = read_export(con, path, "csv", Limits())
        overrides = SourceMap(**source_map)
        recognition = recognise(fields_of(export.columns, ()), overrides)
        split(con, recognition, TODAY.date(), lambda _: refuse_suspect(con, recognition, overrides))


OTHERS = [lean(region=f"R{i}") for i in range(3)]


@pytest.mark.parametrize(
    ("lines", "numbers"),
    [
        ([lean(), *OTHERS, lean(nb_dossiers="11")], "2 and 6"),
        ([lean(), lean(part_etat="")], "2 and 3"),
        ([lean(genre="Femme"), lean(genre="F", montant_engage="1")], "2 and 3"),
        ([lean(), lean(nb_dossiers="11"), lean()], "[23] and [34]"),
    ],
    ids=["a count", "a part", "another spelling of the key", "the first said again"],
)
def test_lines_of_one_key_that_say_different_things_refuse_the_release(tmp_path, lines, numbers):
    with pytest.raises(ContractError, match=rf"lines {numbers} have the same quarter") as caught:
        refuse(tmp_path, lines)
    assert caught.value.rule == "doublons_en_conflit"
    assert "2024-T1, 53, femme, 25_a_39_ans, employes, valide" in str(caught.value)


def test_lines_that_do_not_contradict_each_other_pass(tmp_path):
    """The same line again, another spelling of its figures, another quarter, status, or text that nobody reads."""
    same = [lean(), lean()]
    spelled = [lean(genre="Homme", nb_dossiers="1200"), lean(genre="Homme", nb_dossiers="1 200,0")]
    other_keys = [lean("2024-T2", nb_dossiers="11"), lean(statut_dossier="Rejeté", nb_dossiers="11")]
    remarks = [lean(region="Corse", commentaire="a"), lean(region="Corse", commentaire="b")]
    refuse(tmp_path, [*same, *spelled, *other_keys, *remarks])


def test_modalities_that_an_override_makes_one_can_contradict_each_other(tmp_path):
    with pytest.raises(ContractError, match="MCF_SOURCE_MAP can tell them apart"):
        refuse(tmp_path, [lean(), lean(genre="X", nb_dossiers="1")], modalities={"genre": {"X": "femme"}})
