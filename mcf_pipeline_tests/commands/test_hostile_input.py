"""Hostile bytes at the command line: the exact exit code, one line, and nothing archived or published has changed.

The cases are those of the intake's tests (`contract.hostile_…`), at least one for each kind of thing that a source
can do; all variants of it are tried there.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from mcf_pipeline.errors import ContractError
from mcf_pipeline_tests.commands.terminal import Answer, kept, mcf, mcf_here
from mcf_pipeline_tests.conftest import made_once
from mcf_pipeline_tests.contract.hostile_answers import PASSING, REFUSED_ANSWERS, SERVED
from mcf_pipeline_tests.contract.hostile_files import GOOD, LINES, READ_FILES, REFUSED_FILES, SMALL
from mcf_pipeline_tests.contract.hostile_lines import QUARANTINED, UNKNOWN, hostile_lines
from mcf_pipeline_tests.contract.hostile_parquet import REFUSED_PARQUET
from mcf_pipeline_tests.exports import csv_bytes, parquet_bytes
from mcf_pipeline_tests.portal import SimulatedPortal

LIMITS = {
    "MCF_LIMIT_MAX_BYTES": str(SMALL.max_bytes),
    "MCF_LIMIT_MAX_ATTEMPTS": "1",
    "MCF_LIMIT_READ_TIMEOUT": "5",
    "MCF_LIMIT_MAX_SECONDS": "20",
    "MCF_LIMIT_SLOW_WINDOW": "0.2",
    "MCF_LIMIT_MAX_WAIT": "0.01",
}
LONG_AGO = 1_780_000_000
"""When all files were modified, for a file is known by that day."""


def put(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    os.utime(path, (LONG_AGO, LONG_AGO))
    return path


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory with the good export published; nothing here may change what it holds."""

    def make(folder: Path) -> Path:
        answer = mcf_here("run", "--source", put(folder / "good.csv", GOOD), "--data-dir", folder / "data")
        assert answer.code == 0, answer.err
        return folder / "data"

    # A copy for each process: of two commands at once, one would find the other at work.
    data_dir = tmp_path_factory.mktemp("good") / "data"
    return Path(shutil.copytree(made_once(tmp_path_factory, "good_export", make), data_dir, symlinks=True))


@pytest.fixture
def untouched(good: Path) -> Iterator[Path]:
    before = kept(good)
    assert {"warehouse/mcf.duckdb"} < before.keys()
    yield good
    assert kept(good) == before
    assert not (good / "raw" / "incoming").exists()


def refuses(answer: Answer, code: int, says: str) -> None:
    """One line beside progress, which `error` sees to, and the exit code."""
    assert says in answer.error
    assert answer.code == code, answer.error


# -- files ---------------------------------------------------------------------------------------------------

OF_FILES = (
    *("0 bytes", "a header and no line", "HTML", "JSON", "another delimiter", "cut within a line"),
    *(
        "an empty line inside",
        "NUL",
        "UTF-16 without a mark",
        "a damaged character",
        "a quote inside a field",
        "a quote closed five lines later",
    ),
    *("a column twice", "a required column missing", "5,000 columns", "a field of 10 MB", "a gzip bomb"),
    *("a quarter before 2020", "a quarter of the future", "a path as a quarter", "lines that contradict each other"),
)
OF_PARQUET = ("structs", "bytes", "a bomb", "half of one", "none")
IN_A_PROCESS = {"a gzip bomb", "lines that contradict each other"}
"""What is also seen as a user sees it, with all that the interpreter may say."""


@pytest.mark.parametrize("name", OF_FILES)
def test_a_file_is_refused(untouched: Path, tmp_path: Path, name: str) -> None:
    content, _, says = REFUSED_FILES[name]
    path = put(tmp_path / "export.csv", content)
    run = mcf if name in IN_A_PROCESS else mcf_here
    answer = run("run", "--source", path, "--data-dir", untouched, **LIMITS)
    refuses(answer, ContractError.exit_code, says)
    assert answer.out == ""


@pytest.mark.parametrize("name", OF_PARQUET)
def test_a_parquet_file_is_refused(untouched: Path, tmp_path: Path, name: str) -> None:
    make, _, says = REFUSED_PARQUET[name]
    path = put(tmp_path / "export.parquet", make())
    refuses(mcf_here("run", "--source", path, "--data-dir", untouched, **LIMITS), ContractError.exit_code, says)


