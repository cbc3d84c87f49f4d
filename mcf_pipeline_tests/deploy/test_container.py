"""The image and the compose file, checked without an engine; `test_services` runs what they run."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from mcf_pipeline_tests.deploy.files import CHECKOUT, COMPOSE, DOCKERFILE, instructions, said, services

BIN = Path(sys.executable).parent


def test_the_linter_has_nothing_to_say():
    done = subprocess.run([BIN / "hadolint", DOCKERFILE], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_the_linter_would_say_something(tmp_path):
    bad = tmp_path / "Dockerfile"
    bad.write_text(DOCKERFILE.read_text().replace("FROM python:${PYTHON}\n", "FROM python\nRUN cd /\n"))
    assert subprocess.run([BIN / "hadolint", bad], capture_output=True, check=False).returncode == 1


@pytest.mark.parametrize(("old", "new", "code"), [("", "", 0), ("restart:", "restrat:", 1), ("[ALL]", "5", 1)])
def test_the_compose_file_is_one(tmp_path, old, new, code):
    text = COMPOSE.read_text()
    assert old in text
    (tmp_path / "compose.yaml").write_text(text.replace(old, new) if old else text)
    done = subprocess.run(
        [BIN / "check-jsonschema", "--builtin-schema", "vendor.compose-spec", tmp_path / "compose.yaml"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code, done.stdout


def test_the_image_is_of_the_locked_files_and_of_the_oldest_python_we_support():
    text = DOCKERFILE.read_text()
    assert "--require-hashes --requirement requirements.lock" in text
    oldest = re.search(r'requires-python = ">=(.+)"', (CHECKOUT / "pyproject.toml").read_text())
    assert oldest
    assert f"ARG PYTHON={oldest[1]}-slim" in text


def test_everything_that_is_copied_is_there_and_let_through():
    """A name in the Dockerfile that .dockerignore keeps out fails at the build, which no engine here would show."""
    text = DOCKERFILE.read_text()
    copied = {name for line in re.findall(r"^COPY (?!--from)(.+)$", text, re.MULTILINE) for name in line.split()[:-1]}
    ignore = DOCKERFILE.with_name("Dockerfile.dockerignore").read_text().splitlines()
    assert copied == {line[1:] for line in ignore if line.startswith("!")}
    assert all((CHECKOUT / name).exists() for name in copied)


def test_nobody_in_the_container_is_root():
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", said("USER"))
    uid = said("USER").split(":")[0]
    assert f"--uid {uid} " in said("RUN")
    names = [name for name, _ in instructions()]
    assert names.index("USER") < names.index("CMD")
    # The code is root's: nothing that runs can change what runs next.
    assert said("COPY") == "--from=build /opt/mcf_pipeline /opt/mcf_pipeline"


@pytest.mark.parametrize("name", ["webserver", "daemon", "run"])
def test_every_service_is_hardened(name):
    service = services()[name]
    assert service["user"] == said("USER")
    assert (service["read_only"], service["cap_drop"]) == (True, ["ALL"])
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["volumes"] == [f"data:{said('VOLUME')}"]
    assert service["tmpfs"][0].startswith("/tmp:")
    assert {"mem_limit", "pids_limit"} <= service.keys()
    assert not {"privileged", "network_mode", "cap_add", "pid"} & service.keys()


def test_the_host_publishes_the_ui_on_loopback_alone():
    ports = {name: service.get("ports") for name, service in services().items()}
    assert ports == {"webserver": ["127.0.0.1:3000:3000"], "daemon": None, "run": None}
