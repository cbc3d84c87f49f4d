"""Sending over real HTTP and SMTP, and what is said of an address."""

import logging
import subprocess
import sys
from pathlib import Path

import pytest

from mcf_pipeline.notices.delivery import INSTALL, deliver_all, targets
from mcf_pipeline.notices.text import Notice
from mcf_pipeline_tests.notices.receiving import PASSWORD, TOKEN, serve_mail

NOTICE = Notice("warning", "mcf_pipeline: a subject", ("First line, 5 < 6 & more.", "Second line."))


def send(url: str) -> tuple[str, str | None]:
    (target,) = targets([url])
    return target.label, target.deliver(NOTICE)


def test_a_webhook_gets_the_notice_as_json(webhook):
    assert send(webhook.url) == ("1 json://127.0.0.1", None)
    (body,) = webhook.received
    assert (body["title"], body["message"], body["type"]) == (NOTICE.subject, NOTICE.body, "warning")
    path, headers = webhook.asked[0]
    assert path == f"/{TOKEN}"
    assert headers["Authorization"].startswith("Basic ")
    assert headers["User-Agent"] == "mcf_pipeline"


def test_a_mail_is_plain_text(mailbox):
    assert send(mailbox.url) == ("1 mailto://127.0.0.1", None)
    (mail,) = mailbox.mails
    assert (mail["Subject"], mail["To"]) == (NOTICE.subject, "ops@example.org")
    assert {name: text.splitlines() for name, text in mailbox.parts().items()} == {"text/plain": list(NOTICE.lines)}


def test_a_mail_that_is_asked_for_as_html_holds_no_markup_of_the_text(mailbox):
    assert send(f"{mailbox.url}&format=html")[1] is None
    page = mailbox.parts()["text/html"].replace("&nbsp;", " ")
    assert "5 &lt; 6 &amp; more." in page


@pytest.fixture(scope="module")
def certificate(tmp_path_factory) -> Path:
    """A certificate of 127.0.0.1 that nobody vouches for, and its key."""
    folder = tmp_path_factory.mktemp("certificate")
    files = folder / "key.pem", folder / "certificate.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=127.0.0.1"]
    command += ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", files[0], "-out", files[1]]
    subprocess.run(command, check=True, capture_output=True)
    both = folder / "both.pem"
    both.write_bytes(b"".join(path.read_bytes() for path in files))
    return both


@pytest.mark.parametrize("mode", ["starttls", "ssl"])
def test_a_mail_goes_over_an_encrypted_connection(mode, certificate, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with serve_mail(mode, certificate) as mailbox:
        assert send(mailbox.url) == ("1 mailtos://127.0.0.1", None)
    assert [mail["Subject"] for mail in mailbox.mails] == [NOTICE.subject]


@pytest.mark.parametrize("mode", ["starttls", "ssl"])
def test_a_server_that_nobody_vouches_for_gets_neither_the_mail_nor_the_password(mode, certificate):
    with serve_mail(mode, certificate) as mailbox:
        label, reason = send(mailbox.url)
    assert label == "1 mailtos://127.0.0.1"
    assert reason == "it cannot be reached, or did not accept the login or the address"
    assert (mailbox.mails, mailbox.logins) == ([], 0)


@pytest.mark.parametrize("mode", ["starttls", "ssl"])
def test_a_server_that_does_not_encrypt_gets_no_password(mode, mailbox):
    mailbox.mode = mode
    assert send(mailbox.url)[1] == "it cannot be reached, or did not accept the login or the address"
    assert (mailbox.mails, mailbox.logins) == ([], 0)


@pytest.mark.parametrize("status", [401, 404, 500])
def test_an_answer_that_is_no_success_is_named(webhook, status):
    webhook.status = status
    assert send(webhook.url) == ("1 json://127.0.0.1", f"it answered {status}")


def test_nobody_there_is_said_and_nothing_that_apprise_logs(capsys):
    heard: list[logging.LogRecord] = []
    everywhere = logging.Handler()
    everywhere.emit = heard.append
    logging.getLogger().addHandler(everywhere)
    try:
        _, reason = send(f"json://mcf:{PASSWORD}@127.0.0.1:9/{TOKEN}")
    finally:
        logging.getLogger().removeHandler(everywhere)
    assert reason == "it cannot be reached, or did not accept the login or the address"
    assert heard == []
    assert capsys.readouterr() == ("", "")


def test_a_wrong_password_is_not_repeated(mailbox):
    label, reason = send(mailbox.url.replace(PASSWORD, "wr0ng-" + PASSWORD) + "&cto=1&rto=1")
    assert reason
    assert PASSWORD not in label + reason
    assert mailbox.mails == []


@pytest.mark.parametrize(
    ("url", "label"),
    [
        ("json://mcf:pass-w0rd@hooks.example.org/t0ken", "1 json://hooks.example.org"),
        ("mailtos://mcf:pass-w0rd@mail.example.org?to=a@example.org", "1 mailtos://mail.example.org"),
        ("tgram://123456789:abcdefg_hijklmnop-qrstuvwx_yzABCDEF/12315544/", "1 tgram"),
        ("slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/", "1 slack"),
        ("https://hooks.slack.com/services/T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ", "1 slack"),
        ("ntfy://a-topic-that-is-a-secret", "1 ntfys"),
    ],
)
def test_of_an_address_only_the_scheme_is_shown_and_a_host_that_is_one(url, label):
    (target,) = targets([url])
    assert (target.label, target.problem) == (label, None)
    assert "pass-w0rd" not in repr(target)


@pytest.mark.parametrize("url", ["no-such-scheme://t0ken-of-mine", "t0ken-of-mine", "://t0ken-of-mine"])
def test_an_address_that_is_not_understood_is_not_repeated(url):
    label, reason = send(url)
    assert reason
    assert "is not understood" in reason
    assert "t0ken" not in label + reason


def test_without_apprise_it_says_how_to_get_it(webhook, monkeypatch):
    monkeypatch.setitem(sys.modules, "apprise", None)
    assert send(webhook.url) == ("1 json", INSTALL)


def test_a_target_keeps_its_name_whether_apprise_is_there_or_not(webhook, monkeypatch):
    (with_it,) = targets([webhook.url])
    monkeypatch.setitem(sys.modules, "apprise", None)
    (without,) = targets([webhook.url])
    assert with_it.key == without.key


def test_each_target_gets_its_own_and_one_that_fails_holds_up_no_other(webhook):
    found = targets([f"json://127.0.0.1:9/{TOKEN}", webhook.url])
    outcome = deliver_all(found, {target.key: [NOTICE, NOTICE] for target in found})
    (failed, reason), done = (outcome[target.key] for target in found)
    assert (failed, reason is None, done) == (0, False, (2, None))
    assert len(webhook.received) == 2


def test_a_target_to_which_nothing_is_to_be_sent_is_not_asked(webhook):
    assert deliver_all(targets([webhook.url]), {}) == {}
    assert webhook.asked == []
