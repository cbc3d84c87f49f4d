"""Names and modalities meet whatever their spelling; slugs are safe and never shared by accident."""

from __future__ import annotations

import re
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mcf_pipeline.contract.text import MAX_SLUG, clean, key, shorten, slug
from mcf_pipeline_tests.contract.hostile import HOSTILE

FRENCH = "Provence-Alpes-Côte d'Azur"


@pytest.mark.parametrize(
    "spelling",
    [
        "PROVENCE ALPES COTE D AZUR",
        "provence‑alpes‑côte d’azur",
        "Provence – Alpes – Côte d´Azur",
        "Provence_Alpes_Côte_d`Azur",
        "Provence\u00a0Alpes\u202fCôte\u2009d\u02bcAzur",
        unicodedata.normalize("NFD", FRENCH),
        "\ufeffProvence-Alpes-Côte d'Azur ",
        "Ｐrovence-Alpes-Côte d'Azurs",
    ],
)
def test_spellings_of_one_name_meet(spelling):
    assert key(spelling) == key(FRENCH)


@pytest.mark.parametrize(("a", "b"), [("-1", "1"), ("2.4", "24"), ("1 1", "11"), ("25-39", "2539"), ("т", "t")])
def test_what_differs_does_not_meet(a, b):
    assert key(a) != key(b)


@given(st.sampled_from([FRENCH, "Île-de-France", "Nombre de dossiers"]), st.data())
@settings(deadline=None)
def test_case_accents_and_blanks_never_matter(text, data):
    changed = "".join(data.draw(st.sampled_from([c.upper(), c.lower(), c])) for c in text)
    changed = changed.replace(" ", data.draw(st.sampled_from(["  ", "\u00a0", "\t", "_", " - "])))
    changed = unicodedata.normalize(data.draw(st.sampled_from(["NFC", "NFD", "NFKC", "NFKD"])), changed)
    assert key(changed) == key(text)


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_texts_give_safe_slugs_and_labels(text):
    assert re.fullmatch(r"[a-z0-9]+(?:_{1,2}[a-z0-9]+)*", slug(text))
    assert len(slug(text)) <= MAX_SLUG
    assert len(clean(text)) <= 120
    assert not any(unicodedata.category(c) in {"Cc", "Cf", "Cs"} for c in clean(text))


@given(st.text())
@settings(deadline=None)
def test_any_text_gives_a_safe_slug(text):
    assert re.fullmatch(r"[a-z0-9_]{1,60}", slug(text))


@given(st.text(), st.text())
@settings(deadline=None)
def test_texts_of_different_keys_never_share_a_slug(a, b):
    if key(a) != key(b):
        assert slug(a) != slug(b)


def test_slugs_keep_what_separators_would_lose():
    texts = ["25 ans", "< 25 ans", "> 25 ans", "25 ans +", "25, ans", "(25 ans)", "x" * 61, "x" * 62]
    assert len({slug(text) for text in texts}) == len(texts)
    assert slug("x" * 3000 + "a") != slug("x" * 3000 + "b")
    assert slug("Autre situation") == "autre_situation" == slug("AUTRE  SITUATION")


def test_clean_is_one_short_nfc_line():
    assert clean("e\u0301\r\n\x1b[31mx\u200b") == "é [31mx"
    assert clean("a" * 500).endswith("…")
    assert len(clean("a" * 500)) == 120


def test_shorten_counts_what_it_leaves_out():
    names = [f"colonne_{i}" for i in range(5_000)]
    assert len(shorten(names, 300)) < 400
    assert shorten(names, 300).endswith("more")
