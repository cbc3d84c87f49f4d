"""The dashboard in a real browser: what it shows is what the warehouse says, and everybody can use it."""

from __future__ import annotations

import re

import duckdb
import pytest

from mcf_pipeline.site.writing import write_dashboard
from mcf_pipeline_tests.site.browser import chromium, number, opened
from mcf_pipeline_tests.site.conftest import FORMULA, HOSTILE
from mcf_pipeline_tests.site.unpacking import meta_of

pytestmark = pytest.mark.slow

PICTURES = (
    "entrees",
    "carte",
    "region",
    "indice",
    "profils",
    "financeurs",
    "reste-a-charge",
    "prix-duree",
    "statuts",
    "maturation",
    "revisions",
    "qualite",
)


@pytest.fixture(scope="module")
def browser():
    with chromium() as browser:
        yield browser


@pytest.fixture
def shown(browser, three_releases):
    with opened(browser, three_releases.dashboard) as shown:
        yield shown
        assert shown.errors == []
        assert shown.requests == []


@pytest.fixture
def ask(three_releases):
    with duckdb.connect(three_releases.published_database, read_only=True) as con:
        yield lambda query: con.execute(query).fetchall()


@pytest.fixture
def most(three_releases):
    """Dossiers that a masked line stands for at most."""
    return meta_of(three_releases.dashboard.read_text(encoding="utf-8"))["most"]


def plain(text):
    """French numbers without their spaces."""
    return re.sub(r"[\s\u00a0\u202f]", "", text)


# -- it opens ------------------------------------------------------------------------------------------------


def test_pictures_out_of_view_are_drawn_too_once_there_is_time(shown):
    """Else a search in the page, or a picture of the whole of it, finds empty frames."""
    undrawn = "() => [...document.querySelectorAll('article.picture')].every(one => one.dataset.drawn)"
    shown.page.wait_for_function(undrawn)
    assert shown.page.evaluate("scrollY") == 0
    shown.page.goto(f"{shown.page.url.partition('#')[0]}#genre=femme")
    shown.settled()
    shown.page.wait_for_function(
        "() => [...document.querySelectorAll('article.picture')].every(one => Number(one.dataset.drawn) > 1)"
    )


def test_without_a_region_the_country_stands_alone(shown, ask):
    shown.scroll_through()
    rows = shown.table("region")
    assert len(rows) >= 7
    assert all(number(row["Part en France, borne haute (%)"]) > 0 for row in rows)
    assert {row["Part ici, borne haute (%)"] for row in rows} == {""}
    shown.figure("region").get_by_role("button", name="Bretagne").click()
    shown.settled()
    given = {row["Situation"] for row in shown.table("region") if row["Part ici, borne haute (%)"]}
    assert given == {name for (name,) in ask("SELECT DISTINCT situation FROM v_dossiers WHERE code_region = '53'")}


def test_every_picture_is_drawn_without_error_or_network(shown):
    shown.scroll_through()
    drawn = shown.page.locator("article.picture").evaluate_all("all => all.map(one => one.id)")
    assert tuple(drawn) == PICTURES
    for key in PICTURES:
        assert shown.figure(key).locator(".drawing").inner_text() or shown.figure(key).locator("svg").count()
        assert "publication du" in shown.figure(key).locator(".base").inner_text()


def test_synthetic_data_says_so(shown):
    assert "DONNÉES SYNTHÉTIQUES" in shown.page.locator(".banner").inner_text()
    assert shown.page.title().startswith("DONNÉES SYNTHÉTIQUES")


def test_one_release_says_that_there_is_nothing_to_compare(browser, small_built):
    with opened(browser, small_built.data_dir / "site" / "index.html") as shown:
        shown.scroll_through()
        assert "Une seule publication" in shown.figure("revisions").inner_text()
        assert shown.errors == []


def test_labels_from_the_data_are_text(browser, hostile):
    with opened(browser, hostile.dashboard, "#region=11") as shown:
        shown.scroll_through()
        assert HOSTILE in shown.figure("carte").inner_text()
        assert shown.page.title() != "owned"
        assert shown.page.locator("img").count() == 0
        rows = shown.table("carte")
        assert {HOSTILE, f"'{FORMULA}"} <= {row["Région"] for row in rows}
        assert shown.errors == []


