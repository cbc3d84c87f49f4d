"""The sample's portal with two tiny releases."""

import datetime as dt

import pytest

from mcf_pipeline.sample.portal import SimulatedPortal
from mcf_pipeline_tests.tiny_portal import TinyRelease, tiny

__all__ = ["portal", "tiny"]


@pytest.fixture
def portal():
    with SimulatedPortal([TinyRelease(dt.date(2026, 7, 8)), TinyRelease(dt.date(2026, 10, 8), 630)]) as running:
        yield running
