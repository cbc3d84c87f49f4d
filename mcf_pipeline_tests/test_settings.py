"""Settings: environment, options over it, limits, and the paths inside a data directory."""

from __future__ import annotations

from pathlib import Path

import pytest

from mcf_pipeline.errors import UsageError
from mcf_pipeline.settings import DATASET_ID, PORTAL, PORTAL_URL, DataDir, Limits, Settings


def test_without_anything_the_source_is_the_portal(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    settings = Settings.from_env({})
    assert (settings.source, settings.portal_url, settings.dataset_id) == (PORTAL, PORTAL_URL, DATASET_ID)
    assert settings.data_dir.root == tmp_path / "data"
    assert (settings.api_key, settings.source_map, settings.limits) == (None, None, Limits())


@pytest.mark.parametrize(
    ("env", "given", "expected"),
    [
        ({"MCF_SOURCE": "sample"}, {}, "data/sample"),
        ({}, {"source": "sample"}, "data/sample"),
        ({"MCF_SOURCE": "sample"}, {"source": "portal"}, "data"),
        ({"MCF_SOURCE": "sample", "MCF_DATA_DIR": "elsewhere"}, {}, "elsewhere"),
        ({"MCF_DATA_DIR": "elsewhere"}, {"data_dir": Path("given")}, "given"),
        ({"MCF_DATA_DIR": ""}, {}, "data"),
    ],
)
def test_options_stand_over_the_environment_and_the_sample_has_its_own_directory(
    tmp_path, monkeypatch, env, given, expected
):
    monkeypatch.chdir(tmp_path)
    assert Settings.from_env(env, **given).data_dir.root == tmp_path / expected


def test_every_variable_is_read():
    settings = Settings.from_env(
        {
            "MCF_SOURCE": "/tmp/export.csv",
            "MCF_PORTAL_URL": "http://127.0.0.1:8000/",
            "MCF_DATASET_ID": "autre",
            "MCF_API_KEY": "clef",
            "MCF_SOURCE_MAP": "carte.toml",
            "MCF_LIMIT_MAX_COLUMNS": "7",
            "MCF_QUARTERS_PER_RUN": "4",
        }
    )
    assert settings.source == "/tmp/export.csv"
    assert settings.portal_url == "http://127.0.0.1:8000"
    assert (settings.dataset_id, settings.api_key) == ("autre", "clef")
    assert settings.source_map == Path("carte.toml")
    assert settings.limits == Limits(max_columns=7)
    assert settings.quarters_per_run == 4


@pytest.mark.parametrize("text", ["0", "-1", "1.5", "all", "²"])
def test_quarters_per_run_are_a_whole_number_from_1(text):
    with pytest.raises(UsageError, match="MCF_QUARTERS_PER_RUN is "):
        Settings.from_env({"MCF_QUARTERS_PER_RUN": text})


def test_the_key_is_never_shown():
    assert "clef" not in repr(Settings.from_env({"MCF_API_KEY": "clef"}))


def test_an_address_that_is_none_is_refused():
    with pytest.raises(UsageError, match=r"MCF_PORTAL_URL is 'portail\.fr'"):
        Settings.from_env({"MCF_PORTAL_URL": "portail.fr"})


@pytest.mark.parametrize("name", Limits.__slots__)
def test_every_limit_has_its_variable(name):
    env = {f"MCF_LIMIT_{name.upper()}": "3"}
    assert getattr(Limits.from_env(env), name) == 3


@pytest.mark.parametrize("text", ["", "0", "-1", "viel", "nan", "1.5"])
def test_a_limit_that_is_no_positive_whole_number_is_refused(text):
    with pytest.raises(UsageError, match=r"MCF_LIMIT_MAX_BYTES .* positive number"):
        Limits.from_env({"MCF_LIMIT_MAX_BYTES": text})


def test_the_paths_are_those_of_the_design():
    data_dir = DataDir(Path("/d"))
    assert {name: str(getattr(data_dir, name)) for name in ("releases", "quarters", "tables", "package")} == {
        "releases": "/d/raw/releases",
        "quarters": "/d/raw/quarters",
        "tables": "/d/tables",
        "package": "/d/package",
    }
    assert str(data_dir.published_database) == "/d/warehouse/mcf.duckdb"


def test_addresses_of_notices_stand_between_blanks_and_are_never_shown():
    urls = ("json://mcf:pass-w0rd@hooks.example.org/a,b", "mailtos://mail.example.org?to=a@example.org,b@example.org")
    settings = Settings.from_env({"MCF_NOTIFY": f"  {urls[0]}\n{urls[1]} "})
    assert settings.notify == urls
    assert "hooks" not in repr(settings)
    assert "pass-w0rd" not in repr(settings)
    assert Settings.from_env({}).notify == ()


@pytest.mark.parametrize(
    ("content", "key"), [("s3cret-key\n", "s3cret-key"), ("s3cret-key", "s3cret-key"), ("\n", None)]
)
def test_the_key_can_be_in_a_file(tmp_path, content, key):
    (tmp_path / "key").write_text(content)
    assert Settings.from_env({"MCF_API_KEY_FILE": str(tmp_path / "key")}).api_key == key
    assert Settings.from_env({"MCF_API_KEY_FILE": str(tmp_path / "key"), "MCF_API_KEY": "other"}).api_key == "other"


def test_a_file_of_the_key_that_cannot_be_used_is_named_and_not_quoted(tmp_path):
    with pytest.raises(UsageError, match=r"MCF_API_KEY_FILE is .*No such file"):
        Settings.from_env({"MCF_API_KEY_FILE": str(tmp_path / "none")})
    (tmp_path / "key").write_bytes("clé-s3cret".encode())
    with pytest.raises(UsageError, match="not ASCII") as refused:
        Settings.from_env({"MCF_API_KEY_FILE": str(tmp_path / "key")})
    assert "s3cret" not in str(refused.value)
    assert refused.value.__cause__ is None
    assert refused.value.__suppress_context__


@pytest.mark.parametrize(
    "url",
    [
        "s3://AKIA:s3cret@bucket/mcf",
        "s3://bucket/mcf?key=s3cret",
        "s3://bucket/../s3cret",
        "s3://bucket//s3cret",
        "s3:///s3cret",
        "gs://bucket/s3cret",
        "https://s3cret.example.org/mcf",
    ],
)
def test_a_url_that_cannot_be_used_is_refused_and_not_quoted(url):
    with pytest.raises(UsageError, match="give a folder, or s3://bucket/prefix") as refused:
        Settings.from_env({"MCF_DATA_DIR": url})
    assert "s3cret" not in str(refused.value)


def test_a_bucket_has_a_working_copy_of_its_own():
    cache = {"MCF_CACHE_DIR": "/cache"}
    found = Settings.from_env({**cache, "MCF_DATA_DIR": "s3://bucket/some/prefix/"})
    assert found.store == found.place == "s3://bucket/some/prefix"
    assert str(found.data_dir.root).startswith("/cache/bucket-some-prefix-")
    assert Settings.from_env(cache, data_dir="s3://bucket/some/prefix").data_dir == found.data_dir
    # Other places: another prefix that would be spelt alike, and the same one of another server.
    others = [
        Settings.from_env(cache, data_dir="s3://bucket/some-prefix"),
        Settings.from_env({**cache, "AWS_ENDPOINT_URL": "http://127.0.0.1:9000"}, data_dir="s3://bucket/some/prefix"),
    ]
    assert len({found.data_dir, *(other.data_dir for other in others)}) == 3


def test_a_folder_has_no_store():
    found = Settings.from_env({"MCF_DATA_DIR": "/srv/mcf", "MCF_CACHE_DIR": "/cache"})
    assert (found.store, found.place, found.data_dir) == (None, "/srv/mcf", DataDir(Path("/srv/mcf")))