@pytest.mark.parametrize(
    "name",
    [
        *("latin-1", "UTF-16, little end first", "a mark twice", "CRLF, LF and CR", "commas", "everything in quotes"),
        *("columns in another order", "columns called like paths and scripts"),
    ],
)
def test_a_file_written_otherwise_is_known_again(untouched: Path, tmp_path: Path, name: str) -> None:
    path = put(tmp_path / "export.csv", READ_FILES[name])
    answer = mcf_here("run", "--source", path, "--data-dir", untouched, **LIMITS)
    assert answer.code == 0, answer.err
    assert answer.out.startswith("Nothing new: ")


def test_parquet_of_other_types_and_a_link_to_it_are_known_again(untouched: Path, tmp_path: Path) -> None:
    import pyarrow as pa

    put(tmp_path / "export", parquet_bytes(LINES, {"nb_dossiers": pa.float64(), "region": pa.large_string()}))
    (tmp_path / "link").symlink_to("export")
    answer = mcf_here("run", "--source", tmp_path / "link", "--data-dir", untouched, **LIMITS)
    assert (answer.code, answer.out.partition(":")[0]) == (0, "Nothing new")


@pytest.mark.parametrize("name", ["folder", "link to a folder", "link to itself", "pipe", "nothing", "x" * 5000])
@pytest.mark.parametrize("command", ["run", "doctor"])
def test_a_path_that_is_no_file_is_wrong_usage(untouched: Path, tmp_path: Path, name: str, command: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "link to a folder").symlink_to("folder")
    (tmp_path / "link to itself").symlink_to("link to itself")
    os.mkfifo(tmp_path / "pipe")
    answer = mcf_here(command, "--source", tmp_path / name, "--data-dir", untouched)
    refuses(answer, 2, "cannot be used as a source")


# -- the portal ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def running() -> Iterator[SimulatedPortal]:
    with SimulatedPortal([SERVED], formats=("csv",)) as found:
        yield found


@pytest.fixture
def portal(running: SimulatedPortal) -> Iterator[SimulatedPortal]:
    # The first export asked for is Parquet, which it does not have: what befalls exports befalls the CSV.
    running.misbehave("not_found", on="exports")
    yield running
    running.behave()


def ask(portal: SimulatedPortal, data_dir: Path, *command: str, **env: str) -> Answer:
    return mcf_here(*command, "--data-dir", data_dir, MCF_PORTAL_URL=portal.url, **(LIMITS | env))


OF_THE_PORTAL = (
    *("1 line more than announced", "1 line less than announced", "a header and no line", "no line that we may see"),
    *("JSON", "429 for ever, back in an hour", "429 for the export alone", "403", "404", "500 for ever"),
    *("a redirect to nowhere", "a body that never ends", "a byte now and then", "a gzip bomb", "an hour of silence"),
    *("a reset", "NUL bytes", "metadata of the wrong types", "a path for the day"),
)


@pytest.mark.parametrize("name", OF_THE_PORTAL)
def test_an_answer_of_the_portal_is_refused(untouched: Path, portal: SimulatedPortal, name: str) -> None:
    fault, options, kind, _, says = REFUSED_ANSWERS[name]
    portal.misbehave(fault, None, **options)  # type: ignore[arg-type]
    env = {"MCF_LIMIT_READ_TIMEOUT": "0.3"} if "silence" in name else {}
    refuses(ask(portal, untouched, "run", **env), kind.exit_code, says)


@pytest.mark.parametrize("tenth", range(10))
def test_an_answer_cut_at_every_tenth_is_refused(untouched: Path, portal: SimulatedPortal, tenth: int) -> None:
    portal.misbehave("cut", None, at=tenth / 10, framing=("chunked", "length", "clean")[tenth % 3])
    if tenth in (0, 5, 9):
        refuses(ask(portal, untouched, "run"), 4, "csv export of")
    answer = ask(portal, untouched, "doctor", "--json")
    told = json.loads(answer.out)
    assert (answer.code, told["ready"]) == (4, False)
    assert told["problems"][0] == answer.error


SERVED_OTHERWISE = PASSING | {
    "latin-1": ("charset", {"charset": "latin-1"}),
    "UTF-16": ("charset", {"charset": "utf-16"}),
    "a mark twice": ("bom_twice", {}),
    "NaN in the metadata": ("nan", {"on": "metadata"}),
}