# -- its figures are the warehouse's ---------------------------------------------------------------------------


def test_the_key_figures(shown, ask, most):
    [(dossiers, montant)] = ask("SELECT sum(nb_dossiers), sum(montant_engage) FROM fct_dossiers")
    cards = [plain(text) for text in shown.page.locator(".figure-card .visible").all_inner_texts()]
    assert cards[0] == f"{dossiers}dansleslignesnonmasquées"
    assert float(re.sub("[^0-9,]", "", cards[1]).replace(",", ".")) == pytest.approx(float(montant) / 1e6, abs=0.06)
    [(low, high)] = ask(f"SELECT sum(coalesce(nb_dossiers, 1)), sum(coalesce(nb_dossiers, {most})) FROM fct_dossiers")
    assert plain(shown.page.locator(".figure-card .big").first.inner_text()) == f"{low}à{high}"


def test_the_quarters(shown, ask, most):
    rows = shown.table("entrees")
    expected = ask(
        "SELECT trimestre_id, sum(nb_dossiers), count(*) FILTER (WHERE nb_dossiers IS NULL), count(*) "
        "FROM fct_dossiers GROUP BY ALL ORDER BY ALL"
    )
    assert [(row["Trimestre d'entrée"], *map(number, list(row.values())[1:4])) for row in rows] == [
        (quarter, visible, visible + masked, visible + most * masked) for quarter, visible, masked, _ in expected
    ]


def test_the_amounts_to_the_cent(shown, ask):
    shown.figure("entrees").get_by_role("radio", name="Montant engagé").check()
    rows = shown.table("entrees")
    expected = ask("SELECT sum(montant_engage) FROM fct_dossiers GROUP BY trimestre_id ORDER BY trimestre_id")
    assert [number(row["Montant engagé (lignes non masquées)"]) for row in rows] == [float(m) for (m,) in expected]


def test_the_regions(shown, ask):
    expected = dict(
        ask("SELECT libelle, sum(nb_dossiers) FROM fct_dossiers JOIN dim_region USING (region_id) GROUP BY ALL")
    )
    rows = shown.table("carte")
    assert {row["Région"]: number(row["Dossiers (lignes non masquées)"]) or None for row in rows} == expected
    for row in rows:
        assert number(row["Part du total, borne basse (%)"]) <= number(row["Part du total, borne haute (%)"])


def test_a_region_that_nobody_knows_may_be_any_other(browser, copy_of_three):
    copy_of_three.dashboard.unlink()
    with duckdb.connect(copy_of_three.published_database) as con:
        con.execute("UPDATE dim_region SET est_connue = false, libelle = 'Atlantide' WHERE region_id = '32'")
    with opened(browser, write_dashboard(copy_of_three)) as shown:
        rows = {row["Région"]: row for row in shown.table("carte")}
    low, high = (sum(number(row[side]) for row in rows.values()) for side in ("Au moins", "Au plus"))
    own, strange = rows["Bretagne"], rows["Atlantide"]
    most = number(own["Au plus"]) + number(strange["Au plus"])
    rest = low - number(own["Au moins"]) - number(strange["Au moins"])
    assert number(own["Part du total, borne haute (%)"]) == pytest.approx(100 * most / (most + rest))
    least = number(own["Au moins"])
    assert number(own["Part du total, borne basse (%)"]) == pytest.approx(
        100 * least / (least + high - number(own["Au plus"]))
    )


def test_the_financers(shown, ask):
    rows = shown.table("financeurs")
    expected = dict(
        ask("SELECT libelle, sum(montant) FROM fct_financements JOIN dim_financeur USING (financeur_id) GROUP BY ALL")
    )
    found: dict[str, float] = {}
    for row in rows:
        found[row["Financeur"]] = found.get(row["Financeur"], 0) + number(row["Montant (€, lignes non masquées)"])
    assert found == pytest.approx({name: float(amount or 0) for name, amount in expected.items()})


