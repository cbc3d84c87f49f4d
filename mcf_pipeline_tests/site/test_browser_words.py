"""What the dashboard says in words and colours: no more than its figures hold, and the same as they do."""

from __future__ import annotations

import re
from itertools import pairwise

import duckdb
import pytest

from mcf_pipeline_tests.site.browser import chromium, number, opened

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def browser():
    with chromium() as browser:
        yield browser


@pytest.fixture
def open_at(browser, three_releases):
    """Opens the dashboard at an address, and looks for errors at the end."""
    opening = []

    def go(fragment="", **how):
        manager = opened(browser, three_releases.dashboard, fragment, **how)
        opening.append(manager)
        shown = manager.__enter__()
        opening.append(shown)
        return shown

    yield go
    for manager, shown in zip(opening[::2], opening[1::2], strict=True):
        assert shown.errors == []
        manager.__exit__(None, None, None)


def ignored(shown):
    return shown.page.locator(".ignored").inner_text()


# -- links -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("region", ["11", "ile-de-france"])
def test_a_link_names_a_region_by_its_code_or_by_its_name(open_at, region):
    shown = open_at(f"#region={region}&situation=demandeur_emploi")
    assert shown.page.locator(".chosen li").count() == 2
    assert ignored(shown) == ""
    shown.page.get_by_label("Champ").select_option("commences")
    assert shown.address == "#region=ile-de-france&situation=demandeur_emploi&perimetre=commences"


@pytest.mark.parametrize(
    ("fragment", "said"),
    [
        ("#region=zz,bretagne", "region = zz"),
        ("#periode=2030-T1..1999-T1", "periode = 2030-T1..1999-T1"),
        ("#perimetre=tout", "perimetre = tout"),
        ("#territoire=lune", "territoire = lune"),
        ("#vue-carte-vue=relief", "vue-carte-vue = relief"),
        ("#vue-nulle-part=volume", "vue-nulle-part = volume"),
        ("#departement=75", "departement = 75"),
        ("#genre=%3Cb%3Efemme", "genre = <b>femme"),
    ],
)
def test_what_a_link_asks_for_in_vain_is_said_until_the_next_choice(open_at, fragment, said):
    shown = open_at(fragment)
    assert "ignoré" in ignored(shown)
    assert said in ignored(shown)
    assert shown.violations() == []
    shown.page.get_by_label("Champ").select_option("commences")
    assert ignored(shown) == ""


def test_many_vain_choices_stay_one_line(open_at):
    shown = open_at("#" + "&".join(f"cle{place}={'x' * 200}" for place in range(30)))
    assert "et 26 de plus" in ignored(shown)
    assert len(ignored(shown)) < 500


def test_a_link_without_faults_says_nothing(open_at):
    shown = open_at("#periode=2020-T2..2020-T4&genre=femme&vue-carte-vue=part&vue-maturation-courbe=abandon")
    assert ignored(shown) == ""
    shown.page.goto(f"{shown.page.url.partition('#')[0]}#genre=inconnu")
    shown.settled()
    assert "genre = inconnu" in ignored(shown)


# -- rates and scopes ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scope", ["sans_annules", "commences"])
def test_without_the_cancelled_leaving_early_has_its_own_name(open_at, scope):
    shown = open_at(f"#perimetre={scope}&vue-maturation-courbe=abandon")
    shown.scroll_through()
    rows = shown.table("statuts")
    assert not [name for name in rows[0] if "bandon" in name]
    assert [name for name in rows[0] if name.startswith("Réalisation partielle, borne")]
    picture = shown.figure("statuts").inner_text()
    assert "Abandon au sens large" not in picture
    assert "les annulations sont hors du champ choisi" in picture
    assert "ne s'y comparent pas" in picture
    assert "Part des réalisations partielles" in shown.figure("maturation").locator("svg").first.text_content()


def test_of_all_dossiers_it_is_called_giving_up(open_at):
    shown = open_at()
    shown.scroll_through()
    assert "Abandon, borne basse (%)" in shown.table("statuts")[0]
    picture = shown.figure("statuts").inner_text()
    assert "Abandon au sens large" in picture
    assert "âge égal" in picture


