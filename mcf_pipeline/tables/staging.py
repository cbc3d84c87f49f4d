"""Staging on disk: each state of each quarter, read once by one set of rules.

``staging/<2024-T3>/<release>-<content>-<rules>/`` holds ``usagers.parquet``, ``financements.parquet``,
``rejets.parquet`` and ``summary.json``; it appears whole, by one rename. A state that was staged is not
staged again until its content or the rules change.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from mcf_pipeline.archive.split import is_intact
from mcf_pipeline.archive.store import Archive
from mcf_pipeline.archive.timeline import State
from mcf_pipeline.contract.lines import TypedLines, read_lines
from mcf_pipeline.contract.rules import REJECTED_SHARE
from mcf_pipeline.duck import literal, one, scratch
from mcf_pipeline.errors import ArchiveError, ContractError
from mcf_pipeline.files import explain_disk_errors
from mcf_pipeline.quarter import Quarter
from mcf_pipeline.settings import DataDir

_SUMMARY = "summary.json"


@dataclass(frozen=True, slots=True)
class Staged:
    """One state of one quarter, read.

    Attributes:
        folder: where its files lie.
        sha256: of the content that was read.
        received: lines as received.
        valid: lines kept.
        masked: masked lines among them.
        rejected: lines quarantined.
        unknown: modalities outside the contract: (dimension, text as received).
        commonest: the rules broken most: (rule, column, lines).
    """

    folder: Path
    sha256: str
    received: int
    valid: int
    masked: int
    rejected: int
    unknown: list[tuple[str, str]]
    commonest: list[tuple[str, str, int]]

    @property
    def is_refused(self) -> bool:
        """Whether too many lines were rejected for the rest to be trusted."""
        return is_refused(self.rejected, self.received)

    def file(self, name: str) -> Path:
        """The Parquet file of ``usagers``, ``financements`` or ``rejets``."""
        return self.folder / f"{name}.parquet"


def is_refused(rejected: int, received: int) -> bool:
    """Whether so many lines of a quarter were rejected that the rest is not to be trusted."""
    return rejected > REJECTED_SHARE * received


def refusal(quarter: Quarter, staged: Staged) -> ContractError:
    """The error of a quarter with too many rejected lines: how many, and the three commonest reasons."""
    reasons = "; ".join(f"{rule} in {column or 'the line'} ({lines} lines)" for rule, column, lines in staged.commonest)
    return ContractError(
        f"{quarter}: {staged.rejected} of {staged.received} lines rejected, more than {REJECTED_SHARE:.0%}: {reasons}. "
        f"The quarter keeps its previous state; see {staged.file('rejets')}, then `mcf-pipeline doctor`",
        rule="trop_de_rejets",
    )


class Staging:
    """The staging of one data directory under one set of rules.

    Args:
        archive: where the lines come from.
        rules: fingerprint of the rules (`build.rules_fingerprint`).
    """

    def __init__(self, archive: Archive, rules: str) -> None:
        self.archive = archive
        self.data_dir: DataDir = archive.data_dir
        self.rules = rules

    def folder(self, quarter: Quarter, state: State) -> Path:
        """Where a state of a quarter is staged."""
        return self.data_dir.staging / quarter.id / f"{state.since}-{state.sha256[:16]}-{self.rules[:16]}"

    def find(self, quarter: Quarter, state: State) -> Staged | None:
        """A state that was staged, or None."""
        return _read_summary(self.folder(quarter, state))

    def of_content(self, quarter: Quarter, sha256: str) -> Staged | None:
        """What a content came to, for whichever release it was read, or None if it was not."""
        folders = (self.data_dir.staging / quarter.id).glob(f"*-{sha256[:16]}-{self.rules[:16]}")
        return next(filter(None, map(_read_summary, sorted(folders))), None)

    def refused(self) -> set[tuple[Quarter, str]]:
        """The contents that were read and had too many rejected lines.

        What is not staged yet is not among them: a run finds out, and the plan after it knows.
        """
        found = map(_read_summary, self.data_dir.staging.glob(f"*/*-{self.rules[:16]}"))
        return {(Quarter.parse(s.folder.parent.name), s.sha256) for s in found if s and s.is_refused}

    def stage(self, quarter: Quarter, state: State, *, anew: bool = False) -> Staged:
        """Read a state of a quarter, unless that was done; `anew` does it in any case.

        Raises:
            ArchiveError: the archived lines are missing or damaged.
            ContractError: a figure is neither read nor quarantined (a bug worth reporting).
        """
        staged = None if anew else self.find(quarter, state)
        return staged or self._stage(quarter, state)

    def prune(self, quarter: Quarter, states: Iterable[State], told: Iterable[State] = ()) -> None:
        """Remove what was staged of a quarter for states or rules that no longer count.

        Of a content that releases tell (`told`) and that was refused, the verdict stays: without it the next plan
        would take the content for one that was never looked at.
        """
        wanted = {self.folder(quarter, state) for state in states}
        read = (self.of_content(quarter, state.sha256) for state in told)
        wanted |= {staged.folder for staged in read if staged and staged.is_refused}
        with contextlib.suppress(FileNotFoundError):
            for folder in (self.data_dir.staging / quarter.id).iterdir():
                if folder not in wanted:
                    shutil.rmtree(folder, ignore_errors=True)

    def _stage(self, quarter: Quarter, state: State) -> Staged:
        with explain_disk_errors(), scratch() as con:
            load_received(con, self.archive, quarter, state)
            (received,) = one(con, "SELECT count(*) FROM recues")
            lines = read_lines(con, "recues", quarter.id, state.since, self.archive.source_map)
            final = self.folder(quarter, state)
            final.parent.mkdir(parents=True, exist_ok=True)
            draft = Path(tempfile.mkdtemp(prefix=".draft.", dir=final.parent))
            try:
                staged = self._write(lines, state.sha256, received, draft, final)
                shutil.rmtree(final, ignore_errors=True)
                draft.replace(final)
            finally:
                shutil.rmtree(draft, ignore_errors=True)
        return staged

    def _write(self, lines: TypedLines, sha256: str, received: int, draft: Path, final: Path) -> Staged:
        for name in ("usagers", "financements", "rejets"):
            table = pa.Table.from_pandas(getattr(lines, name), preserve_index=False)
            pq.write_table(table, draft / f"{name}.parquet", compression="zstd")
        rules = lines.rejets[["regle", "colonne"]].fillna("").itertuples(index=False, name=None)
        staged = Staged(
            folder=final,
            sha256=sha256,
            received=received,
            valid=len(lines.usagers),
            masked=int(lines.usagers["est_masque"].sum()),
            rejected=lines.rejected_lines,
            unknown=lines.unknown,
            commonest=[(rule, column, count) for (rule, column), count in Counter(rules).most_common(3)],
        )
        summary = asdict(staged)
        del summary["folder"]
        (draft / _SUMMARY).write_text(json.dumps(summary, ensure_ascii=False, indent=2))
        return staged


def _read_summary(folder: Path) -> Staged | None:
    try:
        summary = json.loads((folder / _SUMMARY).read_text())
        summary["unknown"] = [tuple(pair) for pair in summary["unknown"]]
        summary["commonest"] = [tuple(reason) for reason in summary["commonest"]]
        return Staged(folder=folder, **summary)
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None


def load_received(con: duckdb.DuckDBPyConnection, archive: Archive, quarter: Quarter, state: State) -> None:
    """Load the lines of one state of a quarter as received into the table ``recues``, with their numbers.

    Raises:
        ArchiveError: they are missing or damaged.
    """
    lines, numbers = archive.quarter_file(quarter, state.sha256), archive.lines_file(state.since)
    for path, intact in ((lines, is_intact(lines)), (numbers, archive.lines_are_intact(state.since))):
        if not intact:
            raise ArchiveError(
                f"{path} is missing or damaged: `mcf-pipeline rebuild` makes it again from the archived export "
                "(`mcf-pipeline verify` lists all such files)"
            )
    con.execute(
        f"""CREATE OR REPLACE TEMP TABLE recues AS
        SELECT numeros.numero_ligne, lignes.* EXCLUDE (trimestre_id)
        FROM read_parquet({literal(lines)}) AS lignes
        JOIN read_parquet({literal(numbers)}) AS numeros
            ON numeros.rang = lignes.rang AND numeros.trimestre_id = lignes.trimestre_id
        ORDER BY lignes.rang"""
    )


def read_head(staged: Staged, name: str, rows: int = 5) -> pd.DataFrame:
    """The first rows of a staged file, to show."""
    head = pq.ParquetFile(staged.file(name)).iter_batches(batch_size=rows)
    batches = [next(head, None)]
    schema = pq.read_schema(staged.file(name))
    table = pa.Table.from_batches([batch for batch in batches if batch is not None], schema)
    return table.to_pandas(types_mapper=pd.ArrowDtype)
