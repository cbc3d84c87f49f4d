"""Lines as received become typed lines, or rejects that say which rule they broke and with what."""

from __future__ import annotations

import json
from collections.abc import Sequence
from decimal import Decimal

import duckdb
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mcf_pipeline.contract.lines import TypedLines, given_financers, read_lines
from mcf_pipeline.contract.rules import severity_of
from mcf_pipeline.contract.source_map import SourceMap
from mcf_pipeline.duck import quoted
from mcf_pipeline.errors import ContractError
from mcf_pipeline_tests.exports import Line, columns_of, lean, line, masked

QUARTER, RELEASE = "2024-T1", "2026-10-08"
STATUSES = ("Validé", "Rejeté", "Entrée en formation", "Clos - Réalisation Totale")
FIRST_LINE = 2
"""The header is line 1."""


def read(lines: Sequence[Line], **source_map) -> TypedLines:
    """Read lines; an empty cell is NULL, as from a file."""
    columns = [name for name in columns_of(lines) if name != "trimestre"]
    rows = [
        (RELEASE, QUARTER, number, number - 1, *(entry.get(name) or None for name in columns))
        for number, entry in enumerate(lines, start=FIRST_LINE)
    ]
    with duckdb.connect() as con:
        names = ", ".join(f"{quoted(name)} VARCHAR" for name in columns)
        con.execute(
            f"CREATE TABLE lignes (release_id VARCHAR, trimestre_id VARCHAR, numero_ligne BIGINT, rang BIGINT, {names})"
        )
        marks = ", ".join("?" * (len(columns) + 4))
        con.execute(
            f"INSERT INTO lignes VALUES {', '.join([f'({marks})'] * len(rows))}", [v for row in rows for v in row]
        )
        return read_lines(con, "FROM lignes", SourceMap(**source_map))


def unknown(found: TypedLines) -> list[tuple[str, str]]:
    """The modalities outside the contract: (dimension, text as received)."""
    return found.unknown[RELEASE, QUARTER]


def numbered(frame: pd.DataFrame) -> dict[int, dict]:
    """Rows of a frame by line number, empty values as None."""
    rows = frame.astype(object).where(frame.notna(), None).to_dict("records")
    return {row["numero_ligne"]: row for row in rows}


def rejects(found: TypedLines) -> list[tuple]:
    """(line, rule, column, value) of every reject."""
    frame = found.rejets.astype(object).where(found.rejets.notna(), None)
    return list(frame[["numero_ligne", "regle", "colonne", "valeur"]].itertuples(index=False, name=None))


# -- rejected lines --------------------------------------------------------------------------------------

BAD = [
    ("nb_dossiers", "douze", "nombre_illisible"),
    ("nb_dossiers", "a", "nombre_illisible"),
    ("nb_dossiers", "inf", "nombre_illisible"),
    ("nb_dossiers", "1e999", "nombre_illisible"),
    ("nb_dossiers", "12.5", "nombre_illisible"),
    ("nb_dossiers", "9223372036854775808", "nombre_illisible"),
    ("nb_dossiers", "5 dossiers", "nombre_illisible"),
    ("nb_dossiers", "'; DROP TABLE recues; --", "nombre_illisible"),
    ("nb_dossiers", "-1", "nombre_negatif"),
    ("nb_titulaires", "Non renseigné", "nombre_illisible"),
    ("nb_titulaires", "-3", "nombre_negatif"),
    ("montant_engage", "1e999", "nombre_illisible"),
    ("montant_engage", "-inf", "nombre_illisible"),
    ("montant_engage", "10 000 000 000 000 000", "nombre_illisible"),
    ("montant_engage", "-0,01", "nombre_negatif"),
    ("prix_moyen", "-nan", "nombre_illisible"),
    ("prix_moyen", "-1500", "nombre_negatif"),
    ("duree_moyenne", "30 h", "nombre_illisible"),
    ("duree_moyenne", "-0.0001", "nombre_negatif"),
    ("nb_dossiers_a_duree_connue", "??", "nombre_illisible"),
    ("nb_dossiers_a_duree_connue", "-8", "nombre_negatif"),
    ("part_titulaire", "mille", "nombre_illisible"),
    ("part_titulaire", "-1000,00", "nombre_negatif"),
    ("part_france_competences", "-14000", "nombre_negatif"),
    ("nb_dossiers_finances_par_titulaire", "y", "nombre_illisible"),
    ("nb_dossiers_finances_par_titulaire", "-4", "nombre_negatif"),
    ("nb_dossiers", "100000001", "nombre_invraisemblable"),
    ("nb_dossiers", "9223372036854775807", "nombre_invraisemblable"),
    ("nb_titulaires", "100 000 001", "nombre_invraisemblable"),
    ("nb_dossiers_a_duree_connue", "100000001", "nombre_invraisemblable"),
    ("montant_engage", "10000000000.01", "nombre_invraisemblable"),
    ("montant_engage", "9999999999999999.99", "nombre_invraisemblable"),
    ("prix_moyen", "10000000.0001", "nombre_invraisemblable"),
    ("duree_moyenne", "100000,0001", "nombre_invraisemblable"),
    ("part_titulaire", "10000000000.01", "nombre_invraisemblable"),
    ("nb_dossiers_finances_par_titulaire", "100000001", "nombre_invraisemblable"),
]


