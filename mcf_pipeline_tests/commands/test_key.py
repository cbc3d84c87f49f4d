"""The key of the portal's API appears nowhere, even where the portal itself repeats it in all that it says.

The console script runs in a process of its own against a portal over real HTTP; what it prints, everything below
its data directory and the temporary files are then searched, opened and unpacked. `test_searching` shows that
the search finds.
"""

from __future__ import annotations

import base64
import json
import logging
import os
import socket
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from unittest import mock
from urllib.parse import quote

import dagster as dg
import pytest
import requests
from click.testing import CliRunner

from mcf_pipeline.cli import main
from mcf_pipeline.definitions import ASSETS, defs
from mcf_pipeline.orchestration.instance import open_instance
from mcf_pipeline.orchestration.jobs import INTAKE, JOB
from mcf_pipeline.orchestration.resources import WorkspaceResource
from mcf_pipeline.orchestration.sensors import release_sensor
from mcf_pipeline.settings import DATASET_ID
from mcf_pipeline.sources.secret import MASK
from mcf_pipeline_tests.commands.searching import places_of, texts_with
from mcf_pipeline_tests.commands.terminal import Answer
from mcf_pipeline_tests.exports import parquet_bytes
from mcf_pipeline_tests.orchestration.assets import small
from mcf_pipeline_tests.portal import SimulatedPortal

KEY = "Kx7/s3cr+t\\'\"&=9zQ%20w"
"""With a character for each kind of escape."""

SCRIPT = Path(sys.executable).with_name("mcf-pipeline")


