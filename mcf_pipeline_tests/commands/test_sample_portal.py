"""``sample-portal``: what a newcomer's first terminal shows, and that Ctrl-C stops it."""

import re
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest
import requests

from mcf_pipeline_tests.commands.terminal import mcf_here

# Tests that a shell started in the background are deaf to Ctrl-C, and so is what they start.
START = (
    "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
    "from mcf_pipeline.cli import main; main(['sample-portal', '--port', '0'])"
)


@pytest.fixture
def terminal() -> Iterator[subprocess.Popen[str]]:
    """One in which the command was typed."""
    with subprocess.Popen(
        [sys.executable, "-c", START], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as begun:
        yield begun
        begun.kill()  # else what a failed test left would be waited for without end


def test_it_says_where_it_serves_what_to_type_and_each_request(terminal):
    assert terminal.stdout
    said = [terminal.stdout.readline() for _ in range(3)]
    serving = re.match(
        r"Portal on (http://127\.0\.0\.1:\d+), serving the release of (\S+)\. Ctrl-C stops it\.", said[0]
    )
    assert serving, said
    url, day = serving.groups()
    assert f"MCF_PORTAL_URL={url} mcf-pipeline run --source portal --data-dir data/demo" in said[1]
    assert f"curl -X POST {url}/next" in said[2]
    dataset = f"{url}/api/explore/v2.1/catalog/datasets/moncompteformation-les-usagers"
    before = requests.get(dataset, timeout=30).json()["metas"]["default"]["data_processed"]
    (moved,) = requests.post(f"{url}/next", timeout=30).json().values()
    after = requests.get(dataset, timeout=30).json()["metas"]["default"]["data_processed"]
    assert before.startswith(day)
    assert after.startswith(moved)
    assert day < moved
    terminal.send_signal(signal.SIGINT)
    out, err = terminal.communicate(timeout=30)
    assert terminal.returncode == 0
    assert out.splitlines() == [f"GET {dataset.removeprefix(url)} 200"] * 2
    assert "SYNTHETIC data" in err
    assert "error" not in err


def test_a_port_that_is_no_port_is_wrong_usage():
    answer = mcf_here("sample-portal", "--port", "70000")
    assert answer.code == 2
    assert "70000" in answer.error
