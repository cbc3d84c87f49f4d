"""``sample``: successive synthetic releases that nobody can take for real ones."""

import pytest

from mcf_pipeline.sample.synthetic import releases
from mcf_pipeline_tests.commands.terminal import mcf_here


def test_each_release_is_a_file_whose_name_says_synthetic(tmp_path):
    answer = mcf_here("sample", tmp_path / "out", "--releases", "2", "--scale", "0.01")
    assert answer.code == 0
    files = sorted((tmp_path / "out").iterdir())
    assert [file.name for file in files] == [
        "moncompteformation-les-usagers-synthetique-2026-07-08.csv",
        "moncompteformation-les-usagers-synthetique-2026-10-08.csv",
    ]
    assert answer.out.splitlines() == [str(file) for file in files]
    assert "SYNTHETIC data: it says nothing about the real world." in answer.err


def test_the_files_are_those_of_the_generator(tmp_path):
    mcf_here("sample", tmp_path / "out", "--releases", "1", "--scale", "0.01")
    (release,) = releases(1, scale=0.01)
    release.write_csv(tmp_path / "expected.csv")
    written = tmp_path / "out" / release.file_name
    assert written.read_bytes() == (tmp_path / "expected.csv").read_bytes()


@pytest.mark.parametrize(
    "options",
    [
        ("--releases", "0"),
        ("--releases", "41"),
        ("--releases", "28"),
        ("--releases", "two"),
        ("--scale", "0"),
        ("--scale", "101"),
        ("--scale", "nan"),
    ],
)
def test_a_count_or_scale_that_cannot_be_is_wrong_usage(tmp_path, options):
    answer = mcf_here("sample", tmp_path / "out", *options)
    assert answer.code == 2
    assert answer.error
    assert not list((tmp_path / "out").glob("*"))


def test_a_folder_that_is_a_file_is_wrong_usage(tmp_path):
    (tmp_path / "file").write_text("in the way")
    for path in (tmp_path / "file", tmp_path / "file" / "below"):
        answer = mcf_here("sample", path, "--scale", "0.01")
        assert answer.code == 2
        assert "file" in answer.error
    assert (tmp_path / "file").read_text() == "in the way"
