"""What taking in something hostile comes to."""

from __future__ import annotations

import pytest

from mcf_pipeline.archive.store import Archive
from mcf_pipeline.contract.rules import RULES
from mcf_pipeline.errors import PipelineError
from mcf_pipeline_tests.exports import Fetch, listing
from mcf_pipeline_tests.tiny_portal import KEY


def refused(archive: Archive, fetch: Fetch, kind: type[PipelineError], rule: str | None, says: str) -> None:
    """Taking in fails as it should, in one line, and the archive is byte for byte as it was."""
    before = listing(archive.data_dir.root)
    with pytest.raises(PipelineError) as caught:
        archive.ingest(fetch)
    error = caught.value
    assert isinstance(error, kind), repr(error)
    assert getattr(error, "rule", None) == rule, repr(error)
    assert rule is None or rule in RULES
    assert says in str(error)
    assert len(str(error).splitlines()) == 1
    assert KEY not in repr(error)
    assert listing(archive.data_dir.root) == before
    assert not archive.data_dir.incoming.exists()
