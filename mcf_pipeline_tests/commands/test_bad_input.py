"""What goes wrong: one clear line, the right exit code, and everything published and archived as it was."""

import signal
import socket
import subprocess
import sys

import pytest

from mcf_pipeline_tests.commands.terminal import kept, mcf, mcf_here


@pytest.fixture
def untouched(ready):
    """A data directory that is as before when the test ends."""
    before = kept(ready)
    assert any(name.endswith("manifest.json") for name in before)
    yield ready
    assert kept(ready) == before


@pytest.fixture
def closed_port():
    """A port of this machine where nobody listens."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


def test_no_network(untouched, closed_port):
    answer = mcf(
        "run",
        "--data-dir",
        untouched,
        MCF_PORTAL_URL=f"http://127.0.0.1:{closed_port}",
        MCF_LIMIT_MAX_ATTEMPTS="1",
    )
    assert answer.code == 3
    assert f"127.0.0.1:{closed_port}" in answer.error


@pytest.fixture
def portal():
    from mcf_pipeline_tests.orchestration.assets.small import FIRST
    from mcf_pipeline_tests.portal import SimulatedPortal

    with SimulatedPortal([FIRST, FIRST.next()]) as running:
        yield running


def test_an_unknown_dataset(untouched, portal):
    answer = mcf("run", "--data-dir", untouched, MCF_PORTAL_URL=portal.url, MCF_DATASET_ID="no-such-dataset")
    assert answer.code == 3
    assert "no-such-dataset" in answer.error
    assert "MCF_DATASET_ID" in answer.error


NOT_THE_DATASET = {
    "an_empty_file": b"",
    "another_csv": b"commune;population\nBrest;140000\nQuimper;63000\n",
    "a_header_alone": b"trimestre;region;genre;classe_age;situation;statut_dossier;nb_dossiers;nb_titulaires;"
    b"montant_engage;part_titulaire\n",
    "a_web_page": b"<!DOCTYPE html>\n<html><body>Maintenance</body></html>\n",
    "a_picture": b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 20,
    "half_a_parquet_file": b"PAR1" + bytes(range(256)) * 20,
}


@pytest.mark.parametrize("name", NOT_THE_DATASET)
def test_a_file_that_is_not_the_dataset(untouched, tmp_path, name):
    file = tmp_path / name
    file.write_bytes(NOT_THE_DATASET[name])
    run = mcf if name in {"an_empty_file", "another_csv"} else mcf_here
    answer = run("run", "--source", file, "--data-dir", untouched)
    assert answer.code == 4
    assert len(answer.error) > 40


def test_another_csv_is_refused_with_its_columns_and_what_to_do(untouched, tmp_path):
    file = tmp_path / "another.csv"
    file.write_bytes(NOT_THE_DATASET["another_csv"])
    said = mcf_here("run", "--source", file, "--data-dir", untouched).error
    assert "commune" in said
    assert "population" in said
    assert "MCF_SOURCE_MAP" in said


@pytest.mark.parametrize("name", ["missing.csv", "a_directory", "missing/below.csv"])
def test_a_source_that_is_no_file(untouched, tmp_path, name):
    (tmp_path / "a_directory").mkdir()
    answer = mcf_here("run", "--source", tmp_path / name, "--data-dir", untouched)
    assert answer.code == 2
    assert str(tmp_path / name) in answer.error


@pytest.mark.parametrize("place", ["{tmp}/file/data", "{tmp}/file", "/proc/mcf-data"])
def test_a_data_directory_that_cannot_be_written(first_run, tmp_path, place):
    """Permissions stop nobody who is root; a path below a file, or in /proc, stops everybody."""
    (tmp_path / "file").write_text("in the way")
    data_dir = place.format(tmp=tmp_path)
    answer = mcf("run", "--source", first_run.csv, "--data-dir", data_dir)
    assert answer.code == 2
    assert data_dir in answer.error
    assert (tmp_path / "file").read_text() == "in the way"


HOLDER = """
import sys
from pathlib import Path
from mcf_pipeline.settings import Settings
from mcf_pipeline.workspace import Workspace
with Workspace(Settings.from_env({}, data_dir=Path(sys.argv[1]))).lock():
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def other_run(untouched):
    """Another process that holds the data directory."""
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(untouched)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert holder.stdout.readline() == "held\n"
    yield holder
    holder.communicate()


@pytest.mark.parametrize("command", [["run", "--force"], ["rebuild"], ["verify"]])
def test_a_second_run_at_the_same_time_is_told_at_once(untouched, other_run, first_run, command):
    answer = mcf(*command, "--source", first_run.csv, "--data-dir", untouched)
    assert other_run.poll() is None, "the other run must still hold it"
    assert answer.code == 5
    assert f"another run holds {untouched}" in answer.error


def test_readers_are_served_while_another_run_writes(untouched, other_run):
    assert mcf_here("status", "--data-dir", untouched).code == 0
    assert mcf_here("sql", "SELECT 1", "--data-dir", untouched).code == 0


def test_a_killed_run_holds_nothing(untouched, other_run, first_run):
    other_run.send_signal(signal.SIGKILL)
    other_run.wait()
    answer = mcf_here("run", "--source", first_run.csv, "--data-dir", untouched)
    assert (answer.code, answer.out.partition(":")[0]) == (0, "Nothing new")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MCF_PORTAL_URL", "ftp://example.org"),
        ("MCF_LIMIT_MAX_BYTES", "many"),
        ("MCF_SOURCE_MAP", "/nowhere/map.toml"),
    ],
)
def test_a_setting_that_cannot_be_used(untouched, first_run, tmp_path, name, value):
    answer = mcf_here("run", "--source", first_run.csv, "--data-dir", untouched, **{name: value})
    assert answer.code == 2
    assert value in answer.error