@dataclass(frozen=True)
class Machine:
    """Where a command runs: its data directory, its temporary files, and the environment with the key."""

    folder: Path
    portal_url: str

    @property
    def env(self) -> dict[str, str]:
        return {
            "MCF_API_KEY": KEY,
            "MCF_PORTAL_URL": self.portal_url,
            "MCF_DATA_DIR": str(self.folder / "data"),
            "MCF_LIMIT_MAX_ATTEMPTS": "1",
        }

    def mcf(self, *arguments: object, code: int, **env: str) -> Answer:
        """Run the console script; nothing that it says may hold the key."""
        (self.folder / "tmp").mkdir(parents=True, exist_ok=True)
        own = {name: value for name, value in os.environ.items() if not name.startswith(("MCF_", "DAGSTER_"))}
        done = subprocess.run(
            [SCRIPT, *map(str, arguments)],
            env=own | self.env | {"TMPDIR": str(self.folder / "tmp")} | env,
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert done.returncode == code, done.stderr
        assert not texts_with(KEY, done.stdout, done.stderr)
        return Answer(done.returncode, done.stdout, done.stderr)

    def mcf_here(self, *arguments: object, code: int) -> Answer:
        """The same in this process, at a tenth of the cost; a traceback is printed as Python would."""
        (self.folder / "tmp").mkdir(parents=True, exist_ok=True)
        with mock.patch.object(tempfile, "tempdir", str(self.folder / "tmp")):
            result = CliRunner().invoke(main, [*map(str, arguments)], prog_name="mcf-pipeline", env=self.env)
        error = result.exception
        raised = "".join(traceback.format_exception(error)) if error and not isinstance(error, SystemExit) else ""
        assert result.exit_code == code, result.output
        assert not texts_with(KEY, result.stdout, result.stderr, raised)
        return Answer(result.exit_code, result.stdout, result.stderr + raised)

    def search(self) -> None:
        assert not places_of(KEY, self.folder)


@pytest.fixture(scope="module")
def running() -> Iterator[SimulatedPortal]:
    """It offers no Parquet, so that what an export holds can be read without unpacking it."""
    with SimulatedPortal([small.FIRST], formats=("csv",)) as found:
        yield found


@pytest.fixture
def portal(running: SimulatedPortal) -> Iterator[SimulatedPortal]:
    yield running
    assert running.requests[-1].has_key, "without the key there is nothing to find"
    running.behave()


@pytest.fixture
def machine(tmp_path: Path, running: SimulatedPortal) -> Machine:
    return Machine(tmp_path, running.url)


# -- what a portal can say -----------------------------------------------------------------------------------

ESCAPED = "".join(f"\\u{ord(c):04x}" for c in KEY)

ECHO = {"X-Echo": f"Apikey {KEY}", "Set-Cookie": f"key={quote(KEY, safe='')}"}


def content(body: bytes, **options: object) -> dict[str, object]:
    return {"base64": base64.b64encode(body).decode(), **options}


def says(status: int, message: str = f"no access with {KEY}") -> dict[str, object]:
    told = {"error_code": KEY, "message": message, "errorcode": 10002, "error": KEY, "reset_time": KEY}
    headers = ECHO | {"Retry-After": KEY, "X-RateLimit-Reset": KEY, "X-RateLimit-Remaining": KEY}
    return content(json.dumps(told).encode(), status=status, content_type="application/json", headers=headers)


def metadata_with_the_key(portal: SimulatedPortal) -> dict[str, object]:
    """The portal's own, with the key wherever a text stands, in several spellings."""
    told = requests.get(f"{portal.url}/api/explore/v2.1/catalog/datasets/{DATASET_ID}", timeout=10).json()
    told["metas"]["default"] |= {"license": f"Licence {KEY}", "title": KEY, "publisher": KEY}
    told["metas"]["default"]["keyword"] = [*told["metas"]["default"]["keyword"], KEY]
    told["request"] = {"headers": {"Authorization": f"Apikey {KEY}"}}
    for at, found in enumerate(told["fields"]):
        spelled = [KEY, quote(KEY, safe=""), base64.b64encode(KEY.encode()).decode()][at % 3]
        found |= {"label": f"{found['label']} {spelled}", "description": spelled}
    told["fields"].append({"name": KEY, "label": KEY, "description": KEY, "type": "text"})
    return told


# -- what goes well ------------------------------------------------------------------------------------------


def test_a_release_from_a_portal_that_repeats_the_key_is_published_without_it(
    machine: Machine, portal: SimulatedPortal
) -> None:
    body = json.dumps(metadata_with_the_key(portal)).encode()
    portal.misbehave("body", None, on="metadata", **content(body, headers=ECHO))
    first = machine.mcf("--debug", "run", "--dagster-logs", code=0)
    assert "Release 2021-01-08: 4 quarters new" in first.out
    assert "RUN_SUCCESS" in first.err
    machine.mcf("doctor", code=0)
    machine.mcf("status", code=0)
    for arguments in (("run",), ("status", "--json"), ("doctor", "--json"), ("export", machine.folder / "all.xlsx")):
        machine.mcf_here(*arguments, code=0)
    (manifest,) = (machine.folder / "data").glob("raw/releases/*/manifest.json")
    assert json.loads(manifest.read_text())["licence"] == f"Licence {MASK}"
    assert list((machine.folder / "data" / "dagster").rglob("*.db"))
    for made in ("package/datapackage.json", "package/publications.atom", "site/index.html", "warehouse/mcf.duckdb"):
        assert (machine.folder / "data" / made).is_file()
    machine.search()


def test_a_portal_that_behaves_is_sent_the_key_in_the_header_alone(machine: Machine, portal: SimulatedPortal) -> None:
    before = len(portal.requests)
    assert '"ready": true' in machine.mcf_here("doctor", "--json", code=0).out
    asked = portal.requests[before:]
    assert asked
    assert all(request.has_key for request in asked)
    assert not texts_with(KEY, *(repr((r.path, r.query, r.headers)) for r in asked))
    machine.search()


# -- what fails, before Dagster is there ---------------------------------------------------------------------

WITHOUT_METADATA = {
    "401": ("body", says(401), 3),
    "403": ("body", says(403), 3),
    "403, its message cut within the key": ("body", says(403, "x" * 190 + KEY), 3),
    "404": ("body", says(404), 3),
    "429": ("body", says(429), 3),
    "500": ("body", says(500), 3),
    "an HTML body": ("body", content(f"<html><body>Apikey {KEY}</body></html>".encode()), 3),
    "another dataset": ("body", content(json.dumps({"dataset_id": KEY, "metas": {"default": {}}}).encode()), 4),
    "a JSON text": ("body", content(json.dumps(KEY).encode()), 4),
    "an encoding that is none": ("raw", content(f"HTTP/1.1 200 OK\r\nContent-Encoding: {KEY}\r\n\r\n".encode()), 3),
    "a redirect that holds the key": ("redirect", {"to": f"/{quote(KEY, safe='')}"}, 3),
    "a redirect with the key as a parameter": ("redirect", {"to": f"?apikey={quote(KEY, safe='')}"}, 3),
    "a redirect to no address": ("redirect", {"to": f"http://{KEY}:x"}, 3),
    "redirects without end": ("redirect", {"to": ""}, 3),
    "a status line that is none": ("raw", content(f"ERROR Apikey {KEY}\r\n\r\n".encode()), 3),
    "a head that cannot be parsed": ("raw", content(f"HTTP/1.1 403 {KEY}\r\nApikey {KEY}\r\n\r\n".encode()), 3),
    "chunks that are none": (
        "raw", content(f"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{KEY}\r\n".encode()), 4
    ),
}  # fmt: skip

IN_A_PROCESS = {"403", "a status line that is none", "a head that cannot be parsed"}
"""Whose output is also seen as a user sees it: libraries may write to it past ours."""


@pytest.mark.parametrize("name", WITHOUT_METADATA)
def test_a_failure_shows_no_key_not_even_in_its_traceback(machine: Machine, portal: SimulatedPortal, name: str) -> None:
    fault, options, code = WITHOUT_METADATA[name]
    portal.misbehave(fault, None, **{"on": "metadata", **options})  # type: ignore[arg-type]
    assert "Traceback (most recent call last)" in machine.mcf_here("--debug", "run", code=1).err
    machine.mcf_here("run", code=code)
    machine.mcf_here("doctor", code=code)
    assert '"reachable"' in machine.mcf_here("doctor", "--json", code=code).out
    if name in IN_A_PROCESS:
        assert "Traceback (most recent call last)" in machine.mcf("--debug", "run", code=1).err
        assert machine.mcf("run", code=code).error
    machine.search()


def test_a_redirect_to_another_host_takes_no_key_along(machine: Machine, portal: SimulatedPortal) -> None:
    with SimulatedPortal([small.FIRST]) as other:
        to = f"{other.url}/api/explore/v2.1/catalog/datasets/{DATASET_ID}"
        portal.misbehave("redirect", None, on="metadata", to=to)
        other.misbehave("forbidden", None, on="metadata")
        assert "403" in machine.mcf_here("run", code=3).error
        assert [request.has_key for request in other.requests] == [False]
        assert not texts_with(KEY, repr(other.requests))
    machine.search()


def test_a_host_that_cannot_be_reached(tmp_path: Path) -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        machine = Machine(tmp_path, f"http://127.0.0.1:{held.getsockname()[1]}")
        assert "Connection refused" in machine.mcf("--debug", "run", code=1).err
        machine.mcf_here("doctor", "--json", code=3)
    machine.search()


@pytest.mark.parametrize(
    "url", [f"http://me:{KEY}@127.0.0.1:1", f"http://127.0.0.1:1/?apikey={KEY}", f"127.0.0.1/?apikey={KEY}"]
)
def test_a_key_in_the_address_is_not_repeated(machine: Machine, url: str) -> None:
    elsewhere = Machine(machine.folder, url)
    assert "MCF_PORTAL_URL" in elsewhere.mcf_here("run", code=2).error


# -- what fails within a run of Dagster, which keeps the whole chain of an error -----------------------------

WITHOUT_EXPORT = {
    "403": ("body", says(403), 3),
    "a status line that is none": ("raw", content(f"ERROR Apikey {KEY}\r\n\r\n".encode()), 3),
    "a JSON body": ("body", content(json.dumps({"message": KEY}).encode()), 4),
    "a JSON body with every character escaped": ("body", content(f'{{"message": "{ESCAPED}"}}'.encode()), 4),
    "the key in a name of a column": ("body", content(f"a;{KEY};b\r\n1;2;3\r\n".encode()), 3),
    "the key in a name of a Parquet column": ("body", content(parquet_bytes([{KEY: "1"}])), 3),
    "the key in a cell": ("body", content(b"a;b\r\n" + b"1;2\r\n" * 10**5 + f"1;{KEY}\r\n".encode()), 3),
}  # fmt: skip


@pytest.mark.parametrize("name", WITHOUT_EXPORT)
def test_a_failed_run_leaves_no_key_in_the_history(
    machine: Machine,
    portal: SimulatedPortal,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    name: str,
) -> None:
    """The command line fetches before there is a run; a run of the sensor's fetches in its step."""
    fault, options, code = WITHOUT_EXPORT[name]
    if fault == "body" and options.get("status") is None and "Parquet" not in name:
        portal.misbehave("not_found", on="exports")  # else it would be refused as no Parquet at once
    portal.misbehave(fault, None, **{"on": "exports", **options})  # type: ignore[arg-type]
    if name == "403":
        assert "Traceback (most recent call last)" in machine.mcf("--debug", "run", "--dagster-logs", code=1).err
    else:
        machine.mcf_here("run", code=code)
    for variable, value in machine.env.items():
        monkeypatch.setenv(variable, value)
    with open_instance() as instance:
        job = defs.resolve_job_def(JOB)
        result = job.execute_in_process(instance=instance, asset_selection=INTAKE, raise_on_error=False)
    assert not result.success
    shown = capfd.readouterr()
    assert "RUN_FAILURE" in shown.err
    assert not texts_with(KEY, *shown)
    assert places_of("STEP_FAILURE", machine.folder / "data" / "dagster")
    machine.search()


# -- the sensor ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["403", "429", "another dataset", "a status line that is none"])
def test_a_tick_of_the_sensor_remembers_no_key(
    machine: Machine,
    portal: SimulatedPortal,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
    name: str,
) -> None:
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("MCF_PORTAL_URL", portal.url)
    monkeypatch.setenv("MCF_API_KEY", KEY)
    monkeypatch.setenv("MCF_LIMIT_MAX_ATTEMPTS", "1")
    fault, options, _ = WITHOUT_METADATA[name]
    portal.misbehave(fault, None, **{"on": "metadata", **options})  # type: ignore[arg-type]
    resources = {"workspace": WorkspaceResource(data_dir=str(machine.folder / "data"), source="portal")}
    with (
        dg.DagsterInstance.local_temp(str(machine.folder)) as instance,
        dg.build_sensor_context(instance=instance, resources=resources, definitions=defs) as context,
    ):
        result = release_sensor(ASSETS)(context)
    assert isinstance(result, dg.SensorResult)
    assert json.loads(result.cursor or "")["failures"] == 1
    reason = getattr(result.skip_reason, "skip_message", None)
    assert reason
    assert not texts_with(KEY, result.cursor or "", reason, caplog.text, *capfd.readouterr())
    machine.search()
