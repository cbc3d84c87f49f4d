"""CI's audit of dependencies: real pip-audit and npm against an index of our own, which knows what it is told."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

AUDIT = Path(__file__).resolve().parents[2] / ".ci" / "audit.py"
NOBODY = "http://127.0.0.1:9"
"""The port of a service that nobody has run for decades."""

PYTHON_ADVISORY = {"id": "GHSA-test", "summary": "bad", "affected": [], "aliases": []}
NPM_ADVISORY = {"id": 1, "url": "", "title": "bad", "severity": "high", "vulnerable_versions": "<=1.0.0"}


@contextmanager
def index(python: str | None = None, npm: str | None = None, status: int = 200) -> Iterator[str]:
    """OSV's and npm's interfaces in one; `python` and `npm` are the packages with a vulnerability."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            if self.path.endswith("/bulk"):
                answer = {npm: [NPM_ADVISORY]} if npm else {}
            else:
                asked = json.loads(body)["package"]["name"]
                answer = {"vulns": [PYTHON_ADVISORY]} if asked == python else {}
            self._answer(status, answer)

        def do_GET(self) -> None:
            """What npm asks of a vulnerable package: its versions."""
            self._answer(200, {"name": npm, "versions": {"1.0.0": {"name": npm, "version": "1.0.0"}}})

        def _answer(self, code: int, answer: object) -> None:
            sent = json.dumps(answer).encode()
            self.send_response(code)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(sent)))
            self.end_headers()
            self.wfile.write(sent)

        def log_message(self, format: str, *args: object) -> None:
            """Nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def audit(folder: Path, url: str, *more: str) -> tuple[int, dict[str, str]]:
    """Exit code, and what is said of either."""
    lock = folder / "requirements.lock"
    lock.write_text(f"some-package==1.0.0 \\\n    --hash=sha256:{'0' * 64}\nother==2.0 --hash=sha256:{'1' * 64}\n")
    packages = {"": {"dependencies": {"left": "1.0.0"}}, "node_modules/left": {"version": "1.0.0"}}
    (folder / "package.json").write_text(
        json.dumps({"name": "x", "version": "1.0.0", "dependencies": {"left": "1.0.0"}})
    )
    (folder / "package-lock.json").write_text(json.dumps({"name": "x", "lockfileVersion": 3, "packages": packages}))
    indexes = (f"--osv-url={url}/v1/query", f"--npm-registry={url}")
    done = subprocess.run(
        [sys.executable, AUDIT, f"--lock={lock}", f"--front={folder}", *indexes, *more],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    said = [line.removeprefix("audit of ").split(": ", 1) for line in done.stdout.splitlines()]
    assert len(said) == 2, done.stderr
    return done.returncode, dict(said)


def test_none_found_has_passed(tmp_path):
    with index() as url:
        code, said = audit(tmp_path, url)
    assert code == 0, said
    assert said["Python's packages"] == "passed: 2 packages, none with a known vulnerability"
    assert said["the dashboard's packages"].startswith("passed: 1 packages")


@pytest.mark.parametrize(
    ("known", "what", "told"),
    [
        ({"python": "some-package"}, "Python's packages", "FOUND: some-package 1.0.0: GHSA-test"),
        ({"npm": "left"}, "the dashboard's packages", "FOUND: left: high"),
    ],
)
def test_a_vulnerability_fails(tmp_path, known, what, told):
    with index(**known) as url:
        code, said = audit(tmp_path, url)
    assert (code, said[what]) == (1, told)


def test_an_index_that_cannot_be_reached_is_not_run_and_not_passed(tmp_path):
    code, said = audit(tmp_path, NOBODY)
    assert code == 77
    assert all(told.startswith("NOT RUN: ") for told in said.values())


def test_an_index_that_fails_is_not_run(tmp_path):
    with index(status=500) as url:
        code, said = audit(tmp_path, url)
    assert code == 77
    assert all(told.startswith("NOT RUN: ") for told in said.values())


def test_a_vulnerability_counts_though_the_other_audit_did_not_run(tmp_path):
    with index(python="other") as url:
        code, said = audit(tmp_path, url, f"--npm-registry={NOBODY}")
    assert code == 1
    assert said["the dashboard's packages"].startswith("NOT RUN: ")


def test_a_lock_file_that_is_none_is_broken_and_fails(tmp_path):
    (tmp_path / "none.lock").write_text("some-package>=1\n")
    with index() as url:
        code, said = audit(tmp_path, url, f"--lock={tmp_path / 'none.lock'}")
    assert code == 2
    assert said["Python's packages"].startswith("BROKEN: ")
