"""``datapackage.json`` is complete and true: it says what a reader needs, of the package and of each file.

Whether the files are as it says is asked in `test_validation`.
"""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest

from mcf_pipeline.package import about as about_module
from mcf_pipeline.schemas.base import describe
from mcf_pipeline.warehouse.assembly import IN_CLEAR, PUBLIC

PACKAGED = (*PUBLIC, *IN_CLEAR)
"""The tables and views of the package."""


@pytest.fixture(scope="module")
def package(handmade):
    return json.loads((handmade.package / "datapackage.json").read_text(encoding="utf-8"))


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


def test_nothing_that_the_standard_knows_of_a_package_is_missing(package):
    told = {"$schema", "name", "title", "description", "version", "created", "keywords", "licenses", "sources"}
    assert [name for name in sorted(told | {"contributors", "resources"}) if not package.get(name)] == []
    assert re.fullmatch(r"[a-z0-9.-]+", package["name"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", package["created"])
    for licence in package["licenses"]:
        assert {"name", "path", "title"} == set(licence)
    assert {role for maker in package["contributors"] for role in maker["roles"]} == {"creator", "wrangler"}


def test_nothing_that_the_standard_knows_of_a_file_is_missing(package):
    told = {"name", "title", "description", "path", "format", "mediatype", "bytes", "hash", "schema"}
    names = [resource["name"] for resource in package["resources"]]
    assert len(names) == len({*names}) == 2 * len(PACKAGED)
    for resource in package["resources"]:
        wanted = told if resource["name"].endswith(".parquet") else told | {"type", "encoding", "dialect"}
        assert [name for name in sorted(wanted) if not resource.get(name)] == [], resource["name"]
        assert re.fullmatch(r"[a-z0-9._-]+", resource["name"])
        assert not Path(resource["path"]).is_absolute()
        assert ".." not in Path(resource["path"]).parts
        assert resource["schema"]["missingValues"] == [""]
        assert all({"name", "type", "description"} <= set(field) for field in resource["schema"]["fields"])
        if "dialect" in resource:
            assert resource["encoding"] == "utf-8"
            assert {"delimiter": ";", "quoteChar": '"', "doubleQuote": True, "header": True}.items() <= (
                resource["dialect"].items()
            )


def test_what_is_gzipped_says_so(package):
    for resource in package["resources"]:
        assert (resource.get("compression") == "gz") == resource["path"].endswith(".gz")
        assert ("gzip" in resource["title"]) == resource["path"].endswith(".gz")


def test_every_file_is_described_and_every_description_has_its_file(handmade, package):
    folder = handmade.package.resolve()
    files = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    # A second copy of the views for spreadsheets, which no program reads.
    sheets = {path for path in files if path.startswith("tableur/")}
    assert {f"tableur/{describe(view).name}.csv" for view in IN_CLEAR} <= sheets
    files -= sheets
    described = {resource["path"] for resource in package["resources"]}
    assert files == described | {"datapackage.json", "dcat.jsonld", "LISEZMOI.txt", "publications.atom"}


def test_every_field_is_described_and_keys_and_references_stand_there(package):
    resources = {resource["name"]: resource for resource in package["resources"]}
    for model in PACKAGED:
        spec = describe(model)
        schema = resources[spec.name]["schema"]
        assert [field["name"] for field in schema["fields"]] == list(spec.column_names)
        assert all(field["description"] for field in schema["fields"])
        assert schema.get("primaryKey") == list(spec.key) or schema.get("uniqueKeys") == [list(spec.key)]
        pointed = {(key["fields"][0], key["reference"]["resource"]) for key in schema.get("foreignKeys", [])}
        assert pointed == {(column.name, column.references) for column in spec.columns if column.references}
    quarters = resources["mart_revisions"]["schema"]["foreignKeys"]
    assert {
        "fields": ["release_precedente_id"],
        "reference": {"resource": "dim_release", "fields": ["release_id"]},
    } in quarters
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
    told = [n for n in dcat["@graph"] if n["@type"] in ("dcat:Catalog", "dcat:Dataset", "dcat:Distribution")]
    assert len(told) == 2 + 2 * len(PACKAGED)
    assert all("SYNTHÉTIQUES" in node["dct:description"]["@value"] for node in told)
    assert all("SYNTHÉTIQUES" in node["dct:title"]["@value"] for node in told[:2])
    assert "Caisse" not in package["sources"][0]["title"]
    assert (folder / "LISEZMOI.txt").read_text(encoding="utf-8").startswith("DONNÉES SYNTHÉTIQUES")
    tables = [*(folder / "csv").iterdir(), *(folder / "parquet").iterdir()]
    assert len(tables) == 2 * len(PACKAGED)
    assert all("-synthetique" in path.name for path in tables)