@pytest.fixture(scope="module")
def bad_lines() -> TypedLines:
    """A good line, a line for each bad cell, and a good line."""
    bad = [line(region=f"R{i}", **{column: text}) for i, (column, text, _) in enumerate(BAD)]
    return read([line(), *bad, line(region="Corse")])


@pytest.mark.parametrize("place", range(len(BAD)), ids=lambda place: "=".join(BAD[place][:2]))
def test_a_bad_cell_is_rejected_with_its_line_rule_column_and_value_as_received(bad_lines, place):
    column, text, rule = BAD[place]
    number = FIRST_LINE + 1 + place
    assert [reject for reject in rejects(bad_lines) if reject[0] == number] == [(number, rule, column, text)]


AT_THE_BOUND = {
    "nb_dossiers": "100000000",
    "nb_titulaires": "100 000 000",
    "nb_dossiers_a_duree_connue": "100000000.0",
    "montant_engage": "10000000000.00",
    "prix_moyen": "100",
    "duree_moyenne": "100000,0000",
    "part_titulaire": "10000000000",
    "nb_dossiers_finances_par_titulaire": "100000000",
}


def test_figures_at_their_bounds_are_read():
    found = read([line(**AT_THE_BOUND), line(region="Corse", prix_moyen="10000000", nb_dossiers="1000")])
    assert rejects(found) == []
    first, second = found.usagers.to_dict("records")
    assert (first["nb_dossiers"], first["montant_engage"], first["duree_moyenne"]) == (10**8, 10**10, 10**5)
    assert (second["nb_dossiers"], second["prix_moyen"]) == (1000, 10**7)


@pytest.mark.parametrize(("price", "dossiers"), [("100.0001", "100000000"), ("10000000", "1001")])
def test_a_price_and_a_number_that_make_too_large_an_amount_are_no_figures_together(price, dossiers):
    """Each may do by itself; their product overflowed `mart_qualite`."""
    found = read([line(), line(region="Corse", prix_moyen=price, nb_dossiers=dossiers)])
    assert rejects(found) == [(FIRST_LINE + 1, "nombre_invraisemblable", "prix_moyen", price)]
    assert list(numbered(found.usagers)) == [FIRST_LINE]


def test_a_bound_holds_for_the_figure_in_our_unit():
    lines = [line(montant_engage="11000000"), line(region="Corse", montant_engage="9000000")]
    assert rejects(read(lines, units={"montant_engage": "milliers"})) == [
        (FIRST_LINE, "nombre_invraisemblable", "montant_engage", "11000000")
    ]


def test_a_rejected_line_is_kept_as_received(bad_lines):
    for number, row in numbered(bad_lines.rejets).items():
        place = number - FIRST_LINE - 1
        column, text, _ = BAD[place]
        received = {n: c for n, c in line(region=f"R{place}", **{column: text}).items() if n != "trimestre"}
        assert json.loads(row["ligne"]) == {"numero_ligne": number, **received}
        assert (row["trimestre_id"], row["release_id"]) == (QUARTER, RELEASE)


