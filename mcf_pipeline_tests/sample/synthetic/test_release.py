import datetime as dt
from collections import defaultdict
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mcf_pipeline.errors import UsageError
from mcf_pipeline.quarter import FIRST_QUARTER, Quarter
from mcf_pipeline.sample.synthetic import (
    NEWEST_QUARTER,
    SyntheticRelease,
    release_on,
    releases,
    write_releases,
)

KEY = ("trimestre", "region", "genre", "classe_age", "situation", "statut_dossier")
PRICE_AND_HOURS = ("prix_moyen", "duree_moyenne")

any_release = st.builds(
    SyntheticRelease,
    newest=st.integers(0, 40).map(lambda i: FIRST_QUARTER + i),
    seed=st.integers(0, 2**32),
    scale=st.floats(0.002, 0.03),
)


def measures(row):
    named = {name: value for name, value in row.items() if name not in KEY}
    for name in ("date_chargement", "donnees_synthetiques", *PRICE_AND_HOURS):
        del named[name]
    return named


def by_quarter(release):
    """The content of each quarter: its lines in one order, without the day of the release."""
    lines = defaultdict(list)
    for row in release.truth_table().drop_columns("date_chargement").to_pylist():
        lines[row["trimestre"]].append(tuple(row.values()))
    return {quarter: sorted(rows, key=repr) for quarter, rows in lines.items()}


@settings(max_examples=12, deadline=None)
@given(release=any_release)
def test_keys_are_unique_and_every_line_has_dossiers(release):
    table = release.truth_table()
    keys = table.select(KEY).to_pylist()
    assert len({tuple(key.values()) for key in keys}) == len(keys)
    assert all(0 < row["nb_titulaires"] <= row["nb_dossiers"] for row in table.to_pylist())
    assert {key["trimestre"] for key in keys} <= {quarter.id for quarter in release.quarters}


@settings(max_examples=12, deadline=None)
@given(release=any_release)
def test_masked_are_exactly_the_lines_under_five_persons(release):
    for truth, shown in zip(release.truth_table().to_pylist(), release.table().to_pylist(), strict=True):
        if truth["nb_titulaires"] < 5:
            assert set(measures(shown).values()) == {None}
            assert {n: shown[n] for n in (*KEY, *PRICE_AND_HOURS)} == {n: truth[n] for n in (*KEY, *PRICE_AND_HOURS)}
        else:
            assert shown == truth


@settings(max_examples=12, deadline=None)
@given(release=any_release)
def test_money_adds_up_to_the_cent(release):
    for row in release.truth_table().to_pylist():
        parts = {name: value for name, value in row.items() if name.startswith("part_")}
        assert sum(parts.values()) == row["montant_engage"]
        assert min(parts.values()) >= 0
        assert abs(row["prix_moyen"] - row["montant_engage"] / row["nb_dossiers"]) <= Decimal("0.005")
        assert all(0 <= row[name] <= row["nb_dossiers"] for name in row if name.startswith("nb_dossiers_finances_par_"))
        assert (row["duree_moyenne"] is None) == (row["nb_dossiers_a_duree_connue"] == 0)


@settings(max_examples=8, deadline=None)
@given(release=any_release)
def test_a_release_adds_a_quarter_and_revises_the_two_before_it(release):
    before, after = by_quarter(release), by_quarter(release.next())
    assert release.next().newest == release.newest + 1
    revised = {(release.newest + -i).id for i in (0, 1)}
    for quarter, lines in before.items():
        assert quarter in revised or after[quarter] == lines


def test_the_two_quarters_before_do_change_and_keep_their_dossiers():
    newer = SyntheticRelease(scale=0.05)
    older = SyntheticRelease(NEWEST_QUARTER + -1, scale=0.05)
    before, after = by_quarter(older), by_quarter(newer)
    changed = {quarter for quarter in before if before[quarter] != after[quarter]}
    assert changed == {"2026-T1", "2026-T2"}
    dossiers = newer.table().column_names.index("nb_dossiers") - 1
    for quarter in changed:
        assert sum(row[dossiers] for row in before[quarter]) == sum(row[dossiers] for row in after[quarter])