def test_the_means(shown, ask):
    rows = shown.table("prix-duree")
    expected = ask(
        "SELECT sum(prix_moyen * nb_dossiers) / sum(nb_dossiers), "
        "sum(duree_moyenne * nb_dossiers_a_duree_connue) / sum(nb_dossiers_a_duree_connue) "
        "FROM fct_dossiers WHERE nb_dossiers IS NOT NULL GROUP BY trimestre_id ORDER BY trimestre_id"
    )
    for row, (price, duration) in zip(rows, expected, strict=True):
        assert number(row["Prix moyen (€, lignes non masquées)"]) == pytest.approx(float(price))
        assert number(row["Durée moyenne (h, lignes non masquées)"]) == pytest.approx(float(duration))
        assert number(row["Prix moyen, borne basse"]) <= number(row["Prix moyen, borne haute"])


def test_the_bounds_of_a_mean_are_what_masked_lines_allow(shown, ask, most):
    """Against brute force: the extreme weights are the least or the most, in the order of the prices."""
    lines = ask("SELECT trimestre_id, prix_moyen::DOUBLE, nb_dossiers FROM fct_dossiers WHERE prix_moyen IS NOT NULL")
    for row in shown.table("prix-duree"):
        mine = [line for line in lines if line[0] == row["Trimestre"]]
        weight = sum(n for _, _, n in mine if n)
        total = sum(price * n for _, price, n in mine if n)
        masked = sorted(price for _, price, n in mine if n is None)
        means = []
        for cut in range(len(masked) + 1):
            for heavy, light in ((masked[:cut], masked[cut:]), (masked[cut:], masked[:cut])):
                whole = weight + most * len(heavy) + len(light)
                means.append((total + most * sum(heavy) + sum(light)) / whole)
        assert number(row["Prix moyen, borne basse"]) == pytest.approx(min(means))
        assert number(row["Prix moyen, borne haute"]) == pytest.approx(max(means))


def test_the_statuses(shown, ask):
    expected = ask(
        "SELECT sum(nb_dossiers) FILTER (WHERE famille = 'realise') "
        "FROM fct_dossiers JOIN dim_statut USING (statut_id) "
        "GROUP BY trimestre_id ORDER BY trimestre_id"
    )
    rows = shown.table("statuts")
    assert [number(row["Réalisation totale (non masqués)"]) or None for row in rows] == [count for (count,) in expected]
    for row in rows:
        is_mature = number(row["Maturité, borne basse (%)"]) >= 90
        # A quarter that is not mature has no rate, rather than one that misleads.
        assert bool(row["Réalisation totale, borne basse (%)"]) == is_mature


def test_the_rates_are_bounded_as_the_lines_allow(shown, ask, most):
    lines = ask(
        f"SELECT trimestre_id, statut_id, coalesce(nb_dossiers, 1), coalesce(nb_dossiers, {most}) FROM fct_dossiers"
    )
    abandoned = {"realisation_partielle", "annule_titulaire", "annule_of"}
    is_open = {"valide", "entree_en_formation", "sortie_de_formation"}
    for row in shown.table("statuts"):
        closed = [line for line in lines if line[0] == row["Trimestre d'entrée"] and line[1] not in is_open]
        inside = [line for line in closed if line[1] in abandoned]
        outside = [line for line in closed if line[1] not in abandoned]
        if row["Abandon, borne basse (%)"]:
            low, high = (sum(line[side] for line in inside) for side in (2, 3))
            rest_low, rest_high = (sum(line[side] for line in outside) for side in (2, 3))
            assert number(row["Abandon, borne basse (%)"]) == pytest.approx(100 * low / (low + rest_high))
            assert number(row["Abandon, borne haute (%)"]) == pytest.approx(100 * high / (high + rest_low))


def test_the_last_release(shown, ask):
    [(before,)] = ask(
        "SELECT sum(nb_dossiers) FROM fct_dossiers_historique JOIN dim_release d ON d.release_id = valide_depuis "
        "LEFT JOIN dim_release u ON u.release_id = valide_jusqua WHERE d.rang <= 2 AND coalesce(u.rang, 9) > 2"
    )
    [(now,)] = ask("SELECT sum(nb_dossiers) FROM fct_dossiers")
    rows = shown.table("revisions")
    assert number(rows[0]["Dossiers : total après"]) == before
    assert number(rows[-1]["Dossiers : total après"]) == now
    assert sum(number(row["Dossiers : variation"]) or 0 for row in rows) == now - before