def rejected(found: TypedLines) -> int:
    return found.rejected[RELEASE, QUARTER]


def test_a_rejected_line_is_not_among_the_valid_ones(bad_lines):
    assert set(bad_lines.usagers["numero_ligne"]) == {FIRST_LINE, FIRST_LINE + 1 + len(BAD)}
    assert rejected(bad_lines) == len(BAD)


@pytest.mark.parametrize("rule", sorted({rule for *_, rule in BAD} | {"doublon_exact"}))
def test_every_rule_that_rejects_a_line_is_one_of_the_contract(rule):
    assert severity_of(rule) == "quarantine"


def test_every_unreadable_cell_of_a_line_is_reported_once():
    found = read([line(nb_dossiers="a", montant_engage="y", part_titulaire="z"), line(region="Corse")])
    assert rejects(found) == [
        (2, "nombre_illisible", "montant_engage", "y"),
        (2, "nombre_illisible", "nb_dossiers", "a"),
        (2, "nombre_illisible", "part_titulaire", "z"),
    ]
    assert rejected(found) == 1


def test_every_negative_part_of_a_line_is_reported_under_its_own_column():
    found = read([line(part_titulaire="-1", part_france_competences="-2"), line(region="Corse")])
    assert rejects(found) == [
        (2, "nombre_negatif", "part_france_competences", "-2"),
        (2, "nombre_negatif", "part_titulaire", "-1"),
    ]
    assert set(found.usagers["numero_ligne"]) == {3}


def test_a_line_that_says_again_what_another_said_is_kept_once():
    found = read([line(), line(region="Corse"), line(), line(genre="F")])
    assert rejects(found) == [(4, "doublon_exact", None, None), (5, "doublon_exact", None, None)]
    assert sorted(found.usagers["numero_ligne"]) == [2, 3]


def test_without_a_bad_line_there_is_no_reject():
    found = read([line(), masked(region="Corse")])
    assert (len(found.rejets), found.rejected, found.unknown) == (0, {}, {})


def test_a_quarter_of_bad_lines_alone_has_no_valid_line():
    found = read([line(nb_dossiers="a")])
    assert (len(found.usagers), rejected(found)) == (0, 1)


# -- typed lines -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def typed() -> TypedLines:
    return read(
        [
            line(nb_dossiers="1 200", montant_engage="15 000,10", prix_moyen="1500,12345"),
            masked(region="Corse"),
            line(region="Normandie", nb_titulaires=""),
            line(region="Occitanie", nb_dossiers="0", montant_engage="0", prix_moyen=""),
            line(region="Bretagne", genre="Homme", part_titulaire="", nb_dossiers_finances_par_titulaire=""),
        ]
    )


def test_a_line_is_read_exactly(typed):
    row = numbered(typed.usagers)[2]
    assert row == {
        "release_id": RELEASE,
        "numero_ligne": 2,
        "trimestre_id": "2024-T1",
        "region_id": "53",
        "genre_id": "femme",
        "classe_age_id": "25_a_39_ans",
        "situation_id": "employes",
        "statut_id": "valide",
        "est_masque": False,
        "nb_dossiers": 1200,
        "nb_titulaires": 9,
        "montant_engage": Decimal("15000.10"),
        "prix_moyen": Decimal("1500.1235"),
        "duree_moyenne": Decimal("30.5000"),
        "nb_dossiers_a_duree_connue": 8,
        "part_france_competences": Decimal("14000.00"),
        "nb_dossiers_finances_par_france_competences": 10,
        "part_titulaire": Decimal("1000.00"),
        "nb_dossiers_finances_par_titulaire": 4,
    }


def test_a_masked_line_is_empty_never_zero_and_keeps_its_means(typed):
    row = numbered(typed.usagers)[3]
    hidden = ["nb_dossiers", "nb_titulaires", "montant_engage", "nb_dossiers_a_duree_connue"]
    assert [row[name] for name in hidden] == [None] * 4
    assert (row["prix_moyen"], row["duree_moyenne"]) == (Decimal("1200.2500"), Decimal("20.0000"))


