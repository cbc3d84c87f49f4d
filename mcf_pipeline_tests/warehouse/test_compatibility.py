"""The published file opens in the oldest DuckDB we promise and in the newest there is, without any extension."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import duckdb
import pytest

from mcf_pipeline.warehouse.assembly import STORAGE_VERSION

OLDEST = STORAGE_VERSION.removeprefix("v")

# Everything a user may do with the file, told as text so that two versions of DuckDB can be compared.
READER = """
import json, sys, duckdb
con = duckdb.connect(sys.argv[1], read_only=True, config={
    "autoinstall_known_extensions": "false", "autoload_known_extensions": "false", "enable_external_access": "false"})
told = {"version": duckdb.__version__}
names = [name for (name,) in con.execute(
    "SELECT table_name FROM information_schema.tables WHERE table_schema = 'main' ORDER BY 1").fetchall()]
for name in names:
    columns = con.execute("SELECT column_name, data_type, comment FROM duckdb_columns() "
                          "WHERE table_name = ? AND NOT internal ORDER BY column_index", [name]).fetchall()
    selected = ", ".join(f"CAST({column} AS VARCHAR)" for column, _, _ in columns)
    rows = con.execute(f"SELECT {selected} FROM {name}").fetchall()
    told[name] = {"columns": columns, "rows": sorted(map(repr, rows))}
told["comments"] = con.execute(
    "SELECT table_name, comment FROM duckdb_tables() UNION ALL "
    "SELECT view_name, comment FROM duckdb_views() WHERE NOT internal ORDER BY 1").fetchall()
for macro in ("dossiers_au", "financements_au"):
    told[macro] = [row for row in con.execute(f"SELECT count(*) FROM {macro}('2026-10-08')").fetchall()]
try:
    con.execute("SELECT * FROM dossiers_au('1999-01-01')").fetchall()
except duckdb.Error as error:
    told["unknown release"] = "publication inconnue" in str(error)
told["aggregates"] = repr(con.execute(
    "SELECT part(1, 4), moyenne_ponderee(prix_moyen, nb_dossiers), nb_masques(nb_dossiers), "
    "au_moins_un_par_ligne(nb_dossiers) FROM fct_dossiers").fetchall())
print(json.dumps(told))
"""


@pytest.fixture(scope="module")
def data_dir(handmade):
    return handmade


def numbers(version):
    return tuple(int(part) for part in version.split(".")[:2])


def read_with(python, path):
    done = subprocess.run([python, "-c", READER, str(path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="session")
def python_with(tmp_path_factory):
    """The Python of an environment of its own with nothing but DuckDB in it, made once for each version."""

    @cache
    def make(package: str) -> Path:
        folder = tmp_path_factory.mktemp("duckdb") / "venv"
        python = folder / "bin" / "python"
        uv = shutil.which("uv")
        if uv:
            subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, folder], check=True)
            install = [uv, "pip", "install", "--python", python]
        else:
            # Without a pip of its own, which takes longer to put there than DuckDB does.
            subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
            install = [sys.executable, "-m", "pip", "--python", python, "install", "--no-compile"]
        subprocess.run([*install, "--quiet", "--no-deps", "--only-binary", ":all:", package], check=True)
        return python

    return make


def test_this_duckdb_reads_it_without_extensions(data_dir):
    told = read_with(sys.executable, data_dir.published_database)
    assert told["unknown release"] is True
    assert told["dossiers_au"] == [[6]]
    assert told["v_dossiers"]["rows"]


@pytest.mark.slow
@pytest.mark.parametrize("package", [f"duckdb=={OLDEST}", "duckdb"], ids=["oldest", "newest"])
def test_it_opens_in(data_dir, python_with, package):
    told = read_with(python_with(package), data_dir.published_database)
    here = read_with(sys.executable, data_dir.published_database)
    version = told.pop("version")
    if package == "duckdb":
        assert numbers(version) >= numbers(here.pop("version"))
    else:
        assert version == OLDEST
        del here["version"]
    assert told.keys() == here.keys()
    for name, content in here.items():
        assert told[name] == content, name


@pytest.mark.slow
def test_the_sample_opens_in_the_oldest(full_sample, python_with):
    python = python_with(f"duckdb=={OLDEST}")
    script = (
        "import duckdb, sys\n"
        "con = duckdb.connect(sys.argv[1], read_only=True)\n"
        "print(con.execute('SELECT count(*), sum(nb_dossiers) FROM v_dossiers').fetchall())\n"
        "print(con.execute('SELECT count(*), sum(montant) FROM v_financements').fetchall())\n"
    )
    done = subprocess.run([python, "-c", script, str(full_sample.database)], capture_output=True, text=True, check=True)
    with duckdb.connect(full_sample.database, read_only=True) as con:
        expected = [
            con.execute("SELECT count(*), sum(nb_dossiers) FROM fct_dossiers").fetchall(),
            con.execute("SELECT count(*), sum(montant) FROM fct_financements").fetchall(),
        ]
    assert done.stdout.splitlines() == [repr(rows) for rows in expected]
