"""``dashboard`` opens the page, or says where it is, or what to do."""

import pytest

from mcf_pipeline.commands import dashboard as command
from mcf_pipeline.errors import UsageError
from mcf_pipeline.settings import Settings


@pytest.fixture
def settings(tmp_path):
    return Settings.from_env({}, data_dir=tmp_path)


@pytest.fixture
def page(tmp_path):
    page = tmp_path / "site" / "index.html"
    page.parent.mkdir()
    page.write_text("<!doctype html>", encoding="utf-8")
    return page


@pytest.fixture
def browsers(monkeypatch):
    """What a browser was asked to open; it says whether it could."""
    asked: list[str] = []
    monkeypatch.setattr(command.webbrowser, "open", lambda address: asked.append(address) or True)
    return asked


def test_it_opens_the_page(settings, page, browsers, capsys):
    command.dashboard(settings, browser=True)
    assert browsers == [page.as_uri()]
    assert capsys.readouterr().out.strip() == str(page)


def test_without_a_browser_it_prints_the_path_alone(settings, page, browsers, capsys):
    command.dashboard(settings, browser=False)
    assert browsers == []
    printed = capsys.readouterr()
    assert printed.out == f"{page}\n"
    assert printed.err == ""


def test_where_no_browser_can_be_opened_it_says_so(settings, page, monkeypatch, capsys):
    monkeypatch.setattr(command.webbrowser, "open", lambda address: False)
    command.dashboard(settings, browser=True)
    printed = capsys.readouterr()
    assert printed.out == f"{page}\n"
    assert "open that file" in printed.err


def test_without_a_page_it_says_what_makes_one(settings, browsers):
    with pytest.raises(UsageError, match="`mcf-pipeline run` creates it"):
        command.dashboard(settings, browser=True)
    assert browsers == []