# -- the map ---------------------------------------------------------------------------------------------------


def figure(text):
    """The first number of a French text: of an interval, its lower bound."""
    value = re.search(r"\d[\d\s\u202f]*(?:,\d+)?", text)[0]
    return float(re.sub(r"[\s\u202f\u00a0]", "", value).replace(",", ".")) * (1000 if "k" in text else 1)


@pytest.mark.parametrize("view", ["volume", "part", "masque"])
def test_a_tile_has_the_colour_of_the_number_that_it_shows(open_at, view):
    shown = open_at(f"#vue-carte-vue={view}")
    shown.scroll_through()
    assert "Couleur" in shown.figure("carte").locator(".legend").inner_text()
    tiles = (
        shown.figure("carte")
        .locator("button.tile")
        .evaluate_all(
            "all => all.map(one => "
            "[Number(/ q(\\d)/.exec(one.className)[1]), one.querySelector('.figure').textContent])"
        )
    )
    classes: dict[int, list[float]] = {}
    for place, text in tiles:
        classes.setdefault(place, []).append(0 if text.startswith(("au plus", "moins de")) else figure(text))
    assert len(classes) > 1
    ordered = [classes[place] for place in sorted(classes)]
    for lower, higher in pairwise(ordered):
        assert max(lower) < min(higher), (lower, higher)


# -- findings --------------------------------------------------------------------------------------------------


def test_masked_lines_alone_carry_no_finding(open_at, three_releases):
    with duckdb.connect(three_releases.published_database, read_only=True) as con:
        region, situation = con.execute(
            "SELECT region_id, situation_id FROM fct_dossiers GROUP BY ALL HAVING count(nb_dossiers) = 0 "
            "ORDER BY count(*) DESC, region_id, situation_id LIMIT 1"
        ).fetchall()[0]
    shown = open_at(f"#region={region}&situation={situation}")
    shown.scroll_through()
    for key in ("entrees", "statuts", "financeurs", "prix-duree"):
        said = shown.figure(key).locator(".said").inner_text()
        assert not said or "Trop peu" in said or "Aucun trimestre" in said, (key, said)
        assert "%" not in said, (key, said)
    assert "toutes les lignes sont masquées" in shown.page.locator(".figures").inner_text()
    assert "n. d. dans les lignes" not in shown.page.locator(".figures").inner_text()


def test_only_a_period_that_holds_the_last_quarter_is_provisional(open_at):
    shown = open_at()
    assert "provisoire" in shown.figure("entrees").inner_text()
    earlier = open_at("#periode=2020-T1..2020-T4")
    assert "provisoire" not in earlier.figure("entrees").inner_text()
    assert "peuvent encore réviser" in earlier.figure("entrees").inner_text()


def test_dossiers_that_changed_status_are_not_drawn_as_lost(open_at):
    shown = open_at()
    shown.scroll_through()
    drawn = shown.figure("revisions").locator(".drawing svg").text_content()
    assert "disparues" not in drawn
    assert "vidées" not in drawn
    assert "ni perdu ni nouveau" in shown.figure("revisions").inner_text()
    rows = shown.table("revisions")
    parts = [row for row in rows if row["Étape"].startswith("Déjà publiés")]
    assert len(parts) >= 3
    net = sum(number(row["Dossiers : variation"]) for row in parts)
    sign = "+" if net > 0 else "−" if net < 0 else ""
    assert f"{sign}{abs(net):.0f}" in re.sub(r"[\s\u202f\u00a0]", "", drawn)


def test_no_title_of_an_axis_is_cut_on_a_telephone(open_at):
    shown = open_at("#perimetre=sans_annules&vue-maturation-courbe=abandon", viewport={"width": 360, "height": 800})
    shown.scroll_through()
    beyond = shown.page.evaluate(
        """() => [...document.querySelectorAll('article.picture svg text, article.picture svg tspan')]
            .filter(one => one.getBoundingClientRect().right > one.closest('article').getBoundingClientRect().right)
            .map(one => one.textContent)"""
    )
    assert beyond == []
