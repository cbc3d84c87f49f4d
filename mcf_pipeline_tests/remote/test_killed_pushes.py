"""A machine is killed between two objects, for real; the next plain run, there or elsewhere, completes the work."""

from __future__ import annotations

from pathlib import Path

import pytest

from mcf_pipeline_tests.commands.forked import Running, begin
from mcf_pipeline_tests.commands.terminal import mcf_here
from mcf_pipeline_tests.end_to_end.story import tables_of
from mcf_pipeline_tests.remote.bucket import Bucket

MOMENTS = ("raw/quarters/", "raw/releases/2021-04-08/manifest.json", "tables/mart_trimestre/", "warehouse/current.json")
"""What the process is about to write when it is killed: in the middle of each kind, and before each that counts."""


def kill_before(bucket: Bucket, key: str, folder: Path, *arguments: object, **env: str) -> None:
    """Run a command, and kill it when it is about to write such an object for the second time, or the only one."""
    started: list[Running] = []
    written: list[str] = []

    def before(method: str, name: str) -> int | None:
        if method == "PUT" and name.startswith(f"mcf/{key}"):
            written.append(name)
            if len(written) == 2 or not key.endswith("/"):
                started[0].process.kill()
                return 503
        return None

    bucket.front.before = before
    started.append(begin(folder, *arguments, **env))
    started[0].process.join(300)
    assert started[0].process.exitcode == -9
    bucket.front.before = lambda method, name: None


@pytest.mark.slow
@pytest.mark.parametrize(
    ("moment", "elsewhere"),
    # Each moment once, by turns on the machine that was killed and on another: all eight take minutes.
    [(moment, bool(place % 2)) for place, moment in enumerate(MOMENTS)],
    ids=lambda of: (
        of.split("/")[1] + "-" + of.split("/")[-1] if isinstance(of, str) else "elsewhere" if of else "there"
    ),
)
def test_the_next_run_completes_a_killed_push(built, second_run, small_releases, tmp_path, moment, elsewhere):
    env = built.machine(tmp_path / "cache")
    before = built.pointer("warehouse")
    kill_before(built, moment, tmp_path, "run", "--source", small_releases[1], **env)
    # Whatever was written, readers see the old state.
    assert built.pointer("warehouse") == before
    answer = mcf_here("run", "--source", small_releases[1], **(built.machine(tmp_path / "new") if elsewhere else env))
    assert answer.code == 0, answer.err
    assert tables_of(built.published(tmp_path)) == tables_of(second_run.database)
    answer = mcf_here("verify", **env)
    assert answer.code == 0, answer.err


@pytest.mark.slow
def test_a_machine_that_is_killed_between_products_goes_on_with_the_rest(built, second_run, small_releases, tmp_path):
    env = built.machine(tmp_path / "cache")
    kill_before(built, "package/current.json", tmp_path, "run", "--source", small_releases[1], **env)
    assert built.pointer("warehouse")["release_id"] == "2021-04-08"
    assert built.pointer("package")["release_id"] == "2021-01-08"
    assert mcf_here("run", "--source", small_releases[1], **env).code == 0
    assert built.pointer("package")["release_id"] == "2021-04-08"
    assert built.pointer("site")["release_id"] == "2021-04-08"
    assert tables_of(built.published(tmp_path)) == tables_of(second_run.database)
