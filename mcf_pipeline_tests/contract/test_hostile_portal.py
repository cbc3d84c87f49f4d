"""A portal that fails, lies or stalls, through the whole intake: the exact outcome of each fault.

What does not belong here: the portal alone (`sources.test_portal`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from mcf_pipeline.archive.store import Archive
from mcf_pipeline.errors import ContractError, UsageError
from mcf_pipeline.settings import DataDir, Limits, Settings
from mcf_pipeline.sources.portal import PortalSource
from mcf_pipeline_tests.contract.hostile_answers import CUT, PASSING, REFUSED_ANSWERS, SERVED, content
from mcf_pipeline_tests.contract.outcomes import refused
from mcf_pipeline_tests.exports import Fetch
from mcf_pipeline_tests.portal import SimulatedPortal
from mcf_pipeline_tests.tiny_portal import KEY, SHORT_LIMITS


@pytest.fixture(scope="module")
def running() -> Iterator[SimulatedPortal]:
    with SimulatedPortal([SERVED]) as found:
        yield found


@pytest.fixture
def portal(running: SimulatedPortal) -> Iterator[SimulatedPortal]:
    yield running
    running.behave()


@pytest.fixture(scope="module")
def synthetic(tmp_path_factory: pytest.TempPathFactory, running: SimulatedPortal) -> Archive:
    """An archive that holds what the portal serves when it behaves."""
    found = Archive(DataDir(tmp_path_factory.mktemp("synthetic")))
    found.ingest(from_portal(running.url))
    return found


def from_portal(
    url: str, formats: Sequence[str] = ("csv",), sleeps: list[float] | None = None, **limits: float
) -> Fetch:
    """Fetches as a run does, with short limits and without waiting."""
    settings = Settings(
        data_dir=DataDir(Path("unused")),
        portal_url=url,
        api_key=KEY,
        limits=Limits(**{**SHORT_LIMITS, **limits}),
    )
    waited = [] if sleeps is None else sleeps
    source = PortalSource(settings, formats=formats, sleep=waited.append)
    return lambda folder: source.fetch(folder, lambda *_: None)


@pytest.mark.parametrize("name", REFUSED_ANSWERS)
def test_an_answer_of_the_portal_is_refused_and_the_archive_stays(
    synthetic: Archive, portal: SimulatedPortal, name: str
) -> None:
    fault, options, kind, rule, says = REFUSED_ANSWERS[name]
    portal.misbehave(fault, None, **options)
    patience = {"read_timeout": 0.3, "max_attempts": 2} if "silence" in name else {}
    refused(synthetic, from_portal(portal.url, max_bytes=4 * 1024**2, **patience), kind, rule, says)


@pytest.mark.parametrize("tenth", range(10))
@pytest.mark.parametrize(
    ("format", "framing"),
    [("csv", "chunked"), ("csv", "length"), ("csv", "none"), ("csv", "clean"), ("parquet", "length")],
)
def test_an_answer_cut_at_every_tenth_is_refused(
    synthetic: Archive, portal: SimulatedPortal, tenth: int, format: str, framing: str
) -> None:
    portal.misbehave("cut", None, at=tenth / 10, framing=framing)
    fetch = from_portal(portal.url, (format,), max_attempts=1)
    is_nothing = framing in ("none", "clean") and tenth == 0
    rule = "export_vide" if is_nothing else "export_tronque"
    refused(synthetic, fetch, ContractError, rule, "")


@pytest.mark.parametrize("tenth", range(1, 10))
def test_a_body_that_is_cut_and_sent_as_whole_is_refused_by_its_lines(
    synthetic: Archive, portal: SimulatedPortal, tenth: int
) -> None:
    with SimulatedPortal([SERVED]) as other:
        whole = csv_of(other)
    portal.misbehave("body", None, **content(whole[: len(whole) * tenth // 10]))
    refused(synthetic, from_portal(portal.url), *CUT)


def csv_of(portal: SimulatedPortal) -> bytes:
    import requests

    url = f"{portal.url}/api/explore/v2.1/catalog/datasets/{portal.dataset_id}/exports/csv"
    return requests.get(url, params={"delimiter": ";"}, timeout=10).content


@pytest.mark.parametrize("name", PASSING)
def test_what_passes_is_got_over(tmp_path: Path, portal: SimulatedPortal, synthetic: Archive, name: str) -> None:
    fault, options = PASSING[name]
    portal.misbehave(fault, 2, **options)
    sleeps: list[float] = []
    found = Archive(DataDir(tmp_path)).ingest(from_portal(portal.url, sleeps=sleeps))
    (known,) = synthetic.manifests()
    assert (found.manifest.rows, found.manifest.quarters) == (120, known.quarters)
    assert len(sleeps) == 2
    assert all(0 <= pause <= 3 for pause in sleeps)


CHARSETS = ("latin-1", "utf-16", "utf-8")
ANNOUNCED = (None, "text/csv", "text/csv; charset=utf-16", "text/csv; charset=nonsense")


@pytest.mark.parametrize("announced", ANNOUNCED)
@pytest.mark.parametrize("charset", CHARSETS)
def test_what_the_portal_says_of_the_charset_does_not_count(
    tmp_path: Path, portal: SimulatedPortal, synthetic: Archive, charset: str, announced: str | None
) -> None:
    whole = csv_of(portal).decode("utf-8-sig").encode(charset)
    answer = {"content_type": announced} if announced else {}
    portal.misbehave("body", None, **content(whole), **answer)
    found = Archive(DataDir(tmp_path)).ingest(from_portal(portal.url))
    assert found.manifest.quarters == synthetic.manifests()[0].quarters


@pytest.mark.parametrize(("fault", "options"), [("bom_twice", {}), ("nan", {"on": "metadata"})])
def test_two_marks_and_a_count_that_is_no_number_do_not_matter(
    tmp_path: Path, portal: SimulatedPortal, synthetic: Archive, fault: str, options: dict[str, str]
) -> None:
    portal.misbehave(fault, None, **options)
    found = Archive(DataDir(tmp_path)).ingest(from_portal(portal.url))
    assert found.manifest.quarters == synthetic.manifests()[0].quarters


def test_a_redirect_to_another_host_is_followed_without_the_key(
    tmp_path: Path, portal: SimulatedPortal, synthetic: Archive
) -> None:
    before = len(portal.requests)
    with SimulatedPortal([SERVED]) as other:
        path = f"/api/explore/v2.1/catalog/datasets/{other.dataset_id}/exports/csv?delimiter=%3B"
        portal.misbehave("redirect", on="exports", to=other.url + path)
        found = Archive(DataDir(tmp_path)).ingest(from_portal(portal.url))
        assert [(r.kind, r.has_key) for r in portal.requests[before:]] == [("metadata", True), ("exports", True)]
        assert [(r.kind, r.has_key) for r in other.requests] == [("exports", False)]
        assert KEY not in repr(other.requests)
    assert found.manifest.quarters == synthetic.manifests()[0].quarters


@pytest.mark.parametrize(
    "dataset_id", ["../../admin", "a/b", "a?apikey=x", "a#b", "a b", "", ".", "..", "a\nb", "%2e%2e"]
)
def test_a_dataset_id_that_would_be_a_path_is_no_id(tmp_path: Path, dataset_id: str) -> None:
    settings = Settings(data_dir=DataDir(tmp_path), dataset_id=dataset_id)
    with pytest.raises(UsageError, match="MCF_DATASET_ID"):
        PortalSource(settings)
