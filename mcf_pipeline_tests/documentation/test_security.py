"""Every line of the threat model points at tests, and they are there."""

from __future__ import annotations

import ast
import re
from fnmatch import fnmatch
from functools import cache
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[1]
PAGE = TESTS.parent / "docs" / "security.md"
LINES = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| ")]
THREATS = [line for line in LINES if not line.startswith("| attack |")]


@cache
def names(path: Path) -> tuple[set[str], str]:
    """The functions that a module defines, and its text."""
    text = path.read_text(encoding="utf-8")
    return {node.name for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef)}, text


def exists(path: str, name: str) -> bool:
    """Whether there is such a test, or a part of one that a test of the same module calls; `*` stands for any."""
    if not (TESTS / path).is_file():
        return False
    defined, text = names(TESTS / path)
    found = [one for one in defined if fnmatch(one, name)]
    return any(one.startswith("test_") or len(re.findall(rf"\b{one}\b", text)) > 1 for one in found)


def test_there_is_a_threat_model():
    assert len(THREATS) > 25


@pytest.mark.parametrize("line", THREATS, ids=lambda line: line.split("|")[1].strip())
def test_every_line_names_tests_that_exist(line):
    *_, last, _ = line.split("|")
    named = re.findall(r"`([\w/]+\.py)::([\w*]+)`", last)
    assert named
    assert last.count("`") == 2 * len(named)
    assert [f"{path}::{name}" for path, name in named if not exists(path, name)] == []


def test_a_test_that_is_gone_would_be_seen():
    assert not exists("commands/test_key.py", "test_that_nobody_wrote")
    assert not exists("commands/test_that_nobody_wrote.py", "test_*")
