"""Eight processes read without pause while the file is published fifty times: no error, no torn read."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import duckdb
import pytest

from mcf_pipeline.settings import DataDir
from mcf_pipeline.warehouse.build import open_build
from mcf_pipeline.warehouse.publication import publish
from mcf_pipeline_tests.package.handmade import publish_handmade

READERS = 8
PUBLICATIONS = 50

# Knows nothing of the project. Each publication holds its number in six places; a reader that sees two numbers
# inside one connection has read a torn file.
READER = """
import json, sys, duckdb
from pathlib import Path
path, stop, ready = map(Path, sys.argv[1:])
NUMBERS = '''
    SELECT CAST(etat AS BIGINT) FROM meta_publication
    UNION SELECT rang FROM dim_release
    UNION SELECT nb_dossiers FROM fct_dossiers WHERE NOT est_masque
    UNION SELECT nb_dossiers_finances FROM fct_financements WHERE NOT est_masque
    UNION SELECT nb_dossiers FROM v_dossiers WHERE NOT est_masque
    UNION SELECT max(nb_lignes) FROM mart_trimestre
'''
connections, seen = 0, set()
while not stop.exists():
    with duckdb.connect(path, read_only=True) as con:
        numbers = {row for _ in range(3) for row in con.execute(NUMBERS).fetchall()}
        assert len(numbers) == 1, numbers
        tables = con.execute("SELECT nom_table, nb_lignes FROM meta_tables WHERE nature = 'table'").fetchall()
        for table, rows in tables:
            assert con.execute(f"SELECT count(*) FROM {table}").fetchone() == (rows,), table
    seen |= {number for (number,) in numbers}
    connections += 1
    ready.touch()
print(json.dumps({"connections": connections, "seen": sorted(seen)}))
"""


def publish_number(con: duckdb.DuckDBPyConnection, data_dir: DataDir, number: int) -> None:
    for table, column in (
        ("dim_release", "rang"),
        ("fct_dossiers_historique", "nb_dossiers"),
        ("fct_financements_historique", "nb_dossiers_finances"),
        ("mart_trimestre", "nb_lignes"),
    ):
        con.execute(f"UPDATE {table} SET {column} = {number}")
    publish(con, data_dir, str(number))


@pytest.mark.slow
def test_readers_never_meet_an_error_or_a_torn_file(tmp_path):
    data_dir = publish_handmade(tmp_path / "data")
    stop = tmp_path / "stop"
    ready = [tmp_path / f"ready{index}" for index in range(READERS)]
    readers: list[subprocess.Popen[str]] = []
    try:
        with open_build(data_dir) as con:
            publish_number(con, data_dir, 1)
            for mark in ready:
                # The writer goes first: on a small machine eight busy readers would starve it.
                command = ["nice", sys.executable, "-c", READER, str(data_dir.published_database), str(stop), str(mark)]
                readers.append(subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True))
            while not all(mark.exists() for mark in ready):
                assert all(reader.poll() is None for reader in readers), "a reader ended before it had read"
                time.sleep(0.05)
            for number in range(2, PUBLICATIONS + 2):
                publish_number(con, data_dir, number)
        stop.touch()
        seen = set()
        for reader in readers:
            out, err = reader.communicate(timeout=120)
            assert reader.returncode == 0, err
            told = json.loads(out)
            assert told["connections"] > 0
            seen |= set(told["seen"])
    finally:
        for reader in readers:
            reader.kill()
            reader.wait()
    assert seen <= set(range(1, PUBLICATIONS + 2))
    assert len(seen) > 2, "the readers must have met several publications for this to mean something"
    assert [path.name for path in data_dir.published_database.parent.glob(".*")] == []


def test_who_has_the_old_file_open_keeps_it(tmp_path):
    data_dir = publish_handmade(tmp_path)
    with open_build(data_dir) as con:
        publish_number(con, data_dir, 1)
        # In a process of its own: inside one, DuckDB shares what it has open by path.
        script = (
            "import duckdb, sys\n"
            "con = duckdb.connect(sys.argv[1], read_only=True)\n"
            "etat = 'SELECT etat, (SELECT max(nb_dossiers) FROM fct_dossiers) FROM meta_publication'\n"
            "print(con.execute(etat).fetchall(), flush=True)\n"
            "input()\n"
            "print(con.execute(etat).fetchall(), flush=True)\n"
        )
        with subprocess.Popen(
            [sys.executable, "-c", script, str(data_dir.published_database)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as reader:
            assert reader.stdin
            assert reader.stdout
            before = reader.stdout.readline()
            publish_number(con, data_dir, 2)
            after, _ = reader.communicate("\n", timeout=60)
    assert before == after == "[('1', 1)]\n"
    with duckdb.connect(Path(data_dir.published_database), read_only=True) as con:
        assert con.execute("SELECT etat FROM meta_publication").fetchall() == [("2",)]
