"""A login before Dagster's UI: the webserver as its unit starts it, and a real nginx with the file that we ship."""

from __future__ import annotations

import base64
import shutil
import socket
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from mcf_pipeline_tests.deploy.files import DEPLOY, unit
from mcf_pipeline_tests.deploy.running import ended, host, listening, until
from mcf_pipeline_tests.end_to_end.deployment import free_port

pytestmark = pytest.mark.slow

NAME = "mcf.example.org"
LOGIN = ("anne", "a long pass phrase")
MUTATION = "mutation { setAutoMaterializePaused(paused: true) }"


def openssl(*arguments: object) -> str:
    done = subprocess.run(["openssl", *map(str, arguments)], capture_output=True, text=True, check=True)
    return done.stdout.strip()


@contextmanager
def nginx(folder: Path, port: int, backend: int) -> Iterator[Path]:
    """Our file in an nginx that holds nothing else, with a certificate of its own, which is what is yielded."""
    program = shutil.which("nginx", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")
    assert program, "the login is tested in nginx: `apt-get install nginx-light`"
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    subject = ("-subj", f"/CN={NAME}", "-addext", f"subjectAltName=DNS:{NAME},IP:127.0.0.1")
    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", 1, "-keyout", key, "-out", certificate, *subject)
    (folder / "htpasswd").write_text(f"{LOGIN[0]}:{openssl('passwd', '-6', LOGIN[1])}\n")
    text = (DEPLOY / "nginx" / "mcf_pipeline.conf").read_text()
    for theirs, ours in {
        "/etc/ssl/mcf.example.org.pem": certificate,
        "/etc/ssl/private/mcf.example.org.key": key,
        "/etc/nginx/mcf_pipeline.htpasswd": folder / "htpasswd",
        "listen 443 ": f"listen 127.0.0.1:{port} ",
        "127.0.0.1:3000": f"127.0.0.1:{backend}",
        "auth_delay 1s": "auth_delay 100ms",
    }.items():
        assert theirs in text
        text = text.replace(theirs, str(ours))
    (folder / "site.conf").write_text(text)
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    temporary = "".join(f"{kind}_temp_path {folder}/{kind}; " for kind in kinds)
    # As root it would change to another user, who may not read a test's folder.
    (folder / "nginx.conf").write_text(
        f"daemon off; pid {folder}/pid; error_log stderr; events {{}}\n{'user root;' if _is_root() else ''}\n"
        f"http {{ access_log off; {temporary} include {folder}/site.conf; }}\n"
    )
    command = [program, "-p", str(folder), "-c", str(folder / "nginx.conf")]
    tried = subprocess.run([*command, "-t"], capture_output=True, text=True, check=False)
    assert tried.returncode == 0, tried.stderr
    log = folder / "nginx.log"
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, start_new_session=True)
    with ended(process):
        until("nginx", lambda: listening(process.pid), log)
        yield certificate


def _is_root() -> bool:
    return Path("/proc/self").stat().st_uid == 0


def test_a_login_stands_before_the_ui(tmp_path):
    backend, port = free_port(), free_port()
    command = unit("mcf-pipeline-webserver.service")["ExecStart"][0].split()
    log = tmp_path / "webserver.log"
    with host(tmp_path / "host", {}, {"3000": str(backend)}) as machine:
        webserver = machine.process(command, log)
        with ended(webserver):
            until("webserver", lambda: listening(webserver.pid), log)
            assert listening(webserver.pid) == {f"127.0.0.1:{backend}"}
            (tmp_path / "nginx").mkdir()
            with nginx(tmp_path / "nginx", port, backend) as certificate:
                asks_for_a_password(port, certificate)
                takes_no_orders_from_other_sites(port, certificate)
                passes_events_on(port, certificate)


def asks_for_a_password(port: int, certificate: Path) -> None:
    """Whatever is asked for; and asked for by another name, it does not even begin to speak."""
    context = ssl.create_default_context(cafile=certificate)
    with socket.create_connection(("127.0.0.1", port)) as plain, pytest.raises(ssl.SSLError, match="UNRECOGNIZED_NAME"):
        context.wrap_socket(plain, server_hostname="127.0.0.1")
    for path in ("/", "/server_info", "/graphql?query={version}", "/logs/x", "/report_asset_materialization/x"):
        assert _status(port, certificate, path) == 401
        assert _status(port, certificate, path, login=(LOGIN[0], "guessed")) == 401
    assert _status(port, certificate, "/server_info", login=LOGIN) == 200
    assert _status(port, certificate, "/", login=LOGIN) == 200


def takes_no_orders_from_other_sites(port: int, certificate: Path) -> None:
    """A page elsewhere, in the browser of a person who is logged in here: the browser would send the password."""
    ask = "/graphql?query=" + MUTATION
    own, other = f"https://{NAME}:{port}", "https://evil.example"
    for headers, status in (
        ({}, 200),
        ({"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "cors", "Origin": own}, 200),
        ({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}, 403),
        ({"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "no-cors"}, 403),
        ({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}, 403),
        ({"Origin": other}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": f"{own}.evil.example"}, 403),
    ):
        assert _status(port, certificate, ask, "POST", LOGIN, headers) == status, headers
    image = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}
    assert _status(port, certificate, ask, "GET", LOGIN, image) == 403
    link = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    assert _status(port, certificate, "/runs", "GET", LOGIN, link) == 200


def passes_events_on(port: int, certificate: Path) -> None:
    """The WebSocket of the UI, with a password, and from our own page alone."""
    context = ssl.create_default_context(cafile=certificate)
    password = {"Authorization": "Basic " + base64.b64encode(":".join(LOGIN).encode()).decode()}

    def opened(origin: str, headers: dict[str, str]) -> None:
        with connect(
            f"wss://{NAME}:{port}/graphql",
            sock=socket.create_connection(("127.0.0.1", port)),
            ssl=context,
            origin=origin,
            additional_headers=headers,
            subprotocols=["graphql-ws"],
            proxy=None,
        ) as events:
            events.send('{"type": "connection_init"}')
            assert "connection_ack" in str(events.recv(30))

    opened(f"https://{NAME}:{port}", password)
    with pytest.raises(InvalidStatus, match="401"):
        opened(f"https://{NAME}:{port}", {})
    with pytest.raises(InvalidStatus, match="403"):
        opened("https://evil.example", password)


def _status(
    port: int,
    certificate: Path,
    path: str,
    method: str = "GET",
    login: tuple[str, str] | None = None,
    headers: dict[str, str] | None = None,
) -> int:
    """By curl, which can be told where a name lies."""
    command = ["curl", "--silent", "--show-error", "--globoff", "--output", "/dev/null", "--write-out", "%{http_code}"]
    command += ["--noproxy", "*", "--cacert", str(certificate), "--resolve", f"{NAME}:{port}:127.0.0.1"]
    command += ["--request", method, *(["--user", ":".join(login)] if login else [])]
    for name, value in (headers or {}).items():
        command += ["--header", f"{name}: {value}"]
    done = subprocess.run(
        [*command, f"https://{NAME}:{port}{path.replace(' ', '%20')}"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return int(done.stdout)
