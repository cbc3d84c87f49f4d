"""An S3 server for all tests of a process, and a bucket for each."""

from __future__ import annotations

import logging
import os
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from moto.server import ThreadedMotoServer

from mcf_pipeline_tests.commands.terminal import mcf_here
from mcf_pipeline_tests.conftest import made_once
from mcf_pipeline_tests.remote.bucket import Bucket, Content, serve_front


@pytest.fixture(autouse=True)
def _no_credentials_from_outside(monkeypatch, tmp_path):
    for name in list(os.environ):
        if name.startswith("AWS_"):
            monkeypatch.delenv(name)
    for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))


@pytest.fixture(scope="session")
def s3_server() -> Iterator[str]:
    """The address of an S3 server."""
    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    served = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    served.start()
    host, port = served.get_host_and_port()
    try:
        yield f"http://{host}:{port}"
    finally:
        served.stop()


def new_bucket(s3_server: str) -> Iterator[Bucket]:
    with serve_front(s3_server) as front:
        yield Bucket(f"mcf-{uuid.uuid4().hex[:12]}", s3_server, front)


@pytest.fixture
def bucket(s3_server) -> Iterator[Bucket]:
    """An empty bucket."""
    yield from new_bucket(s3_server)


@pytest.fixture(scope="session")
def first_content(s3_server, small_releases, tmp_path_factory) -> Content:
    """What is in a bucket that the first small release was built into: take `built`."""

    def make(folder: Path) -> Content:
        with serve_front(s3_server) as front:
            made = Bucket("mcf-first", s3_server, front)
            answer = mcf_here("run", "--source", small_releases[0], **made.machine(folder / "cache"))
            assert answer.code == 0, answer.err
        shutil.rmtree(folder / "cache")
        return made.content()

    return made_once(tmp_path_factory, "first_content", make)


@pytest.fixture
def built(first_content, bucket) -> Bucket:
    """A bucket with the first small release published, for one test to change."""
    bucket.fill(first_content)
    return bucket


@pytest.fixture
def machine(built, tmp_path) -> dict[str, str]:
    """The environment of a machine that has nothing yet of `built`."""
    return built.machine(tmp_path / "cache")


def copy_of(env: dict[str, str]) -> Path:
    """The working copy of a machine."""
    (found,) = Path(env["MCF_CACHE_DIR"]).iterdir()
    return found