@pytest.mark.parametrize(
    ("number", "expected"),
    [(2, False), (3, True), (4, True), (5, False), (6, False)],
    ids=["full", "masked", "one count empty", "zero is given", "a part empty"],
)
def test_a_line_is_masked_if_a_count_or_its_amount_is_empty(typed, number, expected):
    assert numbered(typed.usagers)[number]["est_masque"] is expected


def test_zero_stays_zero(typed):
    assert numbered(typed.usagers)[5]["nb_dossiers"] == 0


def parts(found: TypedLines, number: int) -> dict[str, tuple]:
    row = numbered(found.usagers)[number]
    return {
        financer: (row[f"part_{financer}"], row[f"nb_dossiers_finances_par_{financer}"])
        for financer in given_financers(row)
    }


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (2, {"france_competences": (Decimal("14000.00"), 10), "titulaire": (Decimal("1000.00"), 4)}),
        (3, {"france_competences": (None, None), "titulaire": (None, None)}),
        (6, {"france_competences": (Decimal("14000.00"), 10), "titulaire": (None, None)}),
    ],
    ids=["full", "masked", "a part empty"],
)
def test_each_financer_that_has_a_column_has_its_part_of_each_line(typed, number, expected):
    assert parts(typed, number) == expected


def test_a_financer_with_one_of_its_two_columns_has_the_other_empty():
    found = read([lean(part_etat="5", nb_dossiers_finances_par_cec="3")])
    assert parts(found, 2) == {"etat": (Decimal("5.00"), None), "cec": (None, 3)}


def test_columns_that_a_source_does_not_have_are_empty():
    row = numbered(read([lean()]).usagers)[2]
    assert [row[name] for name in ("prix_moyen", "duree_moyenne", "nb_dossiers_a_duree_connue")] == [None] * 3


CENTS = st.integers(0, 10**12)
SPELLINGS = st.sampled_from(["{e}.{c:02}", "{e},{c:02}", "{e:_}.{c:02}", " {e}.{c:02} ", "+{e},{c:02}"])


