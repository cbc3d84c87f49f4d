"""The pictures of the dashboard in the documentation, taken in Chromium.

    .venv/bin/python bench/screenshots.py --data-dir data/sample

They are of the synthetic sample, and say so. Take them again when the page changes.
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

from playwright.sync_api import sync_playwright

from mcf_pipeline.settings import DataDir
from mcf_pipeline.site.writing import write_dashboard

ASSETS = Path(__file__).parents[1] / "docs" / "assets"
PICTURES = {
    "tableau-de-bord.png": ("", None, 1000),
    "tableau-de-bord-regions.png": ("#region=bretagne", "ou", 900),
}
"""By file: the address, the section that stands at the top, and the height in pixels."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data-dir", type=Path, default=Path("data/sample"))
    page = write_dashboard(DataDir(parser.parse_args().data_dir)).resolve().as_uri()
    with sync_playwright() as playwright:
        program = shutil.which("chromium") or shutil.which("google-chrome")
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        for name, (fragment, section, height) in PICTURES.items():
            tab = browser.new_page(viewport={"width": 1280, "height": height}, locale="fr-FR")
            tab.goto(page + fragment)
            # Every picture is drawn once the page has time, those out of view too.
            tab.wait_for_function(
                "() => document.querySelector('article.picture') && "
                "[...document.querySelectorAll('article.picture')].every(one => one.dataset.drawn)"
            )
            if section:
                tab.evaluate("section => document.getElementById(section).scrollIntoView()", section)
            tab.screenshot(path=ASSETS / name)
            tab.close()
        browser.close()


if __name__ == "__main__":
    main()
