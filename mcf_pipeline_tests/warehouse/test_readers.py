"""Three processes read without pause while the file is published again and again: no error, no torn read."""

from __future__ import annotations

import datetime as dt
import json
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from mcf_pipeline.duck import scratch
from mcf_pipeline.warehouse.publication import LITTLE, publish
from mcf_pipeline.workspace import Workspace
from mcf_pipeline_tests.exports import ingest, lean, workspace_in
from mcf_pipeline_tests.warehouse.builds import build_all, published

READERS = 3
PUBLICATIONS = 7
BASE = 100
"""Dossiers of the first release, less one; each release has one more."""

# Knows nothing of the project. Each publication holds its number in five places; a reader that sees two numbers
# inside one connection has read a torn file.
READER = """
import json, sys, duckdb
from pathlib import Path
path, stop, ready = map(Path, sys.argv[1:])
NUMBERS = '''
    SELECT 100 + max(rang) FROM dim_release
    UNION SELECT nb_dossiers FROM fct_dossiers
    UNION SELECT nb_dossiers_finances FROM fct_financements
    UNION SELECT nb_dossiers FROM v_dossiers
    UNION SELECT nb_dossiers FROM mart_region
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


def publish_number(space: Workspace, number: int) -> None:
    """Ingest, build and publish a release whose every figure is its number."""
    day = dt.date(2026, 1, 1) + dt.timedelta(days=number)
    line = lean(nb_dossiers=str(BASE + number), nb_dossiers_finances_par_etat=str(BASE + number))
    ingest(space.archive, [line], day.isoformat())
    build_all(space)


@pytest.mark.slow
def test_readers_never_meet_an_error_or_a_torn_file(tmp_path):
    space = workspace_in(tmp_path / "data")
    path = space.data_dir.published_database
    stop = tmp_path / "stop"
    ready = [tmp_path / f"ready{index}" for index in range(READERS)]
    readers: list[subprocess.Popen[str]] = []
    try:
        publish_number(space, 1)
        for mark in ready:
            # The writer goes first: on a small machine busy readers would starve it.
            command = ["nice", sys.executable, "-c", READER, str(path), str(stop), str(mark)]
            readers.append(subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True))
        while not all(mark.exists() for mark in ready):
            assert all(reader.poll() is None for reader in readers), "a reader ended before it had read"
            threading.Event().wait(0.05)
        for number in range(2, PUBLICATIONS + 2):
            publish_number(space, number)
        stop.touch()
        seen = set()
        for reader in readers:
            out, err = reader.communicate(timeout=120)
            assert reader.returncode == 0, err
            found = json.loads(out)
            assert found["connections"] > 0
            seen |= set(found["seen"])
    finally:
        for reader in readers:
            reader.kill()
            reader.wait()
    assert seen <= {BASE + number for number in range(1, PUBLICATIONS + 2)}
    assert len(seen) > 2, "the readers must have met several publications for this to mean something"
    assert [found.name for found in path.parent.glob(".*")] == []
    # Each revision leaves holes in the file, which it grows by up to a limit only.
    grown = path.stat().st_size
    with scratch() as con:
        publish(con, space.archive, space.snapshot(), from_scratch=True)
    assert grown <= path.stat().st_size + LITTLE


def test_who_has_the_old_file_open_keeps_it(tmp_path):
    space = workspace_in(tmp_path)
    publish_number(space, 1)
    # In a process of its own: inside one, DuckDB shares what it has open by path.
    script = (
        "import duckdb, sys\n"
        "con = duckdb.connect(sys.argv[1], read_only=True)\n"
        "query = 'SELECT max(nb_dossiers), (SELECT max(rang) FROM dim_release) FROM fct_dossiers'\n"
        "print(con.execute(query).fetchall(), flush=True)\n"
        "input()\n"
        "print(con.execute(query).fetchall(), flush=True)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, str(Path(space.data_dir.published_database))],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as reader:
        assert reader.stdin
        assert reader.stdout
        before = reader.stdout.readline()
        publish_number(space, 2)
        after, _ = reader.communicate("\n", timeout=60)
    assert before == after == "[(101, 1)]\n"
    assert published(space, "SELECT max(nb_dossiers) FROM fct_dossiers") == [(102,)]
