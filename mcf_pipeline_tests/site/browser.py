"""A dashboard opened in Debian's Chromium, without a network, and what it did that it should not have."""

from __future__ import annotations

import csv
import io
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome")
AXE = Path(__file__).parent / "axe" / "axe.min.js"
OUR_OWN = ("file:", "data:", "blob:")
WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


@contextmanager
def chromium() -> Iterator[Browser]:
    program = next(filter(None, map(shutil.which, NAMES)), None)
    assert program, "the dashboard is tested in Chromium: `apt-get install chromium`"
    with sync_playwright() as playwright:
        # Root cannot use Chromium's sandbox; the page is our own.
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()


@dataclass
class Opened:
    """A page, its errors, and the requests that it made of others."""

    page: Page
    errors: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    @property
    def address(self) -> str:
        """The part of the address that holds the state; asked of the page, since Playwright's own copy comes late."""
        return str(self.page.evaluate("location.hash"))

    def figure(self, key: str) -> Any:
        return self.page.locator(f"article#{key}")

    def visible(self) -> int:
        """The dossiers of the lines that the filters leave, as the first card says them."""
        return int(re.sub("[^0-9]", "", self.page.locator(".figure-card .visible").first.inner_text()))

    def scroll_through(self) -> None:
        """Until every picture has been drawn."""
        for article in self.page.locator("article.picture").all():
            article.scroll_into_view_if_needed()
            article.page.wait_for_function(
                "id => document.getElementById(id).dataset.drawn", arg=article.get_attribute("id")
            )

    def table(self, key: str) -> list[dict[str, str]]:
        """The CSV that a picture gives, as rows."""
        figure = self.figure(key)
        figure.scroll_into_view_if_needed()
        with self.page.expect_download() as waiting:
            figure.get_by_role("button", name="CSV").click()
        text = Path(waiting.value.path()).read_text(encoding="utf-8-sig")
        return list(csv.DictReader(io.StringIO(text, newline=""), delimiter=";"))

    def settled(self) -> None:
        """After what was pending has been drawn."""
        self.page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")

    def violations(self) -> list[str]:
        """What axe-core finds wrong, with the first element of each."""
        self.page.evaluate(AXE.read_text(encoding="utf-8"))
        found = self.page.evaluate("tags => axe.run(document, { runOnly: tags })", WCAG)["violations"]
        return [f"{rule['id']}: {rule['nodes'][0]['html'][:200]} ({len(rule['nodes'])})" for rule in found]


@contextmanager
def opened(browser: Browser, page: Path, fragment: str = "", **how: Any) -> Iterator[Opened]:
    """A page, ready to be used; `how` is what Playwright's ``new_context`` takes."""
    context = browser.new_context(
        **{"viewport": {"width": 1280, "height": 900}, "locale": "fr-FR", "offline": True, **how}
    )
    tab = context.new_page()
    seen = Opened(tab)
    tab.on(
        "console", lambda message: seen.errors.append(message.text) if message.type in ("error", "warning") else None
    )
    tab.on("pageerror", lambda error: seen.errors.append(str(error)))
    tab.on("request", lambda asked: None if asked.url.startswith(OUR_OWN) else seen.requests.append(asked.url))
    tab.goto(f"{page.resolve().as_uri()}{fragment}")
    tab.wait_for_selector("html[data-ready]")
    try:
        yield seen
    finally:
        context.close()


def number(text: str) -> float | None:
    """A figure of a French CSV."""
    return float(text.replace(",", ".")) if text else None
