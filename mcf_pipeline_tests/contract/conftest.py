"""An archive that hostile things are sent to, and what the good export says."""

from __future__ import annotations

import pytest

from mcf_pipeline.archive.manifest import Manifest
from mcf_pipeline.archive.store import Archive
from mcf_pipeline.settings import DataDir
from mcf_pipeline_tests.contract.hostile_files import BEFORE, GOOD, ROWS, SMALL
from mcf_pipeline_tests.exports import ingest, sender


@pytest.fixture(scope="package")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Archive:
    """An archive with one release; what is refused must leave it as it is, so all can share it."""
    found = Archive(DataDir(tmp_path_factory.mktemp("archive")), SMALL)
    ingest(found, BEFORE, "2024-01-08")
    return found


@pytest.fixture(scope="package")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    """What the good export says, taken in from a plain file."""
    found = Archive(DataDir(tmp_path_factory.mktemp("plain")))
    return found.ingest(sender(GOOD, records_count=ROWS)).manifest
