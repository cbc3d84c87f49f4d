"""The feed of releases: what RFC 4287 asks, what each release changed, and texts that stay texts."""

from __future__ import annotations

import datetime as dt
from xml.etree import ElementTree as ET

import duckdb
import pytest

from mcf_pipeline.package.about import about
from mcf_pipeline.package.feed import FILE_NAME, feed
from mcf_pipeline_tests.package.handmade import EARLIER

ATOM = "{http://www.w3.org/2005/Atom}"


@pytest.fixture(scope="module")
def published(handmade):
    return handmade.published_database


def parsed(path):
    with duckdb.connect(path, read_only=True) as con:
        return ET.fromstring(feed(con, about(con)))


def said(element, name):
    (found,) = element.findall(ATOM + name)
    return found.text


def test_the_feed_and_each_entry_have_what_atom_requires(published):
    root = parsed(published)
    assert root.tag == f"{ATOM}feed"
    entries = root.findall(f"{ATOM}entry")
    assert entries
    for element in (root, *entries):
        assert said(element, "id").startswith("urn:uuid:")
        assert said(element, "title")
        assert dt.datetime.fromisoformat(said(element, "updated")).tzinfo is dt.UTC
    assert said(root.find(f"{ATOM}author"), "name") == "Caisse des Dépôts"
    ids = [said(entry, "id") for entry in entries]
    assert len(ids) == len(set(ids))


def test_the_newest_release_comes_first_and_says_what_it_changed(published):
    newest, *_, oldest = parsed(published).findall(f"{ATOM}entry")
    assert said(oldest, "title") == "Publication du 08/07/2026"
    with duckdb.connect(published, read_only=True) as con:
        revised = con.execute(
            "SELECT trimestre_id FROM mart_revisions WHERE release_id <> $1 AND nature = 'revision' ORDER BY 1",
            [EARLIER],
        ).fetchall()
    assert revised
    assert all(quarter in said(newest, "summary") for (quarter,) in revised)
    assert "dossiers visibles" in said(newest, "summary")


def test_synthetic_data_says_so_in_every_entry(small_built):
    root = parsed(small_built.database)
    assert "SYNTHÉTIQUES" in said(root, "subtitle")
    assert said(root.find(f"{ATOM}author"), "name") == "mcf_pipeline", "the publisher has not written them"
    assert all("SYNTHÉTIQUES" in said(entry, "title") for entry in root.findall(f"{ATOM}entry"))


def test_a_release_that_changes_nothing_says_so(published, tmp_path):
    copy = tmp_path / "copy.duckdb"
    copy.write_bytes(published.read_bytes())
    with duckdb.connect(copy) as con:
        con.execute("DELETE FROM mart_revisions")
    assert all("Mêmes chiffres" in said(entry, "summary") for entry in parsed(copy).findall(f"{ATOM}entry"))


def test_the_package_holds_it(small_built):
    path = (small_built.data_dir / "package" / FILE_NAME).resolve()
    (entry,) = ET.parse(path).getroot().findall(f"{ATOM}entry")
    assert "Trimestres ajoutés : 2020-T1, 2020-T2, 2020-T3, 2020-T4." in said(entry, "summary")
