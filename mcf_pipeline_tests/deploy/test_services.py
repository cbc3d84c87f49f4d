"""The commands of the image and of the compose file, run as they stand there, but without a container.

What an engine adds (namespaces, a read-only root, limits) is not seen here; that nothing but the data directory and
/tmp is written to, on which a read-only root depends, is.
"""

from __future__ import annotations

import signal
import subprocess
from pathlib import Path

import pytest

from mcf_pipeline_tests.commands.searching import places_of
from mcf_pipeline_tests.commands.test_file_modes import OF_OTHERS, modes
from mcf_pipeline_tests.deploy.files import (
    image_command,
    image_environment,
    image_health_check,
    services,
)
from mcf_pipeline_tests.deploy.running import PATIENCE, Host, ended, host, listening, until
from mcf_pipeline_tests.end_to_end.deployment import free_port
from mcf_pipeline_tests.orchestration.assets import small
from mcf_pipeline_tests.portal import SimulatedPortal

pytestmark = pytest.mark.slow

KEY = "Kx7-s3cret-0123456789zQ"
DAEMON = services()["daemon"]
LIVENESS = DAEMON["healthcheck"]["test"][1:]


def written(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def test_what_the_container_runs_works_and_its_health_checks_tell(tmp_path):
    check = image_health_check()
    (tmp_path / "api_key").write_text(f"{KEY}\n")
    with SimulatedPortal([small.FIRST], formats=("csv",)) as portal:
        settings = image_environment() | {"MCF_PORTAL_URL": portal.url, "MCF_POLL_SECONDS": "1"}
        settings |= {"MCF_API_KEY_FILE": str(tmp_path / "api_key")} | DAEMON["environment"]
        with host(tmp_path, settings, {"3000": str(free_port())}) as machine:
            installed = written(machine.installed)
            assert machine.code(check) != 0
            assert machine.code(LIVENESS) != 0
            log = tmp_path / "services.log"
            webserver = machine.process(image_command(), log)
            daemon = machine.process(DAEMON["command"], log)
            with ended(webserver, daemon):
                until("green webserver", lambda: machine.code(check) == 0, log)
                # Both run Dagster's processes, which speak to each other through sockets: nothing else listens.
                assert {address.partition(":")[0] for address in listening(webserver.pid)} == {"0.0.0.0"}
                assert listening(daemon.pid) == set()
                until("dashboard", (machine.data / "site" / "index.html").is_file, log)
                until("green daemon", lambda: machine.code(LIVENESS) == 0, log)
                stays_inside(machine, installed)
                turns_red(machine, webserver, daemon, log)
        assert any(request.has_key for request in portal.requests), "without the key there is nothing to find"
    (tmp_path / "api_key").unlink()
    assert list((tmp_path / "data" / "dagster").rglob("*.db"))
    assert places_of(KEY, tmp_path) == []


def stays_inside(machine: Host, installed: list[str]) -> None:
    """Nothing is written beside the code, and nobody else may write to what is."""
    assert written(machine.installed) == installed
    assert {name: oct(mode) for name, mode in modes(machine.data).items() if mode & OF_OTHERS} == {}


def turns_red(machine: Host, webserver: subprocess.Popen[bytes], daemon: subprocess.Popen[bytes], log: Path) -> None:
    """One is ended as an engine ends it, the other killed; then the check of each fails."""
    webserver.send_signal(getattr(signal, services()["webserver"]["stop_signal"]))
    assert webserver.wait(PATIENCE) == 0
    assert machine.code(image_health_check()) != 0
    daemon.kill()
    daemon.wait(PATIENCE)
    # Dagster adds the 30 seconds between two beats to its patience; the file's own would be two minutes more.
    patience = {"DAGSTER_DAEMON_HEARTBEAT_TOLERANCE": "-29"}
    until("red daemon", lambda: machine.code(LIVENESS, **patience) != 0, log)
