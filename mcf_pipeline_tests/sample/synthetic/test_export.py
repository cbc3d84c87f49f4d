import csv
import hashlib
import subprocess
import sys

import pytest

from mcf_pipeline.files import sha256_of
from mcf_pipeline.sample.synthetic import FIELDS, SCHEMA, SyntheticRelease
from mcf_pipeline.sample.synthetic.export import region_names

HEADER = (
    "date_chargement;trimestre;region;genre;classe_age;situation;statut_dossier;nb_dossiers;nb_titulaires;"
    "prix_moyen;nb_dossiers_a_duree_connue;duree_moyenne;montant_engage;part_france_competences;"
    "nb_dossiers_finances_par_titulaires;part_titulaire;nb_dossiers_finances_par_etat;part_etat;"
    "nb_dossiers_finances_par_pole_emploi;part_pole_emploi;nb_dossiers_finances_par_regions;part_region;"
    "nb_dossiers_finances_par_opco;part_opco;nb_dossiers_finances_par_entreprises;part_entreprise;"
    "nb_dossiers_finances_par_cec;part_cec;donnees_synthetiques"
)


@pytest.fixture(scope="module")
def release():
    return SyntheticRelease(scale=0.05)


@pytest.fixture(scope="module")
def file(release, tmp_path_factory):
    path = tmp_path_factory.mktemp("export") / release.file_name
    assert release.write_csv(path) == release.table().num_rows
    return path


def test_bytes_are_those_of_a_portal(file):
    content = file.read_bytes()
    assert content.startswith(b"\xef\xbb\xbf" + HEADER.encode() + b"\r\n")
    assert content.endswith(b";oui\r\n")
    assert content.count(b"\n") == content.count(b"\r\n") == content.count(b"\r")
    assert b'"' not in content


def test_fields_say_what_the_table_says(file, release):
    with file.open(encoding="utf-8-sig", newline="") as lines:
        read = list(csv.reader(lines, delimiter=";"))
    assert read[0] == SCHEMA.names == [field.name for field in FIELDS]
    for fields, row in zip(read[1:], release.table().to_pylist(), strict=True):
        assert fields == ["" if value is None else str(value) for value in row.values()]


def test_every_line_says_that_it_is_synthetic(release):
    assert set(release.table()["donnees_synthetiques"].to_pylist()) == {"oui"}


def test_not_given_is_written_in_one_way_per_dimension():
    table = SyntheticRelease().table()
    values = {name: set(table[name].to_pylist()) for name in ("region", "genre", "classe_age", "situation")}
    assert len(values["region"]) == 19
    assert values["genre"] == {"Femme", "Homme", "-1"}
    assert len(values["classe_age"]) == 4
    assert len(values["situation"]) == 8
    assert {name for name, found in values.items() if None in found} == {"situation"}
    assert {name for name, found in values.items() if "-1" in found} == {"region", "genre"}


def test_another_process_writes_the_same_bytes_without_heavy_modules(file, release, tmp_path):
    copy = tmp_path / "copy.csv"
    code = (
        "import sys\n"
        "from pathlib import Path\n"
        "from mcf_pipeline.sample.synthetic import SyntheticRelease\n"
        f"SyntheticRelease(scale=0.05).write_csv(Path({str(copy)!r}))\n"
        "assert not {'pandas', 'dagster', 'pandera', 'duckdb'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, env={"PYTHONHASHSEED": "7"}, capture_output=True)
    assert sha256_of(copy) == hashlib.sha256(file.read_bytes()).hexdigest()


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path, release):
    path = tmp_path / release.file_name
    path.write_text("old")

    def full(done, total):
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        release.write_csv(path, full)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_made_up_regions_never_repeat():
    names = [name for copy in range(100) for name in region_names(copy)]
    assert len(set(names)) == len(names) == 1900
