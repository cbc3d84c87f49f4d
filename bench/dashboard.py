"""The dashboard: what it weighs, what making it costs, and how fast it answers in Chromium.

    .venv/bin/python bench/dashboard.py --data-dir data/sample

Exit 1 where a target is missed. Wall times: run it on a machine that does nothing else.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from mcf_pipeline.settings import DataDir
from mcf_pipeline.site.writing import write_dashboard

TARGETS = {
    "page, MB": 3.0,
    "made from the published file, s": 0.3,
    "interactive, s": 1.5,
    "a filter answered, ms": 100.0,
}

FILTERS = [
    ("Champ", "commences"),
    ("Territoire", "outre_mer"),
    ("Territoire", "tous"),
    ("De", "8"),
    ("Champ", "sans_annules"),
    ("De", "0"),
    ("Champ", "tous"),
]


def made(data_dir: DataDir) -> float:
    with tempfile.TemporaryDirectory() as folder:
        copy = DataDir(Path(folder))
        copy.published_database.parent.mkdir(parents=True)
        shutil.copy(data_dir.published_database, copy.published_database)
        start = time.perf_counter()
        write_dashboard(copy)
        return time.perf_counter() - start


def answers(page: Page) -> list[float]:
    """Milliseconds from each change of a filter until what is near the window is drawn again."""
    for label, value in FILTERS:
        page.get_by_label(label, exact=True).select_option(value)
        page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    return page.evaluate("performance.getEntriesByName('mcf-answer').map(entry => entry.duration)")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data-dir", type=Path, default=Path("data/sample"))
    parser.add_argument("--rounds", type=int, default=7)
    chosen = parser.parse_args()
    data_dir = DataDir(chosen.data_dir)
    path = write_dashboard(data_dir)
    made(data_dir)  # imports, and the file into the system's cache
    making, ready, filters = [], [], []
    with sync_playwright() as playwright:
        program = shutil.which("chromium") or shutil.which("google-chrome")
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        for _ in range(chosen.rounds):
            making.append(made(data_dir))
            page = browser.new_page(viewport={"width": 1280, "height": 900})
            page.goto(path.resolve().as_uri())
            page.wait_for_selector("html[data-ready]")
            ready.append(page.evaluate("performance.getEntriesByName('mcf-ready')[0].startTime") / 1000)
            filters += answers(page)
            page.close()
        browser.close()
    found = {
        "page, MB": [path.stat().st_size / 1e6],
        "made from the published file, s": making,
        "interactive, s": ready,
        "a filter answered, ms": filters,
    }
    print("| what | median | from | to | target |\n|---|---:|---:|---:|---:|")
    missed = 0
    for name, values in found.items():
        middle = statistics.median(values)
        missed += middle > TARGETS[name]
        print(f"| {name} | {middle:.2f} | {min(values):.2f} | {max(values):.2f} | {TARGETS[name]:g} |")
    return int(missed > 0)


if __name__ == "__main__":
    sys.exit(main())
