"""A stranger's texts in everything that a run makes: page, package, feed, catalogue, spreadsheet, Dagster's UI.

Fuzzed: two hundred modalities, the names and the descriptions of columns and the licence are put together from what
ends an element, a cell, a string, a line or a formula. All of them go through one run of the real command.
"""

from __future__ import annotations

import csv
import json
import random
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree as ET

import dagster as dg
import openpyxl
import pyarrow.parquet as pq
import pytest
import requests
from markdown_it import MarkdownIt

from mcf_pipeline.orchestration.instance import open_instance
from mcf_pipeline.package.files import unescape
from mcf_pipeline_tests.commands.terminal import mcf_here
from mcf_pipeline_tests.commands.test_key import content
from mcf_pipeline_tests.conftest import made_once
from mcf_pipeline_tests.contract.hostile_answers import DAY
from mcf_pipeline_tests.exports import csv_bytes, lean
from mcf_pipeline_tests.orchestration.assets.graph import QUARTERLY, WHOLE
from mcf_pipeline_tests.portal import SimulatedPortal
from mcf_pipeline_tests.tiny_portal import TinyRelease

PIECES = (
    *("<script>alert(1)</script>", "</script>", "<img src=x onerror=alert(1)>", "<!--", "-->", "]]>", "<![CDATA["),
    *("&lt;", "&#60;", '"', "'", "`", "\\", "|", "[x](javascript:alert(1))", "![x](http://evil.example/x)", "**"),
    *("<b>", "$", "%", "=cmd|'/C calc'!A0", "=", "+", "-", "@SUM(1)", "＝1", ";", "\t", "\n", "\r", "\u2028"),
    *("\u202e", "\u200b", "\x1b[2J", "{{7*7}}", "${x}", "../", "C:\\", "'; DROP TABLE dim_region; --", "é", "𝕏"),
    *("http://evil.example/", "\x7f", "\x85"),
)
COUNT = 200
FORMULA = re.compile(r"^\s*[=+\-@＝＋－＠]|^[\t\r\n]")
EVIL = re.compile(r"<script>alert|<img src=x", re.IGNORECASE)


def hostile_texts(count: int) -> list[str]:
    """Texts of one to five pieces, each different, the same in every run; first each piece by itself, with a word."""
    chance = random.Random(14)
    found = dict.fromkeys(f"{piece}mot {at}" for at, piece in enumerate(PIECES))
    while len(found) < count:
        found["".join(chance.choice(PIECES) for _ in range(chance.randint(1, 5))) + f" {len(found)}"] = None
    return list(found)


TEXTS = hostile_texts(COUNT)


@dataclass(frozen=True)
class Made:
    """What a run made, and where."""

    data_dir: Path
    around: Path

    @property
    def package(self) -> Path:
        return (self.data_dir / "package").resolve()


def hostile_export() -> bytes:
    """Each text as a region, columns that nobody knows under such names, and good lines beside them."""
    names = [text.replace("\n", " ").replace("\r", " ") for text in TEXTS[:20]]
    good = [lean("2024-T1", region=region) for region in ("Bretagne", "Corse", "Normandie")]
    bad = [lean("2024-T1", region=text) for text in TEXTS]
    return csv_bytes([entry | dict.fromkeys(names, TEXTS[at % COUNT]) for at, entry in enumerate([*good, *bad])])


@pytest.fixture(scope="session")
def made(tmp_path_factory) -> Made:
    def make(folder: Path) -> Made:
        with SimulatedPortal([TinyRelease(DAY)], formats=("csv",)) as portal:
            url = f"{portal.url}/api/explore/v2.1/catalog/datasets/{portal.dataset_id}"
            told = requests.get(url, timeout=10).json()
            told["metas"]["default"] |= {"license": TEXTS[0], "title": TEXTS[1], "publisher": TEXTS[2]}
            told["metas"]["default"]["records_count"] = COUNT + 3
            for at, field in enumerate(told["fields"]):
                field |= {"label": TEXTS[100 + at], "description": TEXTS[-at]}
            portal.misbehave("body", None, on="metadata", **content(json.dumps(told).encode()))
            portal.misbehave("not_found", on="exports")  # the Parquet
            portal.misbehave("body", None, on="exports", **content(hostile_export(), content_type="text/csv"))
            answer = mcf_here("run", "--data-dir", folder / "data", MCF_PORTAL_URL=portal.url)
        assert answer.code == 0, answer.err
        return Made(folder / "data", folder)

    return made_once(tmp_path_factory, "hostile_output", make)


