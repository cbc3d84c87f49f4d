"""``datapackage.json`` is valid, complete and true: what it says of a file is what the file is."""

from __future__ import annotations

import hashlib
import json
import subprocess
from pathlib import Path

import pytest
from frictionless import validate

from mcf_pipeline.package import about as about_module
from mcf_pipeline.schemas.base import describe
from mcf_pipeline.warehouse.publication import PUBLIC


@pytest.fixture(scope="module")
def package(handmade):
    return json.loads((handmade.package / "datapackage.json").read_text(encoding="utf-8"))


def errors_of(report):
    return [(task.name, error.message) for task in report.tasks for error in task.errors] + list(report.errors)


def test_frictionless_finds_it_valid_with_every_row_key_and_reference(handmade):
    report = validate(str((handmade.package / "datapackage.json").resolve()))
    assert errors_of(report) == []
    assert report.valid
    assert {task.name for task in report.tasks if task.type == "table"} == {describe(model).name for model in PUBLIC}
    assert len(report.tasks) == 2 * len(PUBLIC)


@pytest.mark.parametrize(
    ("name", "old", "new", "kind"),
    [
        ("csv/fct_dossiers.csv", ";53;", ";99;", "foreign-key"),
        ("csv/mart_trimestre.csv", "2024-T2", "2024-T1", "primary-key"),
        ("parquet/dim_genre.parquet", None, None, "hash-count"),
    ],
)
def test_frictionless_sees_what_is_wrong(handmade, tmp_path, name, old, new, kind):
    import shutil

    folder = shutil.copytree(handmade.package.resolve(), tmp_path / "package")
    if old:
        (folder / name).write_text((folder / name).read_text("utf-8").replace(old, new), encoding="utf-8")
    else:
        content = bytearray((folder / name).read_bytes())
        content[len(content) // 2] ^= 1
        (folder / name).write_bytes(content)
    report = validate(str(folder / "datapackage.json"))
    assert kind in {error.type for task in report.tasks for error in task.errors}


def test_it_says_what_a_person_needs_to_cite_and_judge_it(package):
    assert package["$schema"] == "https://datapackage.org/profiles/2.0/datapackage.json"
    assert package["version"] == "2026-10-08"
    assert package["licenses"][0]["name"] == "etalab-2.0"
    assert package["sources"][0]["title"].startswith("Caisse des Dépôts")
    assert package["sources"][0]["version"] == "2026-10-08"
    assert "08/10/2026" in package["mcf:attribution"]
    assert "modifiées par mcf_pipeline" in package["mcf:attribution"]
    assert package["mcf:temporalCoverage"] == "2024-01-01/2025-03-31"
    assert package["mcf:isSynthetic"] is False
    assert package["created"].endswith("Z")


def test_bytes_and_hashes_are_those_of_the_files(handmade, package):
    for resource in package["resources"]:
        content = (handmade.package / resource["path"]).read_bytes()
        assert resource["bytes"] == len(content)
        assert resource["hash"] == f"sha256:{hashlib.sha256(content).hexdigest()}"


def test_every_file_is_described_and_every_description_has_its_file(handmade, package):
    folder = handmade.package.resolve()
    files = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    described = {resource["path"] for resource in package["resources"]}
    assert files == described | {"datapackage.json", "dcat.jsonld", "LISEZMOI.txt"}


def test_every_field_is_described_and_keys_and_references_stand_there(package):
    resources = {resource["name"]: resource for resource in package["resources"]}
    for model in PUBLIC:
        spec = describe(model)
        schema = resources[spec.name]["schema"]
        assert [field["name"] for field in schema["fields"]] == list(spec.column_names)
        assert all(field["description"] for field in schema["fields"])
        assert schema.get("primaryKey") == list(spec.key) or schema.get("uniqueKeys") == [list(spec.key)]
        pointed = {(key["fields"][0], key["reference"]["resource"]) for key in schema.get("foreignKeys", [])}
        assert pointed == {(column.name, column.references) for column in spec.columns if column.references}
    quarters = resources["fct_dossiers_historique"]["schema"]["foreignKeys"]
    assert {"fields": ["valide_depuis"], "reference": {"resource": "dim_release", "fields": ["release_id"]}} in quarters
    constraint = resources["mart_trimestre"]["schema"]["fields"]
    shares = next(field for field in constraint if field["name"] == "part_femmes")
    assert shares["constraints"] == {"minimum": 0, "maximum": 1}


def test_the_commit_is_the_checkouts(package):
    checkout = Path(about_module.__file__).resolve().parents[2]
    if not (checkout / ".git").exists():
        pytest.skip("not a git checkout")
    done = subprocess.run(
        ["git", "-C", str(checkout), "cat-file", "-t", package["mcf:code"]["commit"]],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.strip() == "commit"


def test_without_git_the_version_is_said(monkeypatch):
    monkeypatch.setattr(about_module, "_git", lambda *_: (_ for _ in ()).throw(FileNotFoundError("git")))
    told = about_module.code()
    assert "commit" not in told
    assert told["version"]


def test_synthetic_data_is_labelled_everywhere(synthetic):
    folder = synthetic.package.resolve()
    package = json.loads((folder / "datapackage.json").read_text(encoding="utf-8"))
    dcat = json.loads((folder / "dcat.jsonld").read_text(encoding="utf-8"))
    assert package["mcf:isSynthetic"] is True
    assert "SYNTHÉTIQUES" in package["title"]
    assert package["description"].startswith("DONNÉES SYNTHÉTIQUES")
    assert "SYNTHÉTIQUES" in dcat["dcat:dataset"]["dct:title"]["@value"]
    assert all("SYNTHÉTIQUES" in d["dct:description"]["@value"] for d in dcat["dcat:dataset"]["dcat:distribution"])
    assert "Caisse" not in package["sources"][0]["title"]
    assert (folder / "LISEZMOI.txt").read_text(encoding="utf-8").startswith("DONNÉES SYNTHÉTIQUES")
    tables = [path for path in folder.rglob("*.*") if path.suffix in (".csv", ".parquet")]
    assert len(tables) == 2 * len(PUBLIC)
    assert all("-synthetique" in path.name for path in tables)
    assert validate(str(folder / "datapackage.json")).valid