@settings(deadline=None, max_examples=5)
@given(st.lists(st.tuples(CENTS, SPELLINGS), min_size=1, max_size=30))
def test_amounts_add_up_to_the_cent(amounts):
    texts = [s.format(e=cents // 100, c=cents % 100).replace("_", "\u202f") for cents, s in amounts]
    found = read([lean(region=f"R{i}", montant_engage=text) for i, text in enumerate(texts)])
    con = duckdb.connect()
    con.register("lues", found.usagers)
    (total,) = con.execute("SELECT sum(montant_engage) FROM lues").fetchone()
    assert total == sum((Decimal(cents) for cents, _ in amounts), Decimal(0)) / 100


def test_units_are_turned_into_euros_before_rounding():
    units = {"montant_engage": "centimes", "part_etat": "milliers", "part_cec": "millions", "prix_moyen": "euros"}
    cells = {"montant_engage": "1234", "part_etat": "1,2345678", "part_cec": "0.00000001", "prix_moyen": "1234.5"}
    found = read([lean(**cells)], units=units)
    row = numbered(found.usagers)[2]
    assert (row["montant_engage"], row["prix_moyen"]) == (Decimal("12.34"), Decimal("1234.5000"))
    assert {name: part for name, (part, *_) in parts(found, 2).items()} == {
        "etat": Decimal("1234.57"),
        "cec": Decimal("0.01"),
    }


def test_minutes_are_turned_into_hours():
    found = read([lean(duree_moyenne="90")], units={"duree_moyenne": "minutes"})
    assert numbered(found.usagers)[2]["duree_moyenne"] == Decimal("1.5000")


# -- modalities ------------------------------------------------------------------------------------------


def test_spellings_of_one_modality_meet():
    found = read([line(region=text) for text in ("Île-de-France", "ILE DE FRANCE")])
    assert list(found.usagers["region_id"]) == ["11"]
    assert rejects(found) == [(3, "doublon_exact", None, None)]


def test_an_unknown_modality_has_an_identifier_of_its_own_and_is_reported_as_received():
    found = read([line(genre="Non binaire", statut_dossier="En  attente!"), line()])
    assert unknown(found) == [("genre", "Non binaire"), ("statut", "En  attente!")]
    assert numbered(found.usagers)[2]["genre_id"] == "non_binaire"
    assert rejects(found) == []


def test_a_dimension_that_is_not_given_is_known():
    texts = ["-1", "", "NA", "Non renseigné"]
    found = read([lean(region=text, statut_dossier=status) for text, status in zip(texts, STATUSES, strict=True)])
    assert list(found.usagers["region_id"]) == ["non_renseigne"] * 4
    assert found.unknown == {}


def test_an_override_stands_over_everything():
    found = read([line(genre="X"), line(genre="Homme", region="Corse")], modalities={"genre": {"X": "femme"}})
    assert set(found.usagers["genre_id"]) == {"femme", "homme"}
    assert found.unknown == {}


FLAGS = [
    ("oui", "Employés", "demandeur_emploi"),
    ("Oui", "", "demandeur_emploi"),
    ("non", "Employés", "employes"),
    ("", "Cadres", "cadres"),
    ("non", "", "non_renseigne"),
    ("non", "Astronautes", "astronautes"),
    ("peut-être", "Ouvriers", "peut_etre"),
    ("jadis", "", "jadis"),
]


@pytest.fixture(scope="module")
def flagged() -> TypedLines:
    """A line for each pair of a job-seeker flag and a category."""
    return read([lean(region=f"R{i}", situation=csp, demandeur_emploi=flag) for i, (flag, csp, _) in enumerate(FLAGS)])


@pytest.mark.parametrize("place", range(len(FLAGS)), ids=lambda place: " ".join(FLAGS[place][:2]))
def test_a_job_seeker_flag_stands_over_the_category(flagged, place):
    assert numbered(flagged.usagers)[FIRST_LINE + place]["situation_id"] == FLAGS[place][2]


def test_of_flag_and_category_the_one_that_nobody_knows_is_reported(flagged):
    assert [text for name, text in unknown(flagged) if name == "situation"] == ["Astronautes", "jadis", "peut-être"]


def test_lines_of_several_quarters_and_releases_are_read_apart():
    """Each with its own rejects and unknown modalities, though they are read together."""
    columns = [name for name in columns_of([lean()]) if name != "trimestre"]
    states = [("2024-T1", "2026-07-08"), ("2024-T1", "2026-10-08"), ("2024-T2", "2026-10-08")]
    cells = [{}, {"nb_dossiers": "a"}, {"genre": "Autre"}]
    rows = [
        (release, quarter, number, 1, *(lean(**changes)[name] for name in columns))
        for number, ((quarter, release), changes) in enumerate(zip(states, cells, strict=True), start=FIRST_LINE)
    ]
    with duckdb.connect() as con:
        con.execute(
            "CREATE TABLE lignes (release_id VARCHAR, trimestre_id VARCHAR, numero_ligne BIGINT, rang BIGINT, "
            f"{', '.join(f'{quoted(name)} VARCHAR' for name in columns)})"
        )
        con.executemany(f"INSERT INTO lignes VALUES ({', '.join('?' * len(rows[0]))})", rows)
        found = read_lines(con, "FROM lignes", SourceMap())
    kept = list(found.usagers[["trimestre_id", "release_id"]].itertuples(index=False, name=None))
    assert kept == [states[0], states[2]]
    assert found.rejected == {("2026-10-08", "2024-T1"): 1}
    assert found.unknown == {("2026-10-08", "2024-T2"): [("genre", "Autre")]}


def test_modalities_that_an_override_makes_one_later_are_refused_where_their_figures_differ():
    """What intake could not see: the override is younger than the archive."""
    override = {"modalities": {"genre": {"X": "femme"}}}
    with pytest.raises(ContractError, match="lines 2 and 3 have the same quarter") as caught:
        read([line(), line(genre="X", nb_dossiers="1")], **override)
    assert caught.value.rule == "doublons_en_conflit"
    assert rejects(read([line(), line(genre="X")], **override)) == [(3, "doublon_exact", None, None)]
