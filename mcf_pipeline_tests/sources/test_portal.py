import datetime as dt
import json
import subprocess
import sys
import traceback

import duckdb
import pytest

from mcf_pipeline.contract.source import SourceField
from mcf_pipeline.errors import ContractError, SourceError, UsageError
from mcf_pipeline.reading.export import read_export
from mcf_pipeline.settings import DataDir, Limits, Settings
from mcf_pipeline.sources.answers import RateLimitedError
from mcf_pipeline.sources.base import Peek
from mcf_pipeline.sources.portal import PortalSource
from mcf_pipeline_tests.portal import SimulatedPortal


def ignore(done, total):
    pass


def error_of(call, key):
    """The error of a call; nowhere in it, nor in what it came from, is the key."""
    with pytest.raises((SourceError, ContractError)) as caught:
        call()
    error = caught.value
    content = "".join(traceback.format_exception(error)) + repr(error) + str(vars(error))
    assert key not in content
    assert "\n" not in str(error)
    return error


def lines_of(received):
    with duckdb.connect() as con:
        return read_export(con, received.path, received.format, Limits(), records_count=received.records_count).rows


# -- what it gives ---------------------------------------------------------------------------------------


def test_metadata_says_what_the_portal_says(portal, client):
    metadata = client(portal.url).metadata()
    assert metadata.data_processed == dt.datetime(2026, 7, 8, 4, 12, tzinfo=dt.UTC)
    assert metadata.records_count == 600
    assert metadata.fields[1] == SourceField("trimestre", "Trimestre")
    assert metadata.licence == "Licence Ouverte v2.0 (Etalab)"
    assert not metadata.is_restricted
    assert metadata.quota_left == 4999


def test_an_unchanged_portal_costs_one_small_request(portal, client):
    assert client(portal.url).peek() == Peek(dt.datetime(2026, 7, 8, 4, 12, tzinfo=dt.UTC), 600)
    assert [r.kind for r in portal.requests] == ["metadata"]


@pytest.mark.parametrize("format", ["csv", "parquet"])
def test_fetch_puts_the_whole_export_on_disk(portal, client, tmp_path, format):
    steps = []
    received = client(portal.url, formats=(format,)).fetch(
        tmp_path / "in", lambda done, total: steps.append((done, total))
    )
    assert received.path == tmp_path / "in" / f"export.{format}"
    assert received.format == format
    assert received.origin == f"{portal.url}{portal.requests[0].path}/exports/{format}"
    assert received.records_count == lines_of(received) == 600
    assert received.licence == "Licence Ouverte v2.0 (Etalab)"
    assert received.suggested_day is None
    assert steps == sorted(steps)
    assert steps[-1][0] < received.path.stat().st_size  # it came compressed
    assert [r.kind for r in portal.requests] == ["metadata", "exports"]


def test_parquet_is_preferred(portal, client, tmp_path):
    assert client(portal.url, formats=("parquet", "csv")).fetch(tmp_path, ignore).format == "parquet"


@pytest.mark.parametrize("status", [400, 404])
def test_csv_where_the_portal_has_no_parquet(portal, client, tmp_path, status):
    if status == 400:
        portal.misbehave("failing", status=400, on="exports")
        portal.misbehave("data_processed", on="metadata")  # affects another request
    else:
        portal.formats = ("csv",)
    received = client(portal.url, formats=("parquet", "csv")).fetch(tmp_path, ignore)
    assert received.format == "csv"
    assert [r.path.rpartition("/")[2] for r in portal.requests][1:] == ["parquet", "csv"]
    assert list(tmp_path.iterdir()) == [received.path]


def test_the_csv_is_asked_for_as_the_reader_wants_it(portal, client, tmp_path):
    received = client(portal.url).fetch(tmp_path, ignore)
    assert portal.requests[-1].query == {
        "limit": "-1",
        "delimiter": ";",
        "with_bom": "true",
        "use_labels": "false",
    }
    assert received.path.read_bytes().startswith(b"\xef\xbb\xbfdate_chargement;trimestre;")


@pytest.mark.parametrize("body", [b"1e999999999999999999999", b"[" * 100_000, b'{"results": 1e99999999}'])
def test_numbers_beyond_all_measure_do_not_crash(portal, client, body):
    import base64

    portal.misbehave("body", on="metadata", base64=base64.b64encode(body).decode())
    with pytest.raises((SourceError, ContractError)):
        client(portal.url).metadata()


# -- faults ----------------------------------------------------------------------------------------------

