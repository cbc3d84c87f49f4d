"""The unit files: systemd understands every line, and counts them as hardened."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from mcf_pipeline.definitions import ASSETS
from mcf_pipeline.orchestration.schedules import quarterly_release
from mcf_pipeline_tests.deploy.files import DEPLOY, INSTALLED, unit

# It needs a program of the system's, which `.ci/run` installs.
pytestmark = pytest.mark.slow

BIN = Path(sys.executable).parent
UNITS = DEPLOY / "systemd"
SERVICES = ("mcf-pipeline-daemon.service", "mcf-pipeline-webserver.service", "mcf-pipeline-run.service")
THRESHOLD = 15
"""Of `systemd-analyze security`, in tenths of ten: below 2 is what it calls OK; without any of our lines it is 9.6."""


def analyze(*arguments: object) -> subprocess.CompletedProcess[str]:
    program = shutil.which("systemd-analyze")
    assert program, "the unit files are checked by systemd's own program: `apt-get install systemd`"
    return subprocess.run([program, *map(str, arguments)], capture_output=True, text=True, check=False, timeout=60)


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """The units where docs/deploy.md copies them to, and programs where they expect them."""
    (tmp_path / "opt" / ".venv").mkdir(parents=True)
    (tmp_path / "opt" / ".venv" / "bin").symlink_to(BIN)
    folder = tmp_path / "system"
    shutil.copytree(UNITS, folder)
    for path in folder.rglob("*.*"):
        if path.is_file():
            path.write_text(path.read_text().replace(INSTALLED, str(tmp_path / "opt")))
    drop_in = folder / "mcf-pipeline-daemon.service.d"
    drop_in.mkdir()
    shutil.copy(folder / "api-key.conf", drop_in)
    return folder


def verified(folder: Path) -> subprocess.CompletedProcess[str]:
    return analyze("verify", "--man=no", *(folder / name for name in (*SERVICES, "mcf-pipeline-run.timer")))


def test_systemd_understands_every_line(installed):
    done = verified(installed)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("mcf-pipeline-.service.d/hardening.conf", "ProtectHome=yes", "ProtectHom=yes"),
        ("mcf-pipeline-daemon.service", "bin/dagster-daemon", "bin/dagster-demon"),
        ("mcf-pipeline-daemon.service.d/api-key.conf", "LoadCredential=api_key:", "LoadCredential="),
        ("mcf-pipeline-run.timer", "01..20", "01..42"),
    ],
)
def test_a_line_that_it_does_not_understand_is_seen(installed, file, old, new):
    text = (installed / file).read_text()
    assert old in text
    (installed / file).write_text(text.replace(old, new))
    assert verified(installed).stderr


@pytest.mark.parametrize("name", SERVICES)
def test_systemd_counts_it_as_hardened(installed, name):
    done = analyze("security", "--offline=true", f"--threshold={THRESHOLD}", installed / name)
    assert done.returncode == 0, done.stdout


def test_without_the_drop_in_it_would_not(installed):
    shutil.rmtree(installed / "mcf-pipeline-.service.d")
    assert analyze("security", "--offline=true", f"--threshold={THRESHOLD}", installed / SERVICES[0]).returncode == 1


def test_the_webserver_is_on_loopback_whatever_it_is_told():
    said = unit("mcf-pipeline-webserver.service")
    assert "--host 127.0.0.1 " in said["ExecStart"][0]
    assert (said["IPAddressAllow"], said["IPAddressDeny"]) == (["localhost"], ["any"])


def test_the_data_directory_is_the_only_place_to_write():
    for name in SERVICES:
        said = unit(name)
        assert said["ProtectSystem"] == ["strict"]
        assert "ReadWritePaths" not in said
        assert f"MCF_DATA_DIR=/var/lib/{said['StateDirectory'][0]}" in said["Environment"]


def test_the_timer_looks_when_dagsters_own_schedule_does():
    (said,) = unit("mcf-pipeline-run.timer")["OnCalendar"]
    found = re.fullmatch(r"\*-([\d,]+)-(\d+)\.\.(\d+) \*:\d+:00 (.+)", said)
    assert found
    months = ",".join(str(int(month)) for month in found[1].split(","))
    schedule = quarterly_release(ASSETS)
    assert isinstance(schedule.cron_schedule, str)
    assert schedule.cron_schedule.split()[1:] == ["*", f"{int(found[2])}-{found[3]}", months, "*"]
    assert schedule.execution_timezone == found[4]