@pytest.mark.parametrize("name", SERVED_OTHERWISE)
def test_what_passes_or_is_written_otherwise_is_ready(untouched: Path, portal: SimulatedPortal, name: str) -> None:
    fault, options = SERVED_OTHERWISE[name]
    if fault == "too_many":
        options = {**options, "reset_in": -1, "retry_after": None}  # it may be asked again at once
    portal.misbehave(fault, 1 if name in PASSING else None, **options)  # type: ignore[arg-type]
    answer = ask(portal, untouched, "doctor", "--json", MCF_LIMIT_MAX_ATTEMPTS="2")
    assert answer.code == 0, answer.err
    told = json.loads(answer.out)
    assert (told["ready"], told["facts"]["lines_read"], len(told["quarters"])) == (True, 120, 20)
    assert portal.requests[-1].fault != "not_found"


def test_a_redirect_to_another_host_is_followed_without_the_key(untouched: Path, portal: SimulatedPortal) -> None:
    with SimulatedPortal([SERVED]) as other:
        path = f"/api/explore/v2.1/catalog/datasets/{other.dataset_id}/exports/csv?delimiter=%3B"
        portal.misbehave("redirect", on="exports", to=other.url + path)
        assert ask(portal, untouched, "doctor", MCF_API_KEY="S3cret-key-0123456789").code == 0
        assert [(r.kind, r.has_key) for r in other.requests] == [("exports", False)]
        assert portal.requests[-1].has_key


def test_html_in_a_process_of_its_own(untouched: Path, portal: SimulatedPortal) -> None:
    portal.misbehave("html", None)
    answer = mcf("run", "--data-dir", untouched, MCF_PORTAL_URL=portal.url, **LIMITS)
    refuses(answer, 4, "but HTML")


# -- lines ---------------------------------------------------------------------------------------------------


def test_hostile_lines_are_quarantined_and_the_rest_is_published(tmp_path: Path) -> None:
    """`NaN`, 2^63, `<script>`, `=cmd()`, `'; DROP TABLE`, look-alikes, paths: all that a line can hold, at once."""
    lines = hostile_lines()
    path, data_dir = put(tmp_path / "export.csv", csv_bytes(lines)), tmp_path / "data"
    answer = mcf_here("run", "--source", path, "--data-dir", data_dir)
    assert answer.code == 0, answer.err
    assert f"{len(lines) - len(QUARANTINED):,} lines, 0 of them masked, {len(QUARANTINED)} rejected" in answer.out
    with duckdb.connect(data_dir / "warehouse" / "mcf.duckdb", read_only=True) as con:
        rejected = con.execute("SELECT regle FROM stg_rejets ORDER BY numero_ligne").fetchall()
        ((unknown,),) = con.execute("SELECT count(*) FROM fct_dossiers WHERE nb_dossiers = 77").fetchall()
    assert [rule for (rule,) in rejected] == [bad.rule for bad in QUARANTINED]
    assert unknown == len(UNKNOWN)
    names = {part for path in data_dir.rglob("*") for part in path.relative_to(data_dir).parts}
    assert all(re.fullmatch(r"[\w.@-]+", name) for name in names), sorted(names)
    assert {path.name for path in tmp_path.iterdir()} == {"export.csv", "data"}


def test_quarters_of_nothing_but_bad_lines_keep_their_state(good: Path, tmp_path: Path) -> None:
    """Their release is archived, and nothing is applied of it."""
    data_dir = tmp_path / "data"
    shutil.copytree(good, data_dir)
    before = kept(data_dir)
    path = put(tmp_path / "export.csv", csv_bytes([entry | {"prix_moyen": "1e999"} for entry in LINES]))
    answer = mcf_here("run", "--source", path, "--data-dir", data_dir)
    whole = "2023-T4: 4 of 4 lines rejected with 100.0% of the dossiers and 100.0% of the amount, more than 1%"
    refuses(answer, 4, f"{whole}: nombre_illisible in prix_moyen (4 lines)")
    with duckdb.connect(data_dir / "warehouse" / "mcf.duckdb", read_only=True) as con:
        assert con.execute("SELECT count(*), count(DISTINCT release_id) FROM fct_dossiers").fetchall() == [(16, 1)]
    after = kept(data_dir)
    raw = {name: digest for name, digest in before.items() if name.startswith("raw/")}
    assert {name: after[name] for name in raw} == raw