def test_maturation_has_a_point_for_each_release_of_a_quarter(shown, ask):
    rows = shown.table("maturation")
    releases = [release for (release,) in ask("SELECT release_id FROM dim_release ORDER BY rang")]
    assert {row["Publication"] for row in rows} == set(releases)
    first = [row for row in rows if row["Trimestre d'entrée"] == "2020-T4"]
    assert [row["Trimestres écoulés"] for row in first] == ["1", "2", "3"]
    for row in rows:
        assert number(row["Borne basse (%)"]) <= number(row["Borne haute (%)"])


# -- filters ---------------------------------------------------------------------------------------------------


def test_filters_act_on_every_figure_and_stand_in_the_address(shown, ask):
    shown.page.locator("details[data-name=genre] summary").click()
    shown.page.get_by_role("checkbox", name="Femme").check()
    shown.page.get_by_label("Champ").select_option("commences")
    shown.page.get_by_label("De", exact=True).select_option("1")
    shown.settled()
    assert shown.address == ("#periode=2020-T2..2021-T2&genre=femme&perimetre=commences")
    where = (
        "genre_id = 'femme' AND trimestre_id >= '2020-T2' "
        "AND statut_id IN ('entree_en_formation', 'sortie_de_formation', 'realisation_totale', 'realisation_partielle')"
    )
    [(dossiers, lines)] = ask(
        f"SELECT sum(nb_dossiers), count(*) FROM fct_dossiers JOIN dim_statut USING (statut_id) WHERE {where}"
    )
    assert shown.visible() == dossiers
    rows = shown.table("entrees")
    assert sum(number(row["Dossiers (lignes non masquées)"]) or 0 for row in rows) == dossiers
    assert sum(number(row["Lignes"]) for row in rows) == lines
    assert rows[0]["champ"] == "Formations commencées ; 2020-T2 à 2021-T2 · Femme"
    assert sum(number(row["Dossiers (lignes non masquées)"]) or 0 for row in shown.table("carte")) == dossiers
    # A picture that does not follow a filter does not claim to, neither in its CSV nor below it.
    assert {row["champ"] for row in shown.table("revisions")} == {"Tous les dossiers ; France entière"}
    assert {row["champ"] for row in shown.table("maturation")} == {"Formations commencées ; 2020-T2 à 2021-T2"}
    assert "tous les dossiers, France entière." in shown.page.locator("#revisions .base").inner_text()


def test_an_address_restores_the_filters(browser, three_releases, ask):
    fragment = "#periode=2020-T2..2020-T3&region=11,53&territoire=hexagone&vue-carte-vue=part"
    with opened(browser, three_releases.dashboard, fragment) as shown:
        [(dossiers,)] = ask(
            "SELECT sum(nb_dossiers) FROM fct_dossiers WHERE region_id IN ('11', '53') "
            "AND trimestre_id IN ('2020-T2', '2020-T3')"
        )
        assert shown.visible() == dossiers
        assert shown.page.get_by_role("button", name=re.compile("retirer ce filtre")).count() == 4
        shown.figure("carte").scroll_into_view_if_needed()
        assert shown.page.get_by_label("Part du total", exact=True).first.is_checked()
        shown.page.get_by_role("button", name="Effacer").click()
        assert shown.address == ""


def test_an_address_of_nonsense_is_no_filter(browser, three_releases):
    with opened(browser, three_releases.dashboard, "#region=zz,%25&periode=2030..1999&genre=%3Cscript%3E") as shown:
        assert shown.page.locator(".chosen li").count() == 0
        assert shown.errors == []


def test_a_click_on_a_region_filters_and_a_second_one_undoes_it(shown):
    shown.figure("carte").scroll_into_view_if_needed()
    tile = shown.figure("carte").get_by_role("button", name=re.compile("Bretagne"))
    tile.click()
    assert "region=bretagne" in shown.address
    assert (
        shown.figure("carte").get_by_role("button", name=re.compile("Bretagne")).get_attribute("aria-pressed") == "true"
    )
    shown.figure("carte").get_by_role("button", name=re.compile("Bretagne")).click()
    assert "region" not in shown.address


