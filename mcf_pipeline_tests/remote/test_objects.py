"""Requests to a bucket: conditions, attempts, and errors in one line that name no secret."""

from __future__ import annotations

import urllib.request
from collections import Counter
from dataclasses import replace

import pytest

from mcf_pipeline.errors import StoreError, UsageError
from mcf_pipeline.remote.objects import ConflictError, MissingError, Objects
from mcf_pipeline.settings import Limits, Settings
from mcf_pipeline_tests.commands.terminal import mcf_here
from mcf_pipeline_tests.remote.bucket import KEY_ID, SECRET

LIMITS = Limits(store_attempts=4, max_wait=0.01)


@pytest.fixture
def env(bucket, tmp_path, monkeypatch) -> dict[str, str]:
    """The environment of this process is a machine's."""
    env = bucket.machine(tmp_path / "cache")
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    return env


@pytest.fixture
def objects(bucket, env) -> Objects:
    return Objects(bucket.url, LIMITS)


def test_what_is_written_is_listed_and_read(objects, bucket, tmp_path):
    (tmp_path / "file").write_bytes(b"from a file")
    etag = objects.write("a/b", b"bytes")
    objects.write("a/c", tmp_path / "file")
    objects.write("ab", b"of another folder")
    assert [(found.key, found.size) for found in objects.listed("a/")] == [("a/b", 5), ("a/c", 11)]
    assert objects.read("a/b") == (b"bytes", etag)
    objects.fetch("a/c", tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == b"from a file"
    assert bucket.read("ab") == b"of another folder"
    objects.delete(["a/b", "a/gone"])
    with pytest.raises(MissingError):
        objects.read("a/b")
    with pytest.raises(MissingError):
        objects.fetch("a/b", tmp_path / "none")


def test_a_name_is_taken_once(objects, bucket):
    objects.write("name", b"first", new=True)
    with pytest.raises(ConflictError):
        objects.write("name", b"second", new=True)
    assert bucket.read("name") == b"first"


def test_only_what_was_read_is_replaced(objects, bucket):
    etag = objects.write("name", b"first")
    later = objects.write("name", b"second", instead_of=etag)
    with pytest.raises(ConflictError):
        objects.write("name", b"third", instead_of=etag)
    assert bucket.read("name") == b"second"
    objects.write("name", b"third", instead_of=later)
    assert bucket.read("name") == b"third"


def test_a_store_without_conditions_is_looked_at_before_it_is_written(bucket, env, monkeypatch, caplog):
    monkeypatch.setenv("AWS_CONDITIONAL_PUT", "disabled")
    objects = Objects(bucket.url, LIMITS)
    etag = objects.write("name", b"first", new=True)
    for condition in ({"new": True}, {"instead_of": '"another"'}):
        with pytest.raises(ConflictError):
            objects.write("name", b"second", **condition)
    objects.write("name", b"third", instead_of=etag)
    assert bucket.read("name") == b"third"
    assert "use it from one machine at a time" in caplog.text


@pytest.mark.parametrize("status", [500, 503])
def test_a_store_that_fails_for_a_while_is_asked_again(objects, bucket, status):
    asked: Counter[tuple[str, str]] = Counter()

    def before(method: str, key: str) -> int | None:
        asked[method, key] += 1
        return status if asked[method, key] <= 3 else None

    bucket.front.before = before
    objects.write("name", b"content", new=True)
    assert objects.read("name")[0] == b"content"
    assert [found.key for found in objects.listed("")] == ["name"]
    assert set(asked.values()) == {4}


def test_a_condition_holds_for_a_write_that_is_repeated(objects, bucket):
    """The store has written it, and then says that it failed: the next attempt finds the name taken."""
    calls = []

    def before(method: str, key: str) -> int | None:
        calls.append(method)
        if len(calls) == 1:
            bucket.put("name", b"content")
            return 500
        return None

    bucket.front.before = before
    with pytest.raises(ConflictError):
        objects.write("name", b"content", new=True)
    # `Releases` and `Published` look whose it is.
    assert objects.read("name")[0] == b"content"


def test_a_store_that_goes_on_failing_is_an_error_of_one_line(bucket, env):
    bucket.front.before = lambda method, key: 503
    answer = mcf_here("status", **env, MCF_LIMIT_STORE_ATTEMPTS="3", MCF_LIMIT_MAX_WAIT="0.01")
    assert answer.code == 3
    assert answer.error.startswith(f"{bucket.url} cannot be reached (503 Service Unavailable")
    assert "run again later" in answer.error
    assert len(bucket.front.seen) == 3
    assert_no_secret(answer.err)


def test_a_store_that_is_not_there_is_an_error_of_one_line(bucket, env):
    gone = replace(Settings.from_env(env).limits, store_attempts=2, max_wait=0.01)
    bucket.front.close()
    with pytest.raises(StoreError, match="cannot be reached") as raised:
        list(Objects(bucket.url, gone).listed(""))
    assert "\n" not in str(raised.value)
    assert_no_secret(str(raised.value))


def test_a_bucket_that_is_not_there_is_named(bucket, env):
    answer = mcf_here("run", "--source", "sample", **env | {"MCF_DATA_DIR": "s3://no-such-bucket/mcf"})
    assert answer.code == 3
    assert answer.error.startswith("there is no bucket for s3://no-such-bucket/mcf: create it")


@pytest.fixture
def guarded(bucket):
    """The server refuses who it does not know from now on."""

    def after(requests: str) -> None:
        asked = urllib.request.Request(f"{bucket.server}/moto-api/reset-auth", data=requests.encode(), method="POST")
        asked.add_header("Content-Type", "text/plain")
        with urllib.request.urlopen(asked) as reply:
            assert reply.status == 200

    after("0")
    yield
    after("inf")


@pytest.mark.parametrize(
    "command", [("status",), ("run", "--source", "sample"), ("sql", "SELECT 1")], ids=lambda c: c[0]
)
def test_wrong_credentials_are_an_error_of_one_line(bucket, env, guarded, command):
    answer = mcf_here(*command, **env)
    assert answer.code == 3
    assert answer.error.startswith(f"{bucket.url} refuses access (403 Forbidden, InvalidAccessKeyId)")
    assert_no_secret(answer.err)


def test_credentials_of_a_profile_are_used(bucket, env, monkeypatch, tmp_path):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    (tmp_path / "credentials").write_text("[mcf]\naws_access_key_id = AKIA-of-a-profile\naws_secret_access_key = x\n")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_PROFILE", "mcf")
    Objects(bucket.url, LIMITS).write("name", b"")
    assert "Credential=AKIA-of-a-profile/" in bucket.front.authorizations[-1]
    monkeypatch.setenv("AWS_PROFILE", "none")
    with pytest.raises(StoreError, match=r"the profile of AWS_PROFILE cannot be used: .*none"):
        Objects(bucket.url, LIMITS).read("name")


def test_credentials_of_the_environment_are_used(bucket, objects):
    objects.write("name", b"")
    assert f"Credential={KEY_ID}/" in bucket.front.authorizations[-1]


def test_without_the_extra_one_line_says_how_to_get_it(bucket, env, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "obstore.store", None)
    with pytest.raises(UsageError, match=r"needs the extra `cluster`, which is not installed: `pip install "):
        Objects(bucket.url, LIMITS).read("name")


def assert_no_secret(text: str) -> None:
    assert SECRET not in text
    assert KEY_ID not in text