ALL = {"on": "any"}
FAULTS = [
    # fault and options, class, rule, fragment of the message, exports asked for
    ("html", {}, ContractError, "pas_un_export", "not csv but HTML", 1),
    ("json", {}, ContractError, "pas_un_export", "JSON that says 'Le service est indisponible.'", 1),
    ("cut", {"at": 0.5}, ContractError, "export_tronque", "is truncated", 3),
    ("cut", {"at": 0.0}, ContractError, "export_tronque", "is truncated", 3),
    ("cut", {"at": 0.5, "framing": "length"}, ContractError, "export_tronque", "is truncated", 3),
    ("cut", {"at": 0.5, "framing": "none"}, ContractError, "export_tronque", "ends within a line", 3),
    ("cut", {"at": 0.5, "framing": "clean"}, ContractError, "export_tronque", "in the middle of its gzip", 3),
    ("gzip_cut", {"at": 0.9}, ContractError, "export_tronque", "in the middle of its gzip", 3),
    ("gzip_bomb", {}, ContractError, "limite_depassee", "MCF_LIMIT_MAX_RATIO", 1),
    ("endless", {}, ContractError, "limite_depassee", "MCF_LIMIT_MAX_BYTES", 1),
    ("slow", {"seconds": 0.02}, ContractError, "limite_depassee", "MCF_LIMIT_MIN_BYTES_PER_SECOND", 1),
    ("body", {"base64": ""}, ContractError, "export_vide", "(0 bytes)", 1),
    ("reset", {}, SourceError, None, "cannot be reached", 3),
    ("reset", {"at": 0.5}, SourceError, None, "cannot be reached", 3),
    ("slow", {"seconds": 9}, SourceError, None, "timed out", 3),
    ("failing", {"status": 503}, SourceError, None, "failed with status 503: Unexpected error.", 3),
    ("failing", {"status": 410}, SourceError, None, "answered with status 410", 1),
    ("forbidden", {"on": "exports"}, SourceError, None, "MCF_API_KEY", 1),
    ("not_found", {"on": "exports"}, SourceError, None, "MCF_DATASET_ID", 1),
]


@pytest.mark.parametrize(("fault", "options", "kind", "rule", "fragment", "asked"), FAULTS)
def test_an_export_that_is_broken_for_ever(portal, client, tmp_path, key, fault, options, kind, rule, fragment, asked):
    portal.misbehave(fault, None, **{"on": "exports", **options})
    patience = 0.3 if "timed out" in fragment else 5.0
    source = client(portal.url, max_bytes=8 * 1024**2, read_timeout=patience)
    error = error_of(lambda: source.fetch(tmp_path / "in", ignore), key)
    assert isinstance(error, kind)
    assert getattr(error, "rule", None) == rule
    assert fragment in str(error)
    assert sum(r.kind == "exports" for r in portal.requests) == asked
    assert len(source.sleeps) == asked - 1
    assert list((tmp_path / "in").iterdir()) == []


@pytest.mark.parametrize("tenth", range(1, 10))
@pytest.mark.parametrize("framing", ["chunked", "length", "none"])
@pytest.mark.parametrize("format", ["csv", "parquet"])
def test_a_cut_at_any_place_is_seen(portal, client, tmp_path, key, tenth, framing, format):
    portal.misbehave("cut", None, at=tenth / 10, framing=framing)
    source = client(portal.url, formats=(format,), max_attempts=1)
    error = error_of(lambda: source.fetch(tmp_path, ignore), key)
    assert (type(error).__mro__[1], error.rule) == (ContractError, "export_tronque")


@pytest.mark.parametrize(
    ("fault", "options"),
    [
        ("cut", {}),
        ("gzip_cut", {}),
        ("reset", {"at": 0.3}),
        ("failing", {}),
        ("failing", {"status": 408, "on": "metadata"}),
        ("too_many", {"reset_in": 1, "on": "exports"}),
    ],
)
def test_a_fault_that_passes_is_got_over(portal, client, tmp_path, fault, options):
    portal.misbehave(fault, 2, **{"on": "exports", **options})
    source = client(portal.url)
    assert lines_of(source.fetch(tmp_path, ignore)) == 600
    assert len(source.sleeps) == 2


