"""The other ways to make the same tables: their environment, their commands, and whether their tables are equal.

What they are is below `others/`. Their packages live in an environment of their own, `build/others/venv`, made from
`others/requirements.txt` when it changes: they belong to no lock of ours.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import duckdb
from others.render import COMPARED, MARTS, render

from mcf_pipeline.sample.synthetic import SyntheticRelease
from mcf_pipeline.schemas.base import Table, describe
from mcf_pipeline.schemas.ddl import typed
from mcf_pipeline.schemas.marts import MartRevisions
from mcf_pipeline.schemas.warehouse import FACTS, DimRelease

REPOSITORY = Path(__file__).parent.parent
BUILD = REPOSITORY / "build" / "others"
DBT, DLT, TEXTBOOK = "dbt", "dlt", "Dagster textbook"
WHAT = {
    DBT: "`dbt build` with dbt-duckdb, contracts and 44 tests",
    DLT: "dlt loads, SQL transforms and checks",
    TEXTBOOK: "one run per quarter, `DuckDBPandasIOManager`, Pandera",
}
SCHEMAS = {DBT: "main", DLT: "mcf", TEXTBOOK: "mcf"}
"""Where each way's tables are."""
OF_HISTORY = {"release_id", "release_id_debut_etat"}
"""Columns of the release since which a quarter is as it is: of the second release only a way with history has them."""


def environment() -> Path:
    """The folder of the other ways' programs, made where it is missing or no longer as the requirements say."""
    requirements = Path(__file__).parent / "others" / "requirements.txt"
    venv, stamp = BUILD / "venv", BUILD / "requirements.sha256"
    wanted = hashlib.sha256(requirements.read_bytes()).hexdigest()
    if not stamp.exists() or stamp.read_text(encoding="utf-8") != wanted:
        shutil.rmtree(venv, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True)
        pip = [str(venv / "bin" / "python"), "-m", "pip", "install", "--quiet", "--only-binary", ":all:"]
        subprocess.run([*pip, "--requirement", str(requirements)], check=True)
        # Compiled once, here, as our own environment is: no round pays for it.
        subprocess.run([str(venv / "bin" / "python"), "-m", "compileall", "-q", str(venv / "lib")], check=False)
        stamp.write_text(wanted, encoding="utf-8")
    return venv / "bin"


@dataclass(frozen=True)
class Ways:
    """The other ways, ready to be measured.

    Attributes:
        programs: of their environment.
        work: where they are rendered and write.
        releases: the exports, oldest first, and what each is.
    """

    programs: Path
    work: Path
    releases: list[tuple[Path, SyntheticRelease]]

    def begin(self) -> None:
        """Forget what an earlier round made."""
        shutil.rmtree(self.work, ignore_errors=True)
        self.work.mkdir()
        render(self.work / "projects")
        home = self.work / "dagster-home"
        home.mkdir()
        (home / "dagster.yaml").write_text("telemetry:\n  enabled: false\n", encoding="utf-8")

    def database(self, way: str) -> Path:
        """The file that a way writes."""
        return self.work / f"{way.split(maxsplit=1)[0]}.duckdb"

    def command(self, way: str, place: int) -> tuple[list[str], dict[str, str], Path]:
        """What makes a way's tables of a release: the command, its environment beside ours, its working directory."""
        path, release = self.releases[place]
        database = self.database(way)
        python = str(self.programs / "python")
        env = {
            "OTHERS_EXPORT": str(path),
            "OTHERS_RELEASE": release.day.isoformat(),
            "OTHERS_DATABASE": str(database),
            "DO_NOT_TRACK": "1",
        }
        projects = self.work / "projects"
        if way == DBT:
            return [str(self.programs / "dbt"), "build", "--profiles-dir", "."], env, projects / "dbt"
        if way == DLT:
            env |= {"RUNTIME__DLTHUB_TELEMETRY": "false", "DLT_DATA_DIR": str(self.work / "dlt-home")}
            return [python, "pipeline.py", str(path), str(database), release.day.isoformat()], env, projects / "dlt"
        env |= {"DAGSTER_HOME": str(self.work / "dagster-home"), "PYTHONPATH": str(REPOSITORY)}
        # A textbook project does not know what changed: it is given that, of the second release.
        quarters = release.quarters if place == 0 else release.quarters[-3:]
        return [python, "release.py", *(q.id for q in quarters)], env, projects / "dagster_textbook"


def compare(way: str, made: Path, schema: str, published: Path, *, has_history: bool) -> None:
    """End the program where a table of another way is not that of the pipeline.

    Args:
        way: its name.
        made: its file.
        schema: where its tables are.
        published: the pipeline's file.
        has_history: also what follows from earlier releases.
    """
    tables: tuple[type[Table], ...] = COMPARED
    if not has_history:
        tables = tuple(model for model in COMPARED if model not in (MartRevisions, DimRelease))
    with duckdb.connect() as con:
        con.execute(f"ATTACH '{made}' AS other (READ_ONLY); ATTACH '{published}' AS published (READ_ONLY)")
        for model in tables:
            spec = describe(model)
            left_out = OF_HISTORY if not has_history and model in (*FACTS, *MARTS) else set()
            columns = ", ".join(name for name in spec.column_names if name not in left_out)
            one, two = (
                f"SELECT {columns} FROM ({typed(spec, f'{place}.{spec.name}')})"
                for place in (f"other.{schema}", "published.main")
            )
            differing = con.execute(
                f"SELECT count(*) FROM (({one} EXCEPT ALL {two}) UNION ALL ({two} EXCEPT ALL {one}))"
            ).fetchall()[0][0]
            if differing:
                raise SystemExit(f"{spec.name}: {differing} rows differ between {way} and the pipeline")
