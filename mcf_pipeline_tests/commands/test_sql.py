"""``sql``: a query answers, and can neither change nor reach anything else."""

import csv
import hashlib
import io
import json
from decimal import Decimal

import duckdb
import pytest

from mcf_pipeline_tests.commands.terminal import mcf, mcf_here


@pytest.fixture
def ask(small_built):
    """Ask the published warehouse, which is the same afterwards, byte for byte."""
    before = hashlib.sha256(small_built.database.read_bytes()).digest()
    files = sorted(small_built.data_dir.rglob("*"))
    yield lambda query, *options: mcf_here("sql", query, "--data-dir", small_built.data_dir, *options)
    assert hashlib.sha256(small_built.database.read_bytes()).digest() == before
    assert sorted(small_built.data_dir.rglob("*")) == files


QUERY = "SELECT trimestre_id, nb_dossiers, montant_engage FROM mart_trimestre ORDER BY 1"


@pytest.fixture
def rows(small_built):
    with duckdb.connect(small_built.database, read_only=True) as con:
        return con.execute(QUERY).fetchall()


def test_csv_holds_exact_figures(ask, rows):
    answer = ask(QUERY, "--format", "csv")
    assert answer.code == 0
    header, *found = csv.reader(io.StringIO(answer.out))
    assert header == ["trimestre_id", "nb_dossiers", "montant_engage"]
    assert [(q, int(n), Decimal(amount)) for q, n, amount in found] == rows


def test_json_holds_numbers_and_null(ask, rows):
    answer = ask(QUERY, "--format", "json")
    assert answer.code == 0
    found = [tuple(row.values()) for row in json.loads(answer.out, parse_float=Decimal)]
    assert found == rows
    assert json.loads(ask("SELECT NULL::BIGINT AS masque", "--format", "json").out) == [{"masque": None}]


def test_a_table_shows_names_and_rows(ask, rows):
    answer = ask(QUERY)
    assert answer.code == 0
    for text in ("trimestre_id", "montant_engage", *(str(cell) for row in rows for cell in row)):
        assert text in answer.out


def test_a_long_table_says_that_it_is_cut(ask):
    answer = ask("FROM fct_dossiers")
    assert answer.code == 0
    assert "Only the first 200 rows" in answer.out


@pytest.mark.parametrize("form", ["table", "csv", "json"])
def test_a_masked_figure_is_empty_in_every_format(ask, form):
    query = "SELECT nb_dossiers, montant_engage FROM fct_dossiers WHERE nb_dossiers IS NULL LIMIT 1"
    out = ask(query, "--format", form).out
    assert not any(digit in out for digit in "0123456789")
    assert "None" not in out


def test_text_that_looks_like_markup_is_shown_as_it_is(ask):
    assert "[red]x[/red] :warning:" in ask("SELECT '[red]x[/red] :warning:' AS texte").out


def test_nothing_to_show_is_no_error(ask):
    for form in ("table", "csv", "json"):
        assert ask("SELECT 1 AS un WHERE false", "--format", form).code == 0


@pytest.mark.parametrize(
    "query",
    [
        "INSERT INTO mart_trimestre SELECT * FROM mart_trimestre",
        "UPDATE fct_dossiers SET nb_dossiers = 0",
        "DELETE FROM dim_region",
        "DROP TABLE mart_region",
        "CREATE TABLE mine (a INT)",
        "CREATE OR REPLACE MACRO dossiers_au(x) AS TABLE SELECT 1",
        "ALTER TABLE dim_region ADD COLUMN a INT",
        "COMMENT ON TABLE dim_region IS 'x'",
        "SELECT 1; DROP TABLE mart_region",
        "CHECKPOINT",
    ],
)
def test_a_query_cannot_write(ask, query):
    answer = ask(query)
    if query == "CHECKPOINT":
        return  # nothing to write: harmless, whatever DuckDB answers
    assert answer.code == 2
    assert answer.error


@pytest.mark.parametrize(
    "query",
    [
        "FROM read_csv('{file}')",
        "FROM read_text('{file}')",
        "FROM read_blob('{file}')",
        "FROM '{file}'",
        "FROM glob('{folder}/*')",
        "ATTACH '{folder}/other.duckdb'",
        "COPY dim_region TO '{folder}/out.csv'",
        "EXPORT DATABASE '{folder}/out'",
        "INSTALL httpfs",
        "LOAD '{file}'",
        "SET enable_external_access = true",
        "SET lock_configuration = false",
        "RESET enable_external_access",
        "PRAGMA enable_profiling; SET profiling_output = '{folder}/out.json'",
    ],
)
def test_a_query_cannot_reach_another_file(ask, tmp_path, query):
    file = tmp_path / "secret.csv"
    file.write_text("password\nhunter2\n")
    answer = ask(query.format(file=file, folder=tmp_path), "--format", "csv")
    assert answer.code != 0
    assert answer.error
    assert "hunter2" not in answer.out + answer.err
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize("query", ["SELEC 1", "FROM no_such_table", "SELECT no_such_column FROM dim_region", ""])
def test_a_wrong_query_is_wrong_usage(ask, query):
    answer = ask(query)
    assert answer.code == 2
    assert answer.error


def test_a_wrong_query_is_one_line_for_a_user_too(small_built):
    answer = mcf("sql", "SELECT\n  no_such_column\nFROM dim_region", "--data-dir", small_built.data_dir)
    assert answer.code == 2
    assert "no_such_column" in answer.error
    assert "SHOW TABLES" in answer.error


def test_before_the_first_run_it_says_what_to_do(tmp_path):
    answer = mcf_here("sql", "SELECT 1", "--data-dir", tmp_path)
    assert answer.code == 2
    assert "`mcf-pipeline run` builds it" in answer.error
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_warehouse_is_no_crash(tmp_path):
    (tmp_path / "warehouse").mkdir()
    (tmp_path / "warehouse" / "mcf.duckdb").write_bytes(b"no database" * 1000)
    answer = mcf_here("sql", "SELECT 1", "--data-dir", tmp_path)
    assert answer.code == 1
    assert "cannot be read" in answer.error


def test_a_number_is_never_broken_over_lines(small_built):
    """What is too wide for a table is shown a column per line."""
    whole = mcf_here("sql", "SELECT * FROM mart_region LIMIT 2", "--data-dir", small_built.data_dir)
    assert whole.code == 0, whole.err
    assert "row 2" in whole.out
    assert "--format csv" in whole.err
    with duckdb.connect(small_built.database, read_only=True) as con:
        found = con.execute("SELECT * FROM mart_region LIMIT 2")
        names = [column[0] for column in found.description]
        rows = found.fetchall()
    lines = [line.split() for line in whole.out.splitlines()]
    for row in rows:
        for name, value in zip(names, row, strict=True):
            assert value is None or isinstance(value, (float, str)) or [name, str(value)] in lines