METADATA_FAULTS = [
    ("forbidden", {}, SourceError, "denies us access (status 403)", 1),
    (
        "not_found",
        {},
        SourceError,
        "knows no dataset 'moncompteformation-les-usagers'; check MCF_DATASET_ID",
        1,
    ),
    ("failing", {}, SourceError, "failed with status 500", 3),
    ("reset", {}, SourceError, "cannot be reached", 3),
    ("silent", {}, SourceError, "(timed out)", 3),
    ("slow_head", {"seconds": 0.05}, SourceError, "(timed out)", 3),
    ("html", {"on": "metadata"}, SourceError, "HTML instead of JSON", 1),
    ("body", {"on": "metadata"}, SourceError, "does not answer like an Opendatasoft portal", 1),
    ("garbage", {}, ContractError, "metas is ['default']", 1),
    ("garbage", {"value": 7}, ContractError, "the answer is 7", 1),
    ("garbage", {"value": {"metas": {"default": {}}}}, ContractError, "dataset_id is None", 1),
    ("endless", {"on": "metadata"}, SourceError, "more than 16,777,216 bytes", 1),
    ("gzip_bomb", {"on": "metadata", "megabytes": 15}, ContractError, "MCF_LIMIT_MAX_RATIO", 1),
]


@pytest.mark.parametrize(("fault", "options", "kind", "fragment", "asked"), METADATA_FAULTS)
def test_metadata_that_is_broken_for_ever(portal, client, key, fault, options, kind, fragment, asked):
    portal.misbehave(fault, None, **options)
    source = client(portal.url, read_timeout=0.3 if "timed out" in fragment else 5.0)
    error = error_of(source.metadata, key)
    assert isinstance(error, kind)
    assert fragment in str(error)
    assert len(portal.requests) == asked
    assert len(source.sleeps) == asked - 1


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("records_count", "many"),
        ("records_count", -1),
        ("records_count", 1.5),
        ("records_count", True),
        ("records_count", [7]),
        ("data_processed", 7),
        ("data_processed", "yesterday"),
        ("data_processed", "0001-01-01T00:00:00+14:00"),
        ("license", 3),
    ],
)
def test_metadata_of_a_wrong_type_is_named(portal, client, key, name, value):
    content = {"dataset_id": "moncompteformation-les-usagers", "metas": {"default": {name: value}}}
    portal.misbehave("garbage", value=content)
    error = error_of(client(portal.url).metadata, key)
    assert (type(error), error.rule) == (ContractError, "metadonnees_illisibles")
    assert f"{name} is " in str(error)


@pytest.mark.parametrize("fields", ["x", [7], [{}], [{"name": 7}], [{"name": "a", "label": 7}]])
def test_fields_of_a_wrong_type_are_named(portal, client, key, fields):
    content = {"dataset_id": "moncompteformation-les-usagers", "metas": {"default": {}}, "fields": fields}
    portal.misbehave("garbage", value=content)
    assert error_of(client(portal.url).metadata, key).rule == "metadonnees_illisibles"


def test_metadata_without_anything_optional(portal, client):
    content = {"dataset_id": "moncompteformation-les-usagers", "metas": {"default": {"keyword": "no list"}}}
    portal.misbehave("garbage", value=content)
    metadata = client(portal.url).metadata()
    assert (metadata.records_count, metadata.data_processed, metadata.fields) == (None, None, ())


def test_nan_in_metadata_is_not_told(portal, client):
    portal.misbehave("nan")
    assert client(portal.url).metadata().records_count is None


@pytest.mark.parametrize("fault", [("restricted", {}), ("wrong_count", {"by": -600})])
def test_a_restricted_or_empty_dataset_is_refused_before_the_download(portal, client, tmp_path, key, fault):
    portal.misbehave(fault[0], **fault[1])
    error = error_of(lambda: client(portal.url).fetch(tmp_path, ignore), key)
    assert (type(error), error.rule) == (ContractError, "export_vide")
    assert "empty or restricted" in str(error)
    assert [r.kind for r in portal.requests] == ["metadata"]


# What only the lines can tell is the reader's to refuse: the client hands it on.
@pytest.mark.parametrize(
    ("fault", "options", "rule"),
    [
        ("header_only", {}, "export_vide"),
        ("wrong_count", {"by": 1}, "export_tronque"),
        ("wrong_count", {"by": -1}, "lignes_en_trop"),
        ("charset", {"charset": "latin-1"}, None),
        ("charset", {"charset": "utf-16"}, None),
        ("bom_twice", {}, None),
        ("data_processed", {}, None),
    ],
)
def test_what_only_the_lines_tell_reaches_the_reader(portal, client, tmp_path, fault, options, rule):
    portal.misbehave(fault, None, **options)
    received = client(portal.url).fetch(tmp_path, ignore)
    if rule is None:
        assert lines_of(received) == 600
        return
    with pytest.raises(ContractError) as caught:
        lines_of(received)
    assert caught.value.rule == rule


