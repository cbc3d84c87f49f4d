"""The fingerprint of the rules covers what decides, and no more."""

from __future__ import annotations

import ast
from importlib import resources
from pathlib import Path

import pytest

from mcf_pipeline.contract.source_map import SourceMap
from mcf_pipeline.tables import rules as rules_module
from mcf_pipeline.tables.rules import LINES_DECIDED_BY, MARTS_DECIDED_BY, Rules

ROOT = Path(str(resources.files("mcf_pipeline")))
DECIDE_NOTHING = {
    # Which column is which is decided once, when a release is ingested.
    "contract/grammar.py",
    "contract/recognised.py",
    "contract/recognition.py",
    # Where files are and how they are read and written, not what is in them.
    "archive/manifest.py",
    "archive/split.py",
    "archive/store.py",
    "archive/timeline.py",
    "files.py",
    "settings.py",
    "tables/files.py",
    "tables/received.py",
    "tables/snapshot.py",
    # The user's overrides have a fingerprint of their own.
    "contract/source_map.py",
    # Messages, and lists of names that a test compares with the models.
    "errors.py",
    "progress.py",
    "schemas/names.py",
    # Statements that create and comment on the published file.
    "schemas/ddl.py",
}
"""What the makers import, and why it is not on the list."""


def imported(name: str) -> set[str]:
    """The modules of the package that a file imports, as paths."""
    found = set()
    for node in ast.walk(ast.parse((ROOT / name).read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("mcf_pipeline."):
            module = Path(*node.module.split(".")[1:])
            names = (module, *(module / alias.name for alias in node.names))
            found |= {str(path) for name in names if (ROOT / (path := name.with_suffix(".py"))).is_file()}
    return found


@pytest.mark.parametrize("name", [*LINES_DECIDED_BY, *MARTS_DECIDED_BY])
def test_whatever_a_deciding_file_imports_decides_or_is_said_not_to(name):
    assert imported(name) <= {*LINES_DECIDED_BY, *MARTS_DECIDED_BY, *DECIDE_NOTHING}


@pytest.mark.parametrize("name", LINES_DECIDED_BY)
def test_what_decides_the_lines_needs_nothing_that_decides_only_the_marts(name):
    assert not imported(name) & set(MARTS_DECIDED_BY)


@pytest.fixture
def edited(tmp_path, monkeypatch):
    """A copy of the package in which a file can be edited, for the fingerprint to be taken of."""
    import shutil

    copy = tmp_path / "mcf_pipeline"
    shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(rules_module.resources, "files", lambda name: copy)

    def edit(name: str) -> Rules:
        with (copy / name).open("a") as file:
            file.write("\n-- " if name.endswith(".sql") else "\n# ")
        rules_module._digest.cache_clear()
        return Rules.of(SourceMap.load(None))

    yield edit
    rules_module._digest.cache_clear()


def test_a_change_of_what_decides_the_lines_changes_everything(edited):
    before = Rules.of(SourceMap.load(None))
    after = edited("quarter.py")
    assert (after.lines != before.lines, after.marts != before.marts) == (True, True)


@pytest.mark.parametrize("name", ["schemas/marts.py", "sql/mart_region.sql"])
def test_a_change_of_what_decides_the_marts_leaves_the_lines(edited, name):
    before = Rules.of(SourceMap.load(None))
    after = edited(name)
    assert (after.lines == before.lines, after.marts != before.marts) == (True, True)


@pytest.mark.parametrize("name", ["commands/doctor_page.py", "contract/doctor.py", "warehouse/publication.py"])
def test_a_change_of_what_decides_nothing_changes_nothing(edited, name):
    before = Rules.of(SourceMap.load(None))
    assert edited(name) == before


def test_a_users_overrides_are_part_of_it(tmp_path):
    path = tmp_path / "map.toml"
    path.write_text('[modalities.genre]\n"X" = "femme"\n')
    plain, mapped = Rules.of(SourceMap.load(None)), Rules.of(SourceMap.load(path))
    assert (plain.lines != mapped.lines, plain.marts != mapped.marts) == (True, True)
