"""The user's overrides: what is allowed is read, anything else is named together with what is allowed."""

from __future__ import annotations

import tomllib
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

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