def test_data_processed_moves_and_the_content_stays(portal, client):
    before = client(portal.url)
    first = before.peek()
    portal.misbehave("data_processed", None, days=2)
    after = client(portal.url)
    assert after.peek().data_processed - first.data_processed == dt.timedelta(days=2)
    assert after.peek().records_count == first.records_count


# -- quota -----------------------------------------------------------------------------------------------


def test_a_quota_that_comes_back_later_is_said_at_once(portal, client, key):
    portal.misbehave("too_many", None, reset_in=7200)
    source = client(portal.url)
    error = error_of(source.peek, key)
    assert isinstance(error, RateLimitedError)
    assert abs(error.reset_at - dt.datetime.now(dt.UTC) - dt.timedelta(hours=2)) < dt.timedelta(minutes=1)
    assert f"{error.reset_at:%Y-%m-%d %H:%M} UTC" in str(error)
    assert (len(portal.requests), source.sleeps) == (1, [])


def test_a_quota_that_never_comes_back_ends_after_all_attempts(portal, client, key):
    portal.misbehave("too_many", None, reset_in=1)
    source = client(portal.url)
    error = error_of(source.peek, key)
    assert isinstance(error, RateLimitedError)
    assert len(portal.requests) == 3
    assert all(seconds <= 3 for seconds in source.sleeps)


def test_retry_after_counts_more_than_the_reset(portal, client):
    portal.misbehave("too_many", reset_in=7200, retry_after=1)
    source = client(portal.url)
    assert source.peek().records_count == 600
    assert 0.8 < source.sleeps[0] <= 1


def test_the_daily_quota_is_kept(client, tiny, key):
    with SimulatedPortal([tiny(dt.date(2026, 7, 8))], quota=2) as portal:
        source = client(portal.url)
        assert [source.metadata().quota_left for _ in range(2)] == [1, 0]
        error = error_of(source.metadata, key)
        assert isinstance(error, RateLimitedError)
        tomorrow = dt.datetime.now(dt.UTC).date() + dt.timedelta(days=1)
        assert error.reset_at == dt.datetime.combine(tomorrow, dt.time(), dt.UTC)


# -- settings --------------------------------------------------------------------------------------------


def test_an_unknown_dataset(portal, client, key):
    error = error_of(client(portal.url, dataset_id="no-such-dataset").metadata, key)
    assert "knows no dataset 'no-such-dataset'; check MCF_DATASET_ID and MCF_PORTAL_URL" in str(error)


@pytest.mark.parametrize("dataset_id", ["../x", "a/b", "a?b=c", ".", "a b", "a\nb"])
def test_a_dataset_id_that_is_none(dataset_id, client):
    with pytest.raises(UsageError, match="MCF_DATASET_ID"):
        client("http://127.0.0.1:1", dataset_id=dataset_id)


@pytest.mark.parametrize(
    "url",
    ["http://me:secret@127.0.0.1", "http://127.0.0.1/?apikey=secret", "http://", "http://[", "http://h:x"],
)
def test_an_address_that_is_none_is_not_repeated(url, client):
    with pytest.raises(UsageError, match="MCF_PORTAL_URL") as caught:
        client(url)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("bad", ["two\nlines-secret", "blank secret ", "sécret"])
def test_a_key_that_is_none_is_not_repeated(bad, client):
    with pytest.raises(UsageError, match="MCF_API_KEY") as caught:
        client("http://127.0.0.1:1", api_key=bad)
    assert "cret" not in str(caught.value)


def test_nobody_listens(client, key):
    error = error_of(client("http://127.0.0.1:1").metadata, key)
    assert "cannot be reached (Connection refused); check the network and MCF_PORTAL_URL" in str(error)


def test_no_such_host(client, key):
    error = error_of(client("http://portal.invalid").metadata, key)
    assert isinstance(error, SourceError)
    assert "http://portal.invalid/api/explore/v2.1" in str(error)


def test_the_key_is_in_no_repr(client, key, portal):
    source = client(portal.url)
    assert key not in repr(source) + str(source)
    source.metadata()
    assert key not in json.dumps([str(r) for r in portal.requests])


def test_naming_the_source_loads_no_requests(tmp_path):
    """The command line imports it for every command, help included."""
    code = (
        "import sys, mcf_pipeline.sources.portal, mcf_pipeline.sources.file;"
        "import mcf_pipeline.sample.portal;"
        "assert not {'requests', 'urllib3', 'duckdb', 'pyarrow', 'numpy'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    PortalSource(Settings(DataDir(tmp_path)))
