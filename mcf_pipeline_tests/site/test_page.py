"""A page runs its own program and nothing else, whatever the data's labels are."""

import base64
import hashlib
import html
import json
import re

from hypothesis import given
from hypothesis import strategies as st

from mcf_pipeline.site.page import embedded, part, render
from mcf_pipeline_tests.site.conftest import HOSTILE

PAGE = render("Titre <b>", "Source & licence", "mark", {"label": HOSTILE}, "AAAA")


@given(
    st.recursive(
        st.text() | st.none() | st.integers(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
    )
)
def test_embedded_json_cannot_end_its_element(content):
    text = embedded(content)
    assert "<" not in text
    assert json.loads(text) == content


def test_only_the_program_may_run():
    policy = html.unescape(re.search(r'Content-Security-Policy" content="([^"]*)"', PAGE)[1])
    program = re.search(r"<script>(.*?)</script>", PAGE, re.DOTALL)[1]
    digest = base64.b64encode(hashlib.sha256(program.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in policy
    assert "default-src 'none'" in policy
    assert "connect-src" not in policy


def test_there_are_three_script_elements_however_hostile_the_labels():
    assert PAGE.lower().count("<script") == PAGE.lower().count("</script") == 3


def test_text_is_escaped():
    assert "<title>Titre &lt;b&gt;</title>" in PAGE
    assert "Source &amp; licence" in PAGE


def test_the_libraries_licences_are_in_the_page():
    for name in ("@observablehq/plot", "d3-scale"):
        assert name in part("built", "LICENCES.txt")
    assert html.escape(part("built", "LICENCES.txt")) in PAGE


def test_nothing_is_loaded_from_elsewhere():
    frame = part("front", "page.html") + part("front", "style.css")
    assert not re.search(r"https?://|@import|url\(", frame)
