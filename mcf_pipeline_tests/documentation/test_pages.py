"""What the pages name is there: files, commands, settings; and whatever is there is named."""

import re
from dataclasses import fields
from pathlib import Path

import pytest
import yaml

from mcf_pipeline.cli import main
from mcf_pipeline.settings import Limits

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]
FRENCH = {
    f"{name}.md"
    for name in "bornes citer dictionnaire lire ouvrir questions secret statuts tableau-de-bord".split()  # noqa: SIM905
}
README = (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_each_link_to_a_file_leads_to_one(page):
    targets = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
    gone = [t for t in targets if not t.startswith(("http://", "https://")) and not (page.parent / t).exists()]
    assert gone == []


@pytest.mark.parametrize("page", [page for page in PAGES if page.name in FRENCH], ids=lambda page: page.name)
def test_french_breaks_no_line_before_a_sign_that_stands_apart(page):
    text = re.sub(
        r"```.*?```|`[^`]*`|<!--.*?-->|^\|.*?$", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE
    )
    assert re.findall(r".{0,20} [:;?!»%€](?=\s|$)|.{0,20}« ", text, re.MULTILINE) == []


def test_the_site_shows_every_page():
    nav = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))["nav"]
    shown = re.findall(r"[\w-]+\.md", str(nav))
    assert sorted(shown) == sorted(path.name for path in (ROOT / "docs").glob("*.md"))


def test_the_readme_names_every_limit_with_its_default():
    told = dict(re.findall(r"^\| `(MCF_LIMIT_\w+)` \| (\S+) \|", README, re.MULTILINE))
    assert told == {f"MCF_LIMIT_{f.name.upper()}": f"{getattr(Limits(), f.name):g}" for f in fields(Limits)} | {
        "MCF_LIMIT_MAX_BYTES": str(Limits().max_bytes),
        "MCF_LIMIT_MAX_FIELD_BYTES": str(Limits().max_field_bytes),
    }


def test_the_readme_names_every_setting_that_the_code_reads():
    code = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "mcf_pipeline").rglob("*.py"))
    read = set(re.findall(r"""(?:env(?:iron)?(?:\.get)?[(\[]|_positive\(env, )["'](MCF_\w+)""", code))
    assert read
    assert {name for name in read if f"`{name}`" not in README} == set()


def test_the_readme_names_every_command_and_no_other():
    told = set(re.findall(r"^\| `mcf-pipeline ([a-z-]+)", README, re.MULTILINE))
    assert told == set(main.commands)