def test_statuses_close_as_a_quarter_grows_older():
    counts = defaultdict(lambda: defaultdict(int))
    for row in SyntheticRelease(scale=0.1).truth_table().to_pylist():
        counts[row["trimestre"]][row["statut_dossier"].startswith("Clos")] += row["nb_dossiers"]
    closed = {quarter: n[True] / (n[True] + n[False]) for quarter, n in counts.items()}
    assert closed["2026-T3"] < 0.2 < 0.75 < closed["2026-T2"] < 0.95 < 0.99 < closed["2026-T1"]


@pytest.mark.parametrize("scale", [0.02, 0.1, 0.5])
def test_scale_below_one_multiplies_lines_and_dossiers_alike(scale):
    whole, part = SyntheticRelease().truth_table(), SyntheticRelease(scale=scale).truth_table()
    assert part.num_rows == pytest.approx(scale * whole.num_rows, rel=0.12)
    dossiers = [sum(table["nb_dossiers"].to_pylist()) for table in (whole, part)]
    assert dossiers[1] == pytest.approx(scale * dossiers[0], rel=0.12)


def test_scale_above_one_adds_made_up_regions_and_leaves_the_real_ones():
    real, added, rest = SyntheticRelease(scale=2.02).tables()
    assert real.equals(SyntheticRelease().table())
    assert set(added["region"].to_pylist()) == {f"Région fictive {i:03d}" for i in range(1, 20)}
    assert added.num_rows == pytest.approx(real.num_rows, rel=0.05)
    assert set(rest["region"].to_pylist()) <= {f"Région fictive {i:03d}" for i in range(20, 39)}


def test_the_default_release_is_of_the_size_of_the_real_dataset():
    table = SyntheticRelease().table()
    assert 90_000 < table.num_rows < 115_000
    assert 0.25 < table["nb_dossiers"].null_count / table.num_rows < 0.45
    assert len(set(table["trimestre"].to_pylist())) == 27


def test_lines_stand_in_no_order_and_in_another_one_in_each_release():
    first, second = (release.table()["trimestre"].to_pylist()[:100] for release in releases(2, scale=0.1))
    assert first != sorted(first)
    assert first != second


def test_the_last_releases_oldest_first():
    days = [release.day for release in releases(3)]
    assert days == [dt.date(2026, 4, 8), dt.date(2026, 7, 8), dt.date(2026, 10, 8)]
    newest = releases(1)[0]
    assert newest.data_processed == dt.datetime(2026, 10, 8, 4, 12, tzinfo=dt.UTC)
    assert newest.file_name == "moncompteformation-les-usagers-synthetique-2026-10-08.csv"
    assert newest.next().day == dt.date(2027, 1, 8)
    assert releases(27)[0].quarters == (FIRST_QUARTER,)


@pytest.mark.parametrize(
    ("day", "newest"),
    [
        (dt.date(2026, 10, 8), Quarter(2026, 3)),
        (dt.date(2026, 10, 7), Quarter(2026, 2)),
        (dt.date(2020, 4, 8), FIRST_QUARTER),
        (dt.date(2030, 1, 1), Quarter(2029, 3)),
    ],
)
def test_release_on_a_day(day, newest):
    assert release_on(day).newest == newest


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: releases(0),
        lambda: releases(28),
        lambda: releases(1, scale=0),
        lambda: releases(1, scale=101),
        lambda: releases(1, scale=float("nan")),
        lambda: release_on(dt.date(2020, 4, 7)),
        lambda: SyntheticRelease(Quarter(2019, 4)),
    ],
)
def test_what_is_out_of_bounds_is_a_usage_error(wrong):
    with pytest.raises(UsageError):
        wrong()


def test_write_releases(tmp_path):
    steps = []
    files = write_releases(tmp_path / "new", 3, 0.01, lambda done, total: steps.append((done, total)))
    assert [file.name[-14:] for file in files] == ["2026-04-08.csv", "2026-07-08.csv", "2026-10-08.csv"]
    assert sorted((tmp_path / "new").iterdir()) == files
    assert steps == [(1, 3), (2, 3), (3, 3)]


def test_write_releases_into_a_file_is_refused(tmp_path):
    path = tmp_path / "taken"
    path.write_text("mine")
    with pytest.raises(UsageError, match="taken is a file"):
        write_releases(path)
    assert path.read_text() == "mine"
