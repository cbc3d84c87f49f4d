"""The user's overrides: what is allowed is read, anything else is named together with what is allowed."""

from __future__ import annotations

import tomllib
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mcf_pipeline.contract.map_lines import map_lines
from mcf_pipeline.contract.modalities import allowed_ids, resolve
from mcf_pipeline.contract.source_map import SourceMap, toml_key, toml_string
from mcf_pipeline.errors import UsageError

FULL = """
[columns]
region = "Région (domicile)"
part_titulaire = "Reste"
[quarter]
year = "an"
number = "trim"
[modalities.region]
"Ile de Fr." = "11"
[modalities.statut_dossier]
"Fini" = "realisation_totale"
[units]
montant_engage = "centimes"
duree_moyenne = "minutes"
[numbers]
prix_moyen = "thousands"
[masked]
markers = ["conf."]
zero_dossiers = true
[totals]
region = ["Ensemble"]
"genre+classe_age" = [""]
all = ["Total"]
[accept]
rules = ["relation_prix_montant"]
[ignore]
columns = ["vieux"]
"""


@pytest.fixture
def written(tmp_path):
    def write(content):
        path = tmp_path / "map.toml"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def test_a_whole_map(written):
    found = SourceMap.load(written(FULL))
    assert found.columns == {
        "region": "Région (domicile)",
        "part_titulaire": "Reste",
        "annee": "an",
        "numero_trimestre": "trim",
    }
    assert found.modality("region", "ile de fr") == "11"
    assert found.modality("region", "Corse") is None
    assert found.modality("statut", "Fini") == "realisation_totale"
    assert found.factor("montant_engage") == Decimal("0.01")
    assert found.factor("prix_moyen") == 1
    assert found.ignored == ("vieux",)
    assert found.numbers == {"prix_moyen": "thousands"}
    assert (found.masks, found.zero_is_masked) == (("conf.",), True)
    assert found.totals == {"region": ("Ensemble",), "genre+classe_age": ("",), "all": ("Total",)}
    assert found.accepted == ("relation_prix_montant",)


def test_its_lines_read_back(written):
    found = SourceMap.load(written(FULL))
    assert SourceMap.from_toml(tomllib.loads(map_lines(found))) == found
    assert map_lines(SourceMap()) == ""


def test_all_parts_can_be_given_a_unit_in_one_line():
    found = SourceMap.from_toml({"units": {"parts": "pourcent", "part_etat": "euros"}})
    assert found.is_share("part_opco")
    assert found.factor("part_opco") == Decimal("0.01")
    assert not found.is_share("part_etat")


def test_a_text_is_kept_apart_as_it_is_written_only():
    found = SourceMap.from_toml({"modalities": {"region": {"BRETAGNE": "a_part", "": "a_part"}}})
    own = resolve("region", "BRETAGNE", found)
    assert (own.est_connue, own.libelle) == (False, "BRETAGNE")
    assert own.id not in allowed_ids("region")
    assert resolve("region", "Bretagne", found).id == "53"
    assert (resolve("region", None, found).id, resolve("region", "-1", found).id) == ("vide", "non_renseigne")


def test_no_file_is_an_empty_map():
    assert SourceMap.load(None) == SourceMap()


def test_byte_order_mark_is_no_trouble(written):
    assert SourceMap.load(written("\ufeff[columns]\nregion = 'r'")).columns == {"region": "r"}


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("[colums]", "'colums'; allowed: columns"),
        ("[columns]\nregoin = 'x'", "'regoin'; allowed: date_chargement"),
        ("[columns]\nannee = 'x'", "unknown column"),
        ("[columns]\nregion = 3", "text in quotes"),
        ("columns = 3", "must be a section"),
        ("[columns]\nregion = 'a'\ngenre = 'a'", "both region and genre"),
        ("[quarter]\nyear = 'a'", "year and number"),
        ("[quarter]\nmonth = 'a'", "allowed: column, year, number"),
        ("[quarter]\ncolumn = 'a'\n[columns]\ntrimestre = 'b'", "given twice"),
        ("[quarter]\nyear = 'a'\nnumber = 'a'", "both annee and numero_trimestre"),
        ("[modalities.regions]\n'x' = '11'", "allowed: region, genre"),
        ("[modalities.region]\n'x' = '99'", "allowed: 11, 24"),
        ("[units]\nmontant_engage = 'dollars'", "allowed: euros, centimes"),
        ("[units]\nregion = 'euros'", "unknown column in [units]"),
        ("[units]\nduree_moyenne = 'euros'", "allowed: heures, minutes"),
        ("[ignore]\ncolumns = 'x'", "list of names"),
        ("[numbers]\nprix_moyen = 'mille'", "allowed: thousands, decimals"),
        ("[numbers]\nregion = 'thousands'", "unknown column in [numbers]"),
        ("[masked]\nzero_dossiers = 'oui'", "true or false"),
        ("[masked]\nmarks = ['x']", "allowed: markers, zero_dossiers"),
        ("[totals]\nregions = ['x']", "unknown column in [totals]"),
        ("[totals]\n'all+region' = ['x']", "only entry"),
        ("[accept]\nrules = ['export_vide']", "unknown rule in [accept]"),
        ("[units]\nprix_moyen = 'pourcent'", "unit of prix_moyen"),
        ("[columns", "not valid TOML"),
        (b"\xff\xfe\x00", "not UTF-8"),
    ],
)
def test_what_is_not_allowed_is_named(written, content, says):
    with pytest.raises(UsageError) as caught:
        SourceMap.load(written(content))
    assert says in str(caught.value)
    assert "map.toml" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_what_cannot_be_read(tmp_path):
    for path in (tmp_path / "none.toml", tmp_path):
        with pytest.raises(UsageError, match="MCF_SOURCE_MAP"):
            SourceMap.load(path)
    large = tmp_path / "large.toml"
    large.write_text("#" * (1024 * 1024 + 1))
    with pytest.raises(UsageError, match="1 MiB"):
        SourceMap.load(large)


def test_fingerprint_is_of_the_content():
    one = SourceMap.from_toml({"columns": {"region": "a", "genre": "b"}})
    two = SourceMap.from_toml({"columns": {"genre": "b", "region": "a"}})
    assert one.fingerprint() == two.fingerprint() != SourceMap().fingerprint()
    changed = SourceMap.from_toml({"modalities": {"region": {"x": "11"}}})
    assert changed.fingerprint() != SourceMap().fingerprint()


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"])))
@settings(deadline=None)
def test_strings_and_keys_read_back(text):
    assert tomllib.loads(f"{toml_key(text)} = {toml_string(text)}") == {text: text}
