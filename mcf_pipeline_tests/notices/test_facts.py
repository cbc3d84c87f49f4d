"""What names a failure, and what is wrong with a data directory without one."""

import datetime as dt

import pytest

from mcf_pipeline.archive.manifest import FILE_NAME
from mcf_pipeline.errors import ContractError, SourceError
from mcf_pipeline.notices.facts import OF_SOURCE, PASSING, Failure, standing_problems
from mcf_pipeline.settings import Settings
from mcf_pipeline.sources.answers import UnavailableError
from mcf_pipeline.workspace import Workspace
from mcf_pipeline_tests.archive.manifests import manifest
from mcf_pipeline_tests.orchestration.assets import graph


def test_the_same_error_with_other_numbers_is_the_same_failure():
    one, other = SourceError("no answer after 12 s, at 10:31"), SourceError("no answer after 9 s,\nat 11:02")
    assert Failure.of(one).key == Failure.of(other).key


@pytest.mark.parametrize("other", [SourceError("no route"), ContractError("no answer", rule="x"), OSError("no answer")])
def test_another_error_is_another_failure(other):
    assert Failure.of(SourceError("no answer")).key != Failure.of(other).key


def test_a_failure_has_the_exit_code_of_the_command_line():
    codes = [Failure.of(error).exit_code for error in (SourceError("x"), ContractError("x", rule="x"), KeyError("x"))]
    assert codes == [3, 4, 1]


def test_every_error_of_a_source_is_over_once_it_answers():
    def names(of: type[Exception]) -> set[str]:
        return {of.__name__}.union(*map(names, of.__subclasses__()))

    assert names(UnavailableError) == PASSING
    assert names(SourceError) == OF_SOURCE


def overdue_in(tmp_path, is_synthetic):
    release = manifest("2024-10-08", quarters="abc", is_synthetic=is_synthetic)
    folder = tmp_path / "raw" / "releases" / release.release_id
    folder.mkdir(parents=True)
    (folder / FILE_NAME).write_bytes(release.to_json())
    space = Workspace(Settings.from_env({}, data_dir=tmp_path))
    return [problem.key for problem in standing_problems(space, space.snapshot(), dt.date(2025, 6, 1))]


def test_a_release_that_is_overdue_is_a_problem_of_each_quarter(tmp_path):
    assert overdue_in(tmp_path, is_synthetic=False) == ["overdue 2024-T4", "overdue 2025-T1"]


def test_made_up_releases_may_end(tmp_path):
    assert overdue_in(tmp_path, is_synthetic=True) == []


def test_a_directory_with_nothing_in_it_has_no_problem(tmp_path):
    space = graph.open_workspace(tmp_path, "portal")
    assert standing_problems(space, space.snapshot(), dt.date(2025, 6, 1)) == []