class Tags(HTMLParser):
    """The elements of a page, and the names of their attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, tuple[str, ...]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, tuple(name for name, _ in attrs)))


def test_the_page_has_the_elements_of_any_other(made, small_built):
    page, other = (
        Tags((folder / "site" / "index.html").read_text(encoding="utf-8")).found
        for folder in (made.data_dir, small_built.data_dir)
    )
    assert page == other


def test_the_page_holds_the_texts_as_data(made):
    page = (made.data_dir / "site" / "index.html").read_text(encoding="utf-8")
    assert "\\u003cscript>alert(1)" in page
    assert not EVIL.search(page)


def test_the_feed_has_the_elements_of_any_other(made, small_built):
    def elements(folder: Path) -> Counter[str]:
        return Counter(element.tag for element in ET.parse(folder / "package" / "publications.atom").iter())

    assert elements(made.data_dir) == elements(small_built.data_dir)
    assert not EVIL.search((made.package / "publications.atom").read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", ["datapackage.json", "dcat.jsonld", "LISEZMOI.txt", "publications.atom"])
def test_what_describes_the_package_holds_no_text_of_a_stranger(made, name):
    """Titles, descriptions and the licence are ours, whatever the portal says of its dataset."""
    text = (made.package / name).read_text(encoding="utf-8")
    assert "source" in text.lower()
    assert [evil for evil in ("alert(1)", "evil.example", "DROP TABLE", "\x1b") if evil in text] == []


def test_no_cell_of_a_csv_is_a_formula_and_each_gives_its_value_back(made):
    seen = 0
    for path in sorted((made.package / "csv").glob("*.csv")):
        columns = pq.read_table(made.package / "parquet" / f"{path.stem}.parquet").to_pydict()
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file, delimiter=";"))
        for name, values in columns.items():
            if not any(isinstance(value, str) for value in values):
                continue
            cells = [row[name] for row in rows]
            assert [cell for cell in cells if FORMULA.match(cell)] == []
            assert [unescape(cell) for cell in cells] == [value or "" for value in values]
            seen += sum(cell.startswith("'") for cell in cells)
    assert seen > 10


def test_no_cell_for_a_french_spreadsheet_is_a_formula(made):
    """But for the text that it would take for a number, which is written as ="01", digits and signs of dates alone."""
    own = re.compile(r'="[0-9][0-9 .,:/eE+-]*"')
    for path in (made.package / "tableur").glob("*.csv"):
        with path.open(encoding="utf-8-sig", newline="") as file:
            cells = {cell for row in csv.reader(file, delimiter=";") for cell in row}
        numbers = re.compile(r"-?[0-9]+(,[0-9]+)?")
        assert [c for c in cells if FORMULA.match(c) and not own.fullmatch(c) and not numbers.fullmatch(c)] == []


def test_no_cell_of_a_workbook_is_a_formula_or_a_link(made, tmp_path):
    answer = mcf_here("export", tmp_path / "all.xlsx", "--data-dir", made.data_dir, "--table", "dim_region")
    assert answer.code == 0, answer.err
    cells = [c for sheet in openpyxl.load_workbook(tmp_path / "all.xlsx") for row in sheet.iter_rows() for c in row]
    assert any(isinstance(c.value, str) and FORMULA.match(c.value) for c in cells), "the texts are there"
    assert [c.value for c in cells if c.data_type == "f" or c.hyperlink] == []


def shown(made: Made) -> Iterator[tuple[str, dg.MetadataValue]]:
    """All metadata of all events of the run, materializations and checks."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MCF_DATA_DIR", str(made.data_dir))
        with open_instance() as instance:
            for run in instance.get_runs():
                for entry in instance.all_logs(run.run_id):
                    event = entry.dagster_event
                    if event and event.is_step_materialization:
                        yield from event.step_materialization_data.materialization.metadata.items()
                    elif event and event.event_type == dg.DagsterEventType.ASSET_CHECK_EVALUATION:
                        yield from event.asset_check_evaluation_data.metadata.items()


def test_dagsters_ui_shows_the_texts_as_text(made):
    """Rendered with HTML switched on, which is more than the UI does."""
    render = MarkdownIt("commonmark", {"html": True}).enable("table")
    found, elements = 0, set()
    for name, value in shown(made):
        if not isinstance(value, dg.MarkdownMetadataValue) or name == "picture" or "data:image" in (value.value or ""):
            continue
        html = render.render(value.value or "")
        elements |= {element for element, _ in Tags(html).found}
        found += "alert(1)" in html
    assert found, "the texts are there"
    assert elements <= {"table", "thead", "tbody", "tr", "th", "td", "p"}


@pytest.mark.parametrize("command", [["status"], ["doctor"], ["sql", "SELECT libelle FROM dim_region"]])
def test_a_terminal_is_sent_no_escape(made, command, tmp_path):
    (tmp_path / "hostile.csv").write_bytes(hostile_export())
    source = ["--source", tmp_path / "hostile.csv"] if command == ["doctor"] else []
    answer = mcf_here(*command, *source, "--data-dir", made.data_dir)
    assert "\x1b[2J" not in answer.out + answer.err
    assert "\u202e" not in answer.out + answer.err


def test_nothing_lies_outside_of_the_data_directory_or_under_a_name_of_theirs(made):
    assert {path.name for path in made.around.iterdir()} == {"data"}
    names = {part for path in made.data_dir.rglob("*") for part in path.relative_to(made.data_dir).parts}
    assert {name for name in names if not re.fullmatch(r"[\w.@-]+", name)} == set()


def test_every_asset_was_made(made):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MCF_DATA_DIR", str(made.data_dir))
        with open_instance() as instance:
            assert all(instance.get_latest_materialization_event(dg.AssetKey(name)) for name in (*QUARTERLY, *WHOLE))