def test_a_click_on_a_bar_filters(shown):
    shown.scroll_through()
    bars = shown.figure("entrees").locator("svg").first
    bars.scroll_into_view_if_needed()
    box = bars.bounding_box()
    at = (box["x"] + box["width"] * 0.35, box["y"] + box["height"] * 0.8)
    shown.page.mouse.move(*at)
    shown.settled()
    shown.page.mouse.click(*at)
    assert re.search(r"periode=(2020-T\d|2021-T\d)\.\.\1", shown.address)


def test_nothing_left_is_said_and_breaks_nothing(shown):
    shown.page.get_by_label("Territoire").select_option("outre_mer")
    shown.page.locator("details[data-name=region] summary").click()
    shown.page.get_by_role("checkbox", name="Bretagne").check()
    shown.settled()
    shown.scroll_through()
    assert "Aucune ligne" in shown.page.locator("main").inner_text()


# -- for everyone ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
def test_axe_finds_nothing(browser, three_releases, scheme, width):
    how = {"viewport": {"width": width, "height": 800}, "color_scheme": scheme}
    with opened(browser, three_releases.dashboard, "#region=53", **how) as shown:
        shown.scroll_through()
        assert shown.violations() == []
        for toggle in shown.page.get_by_role("button", name="Tableau").all():
            toggle.click()
        assert shown.violations() == []


@pytest.mark.parametrize("width", [320, 360, 640, 1280])
def test_nothing_is_wider_than_the_window(browser, three_releases, width):
    """320 px is also what 1280 px at 400 % leave, 640 px at 200 %."""
    with opened(browser, three_releases.dashboard, viewport={"width": width, "height": 700}) as shown:
        shown.scroll_through()
        assert shown.page.evaluate("document.documentElement.scrollWidth") <= width


def test_the_keyboard_is_enough(shown):
    press = shown.page.keyboard.press
    press("Tab")
    assert shown.page.evaluate("document.activeElement.className") == "skip"
    summary = shown.page.locator("details[data-name=situation] summary")
    summary.focus()
    press("Enter")
    press("Tab")
    press("Space")
    assert "situation=demandeur_emploi" in shown.address
    press("Escape")
    assert shown.page.evaluate("document.activeElement.tagName") == "SUMMARY"
    toggle = shown.figure("entrees").get_by_role("button", name="Tableau")
    toggle.focus()
    press("Enter")
    assert toggle.get_attribute("aria-pressed") == "true"
    assert (
        shown.figure("entrees").locator("table caption").inner_text()
        == "Dossiers et montants par trimestre d'entrée en formation"
    )
    assert shown.figure("entrees").locator("tbody th[scope=row]").count() == 6
    radio = shown.figure("entrees").get_by_role("radio").first
    radio.focus()
    press("ArrowRight")
    assert "vue-entrees-mesure=montant" in shown.address
    # Drawing the choices again must not lose the place.
    assert shown.page.evaluate("document.activeElement.value") == "montant"


def test_drawings_have_a_text_for_those_who_cannot_see_them(shown):
    shown.scroll_through()
    for drawing in shown.page.locator("article svg[role=img]").all():
        assert "tableau" in drawing.get_attribute("aria-label")


def test_reduced_motion_is_respected(browser, three_releases):
    with opened(browser, three_releases.dashboard, reduced_motion="reduce") as shown:
        moving = shown.page.evaluate(
            "[...document.querySelectorAll('*')]"
            ".filter(one => parseFloat(getComputedStyle(one).transitionDuration) > 0).length"
        )
        assert moving == 0


def test_it_prints_on_a4(browser, three_releases, tmp_path):
    with opened(browser, three_releases.dashboard) as shown:
        # Nothing was scrolled to: printing draws what was not drawn yet.
        pdf = shown.page.pdf(format="A4", print_background=True)
        drawn = shown.page.locator("article.picture").evaluate_all("all => all.filter(one => one.dataset.drawn).length")
        assert drawn == len(PICTURES)
        assert pdf.startswith(b"%PDF")
        shown.page.emulate_media(media="print")
        assert not shown.page.get_by_role("button", name="CSV").first.is_visible()
        assert shown.page.locator(".banner").is_visible()
