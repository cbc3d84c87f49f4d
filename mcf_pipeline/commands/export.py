"""``export``: tables of the published warehouse as a spreadsheet, CSV or Parquet, for those without DuckDB."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from mcf_pipeline.commands.console import out, progress_bar, warn_synthetic
from mcf_pipeline.errors import UsageError
from mcf_pipeline.files import explain_disk_errors, put_in_place
from mcf_pipeline.progress import report
from mcf_pipeline.settings import Settings

if TYPE_CHECKING:
    import duckdb

    from mcf_pipeline.package.about import About
    from mcf_pipeline.schemas.base import Table

FORMATS = ("xlsx", "csv", "parquet")
LARGE = ("fct_", "v_dossiers", "v_financements", "stg_")
"""What is left out unless it is asked for: line by line, hundreds of thousands of rows."""


def export(settings: Settings, path: Path, form: str | None, tables: Sequence[str]) -> None:
    """Write the tables and say where.

    Args:
        settings: which data directory.
        path: a file, or for several CSV or Parquet tables a folder.
        form: one of `FORMATS`, or None to take the path's suffix, else xlsx.
        tables: names of tables and views; none for all but the large ones.

    Raises:
        UsageError: there is no warehouse yet, no such table, or the path does not fit.
    """
    import duckdb

    from mcf_pipeline.package.about import about

    if settings.store:
        from mcf_pipeline.workspace import Workspace

        Workspace(settings).pull_product("warehouse")
    published = settings.data_dir.published_database
    if not published.is_file():
        raise UsageError(
            f"there is no warehouse at {published} yet: `mcf-pipeline run` builds it; for the sample, add "
            "`--source sample`"
        )
    form = form or (path.suffix[1:].lower() if path.suffix[1:].lower() in FORMATS else "xlsx")
    models = _chosen(tables)
    with explain_disk_errors(), progress_bar(), duckdb.connect(published, read_only=True) as con:
        info = about(con)
        if info.is_synthetic:
            warn_synthetic()
        written = _workbook(con, info, models, path) if form == "xlsx" else _files(con, info, models, path, form)
    for file in written:
        out.print(str(file), markup=False)


def _chosen(tables: Sequence[str]) -> list[type[Table]]:
    from mcf_pipeline.schemas.base import describe
    from mcf_pipeline.schemas.views import VIEWS
    from mcf_pipeline.warehouse.assembly import PUBLIC

    known = {describe(model).name: model for model in (*PUBLIC, *VIEWS)}
    unknown = [name for name in tables if name not in known]
    if unknown:
        raise UsageError(f"there is no table {unknown[0]!r}: choose among {', '.join(known)}")
    names = dict.fromkeys(tables) or [name for name in known if not name.startswith(LARGE)]
    return [known[name] for name in names]


def _workbook(con: duckdb.DuckDBPyConnection, info: About, models: Sequence[type[Table]], path: Path) -> list[Path]:
    from mcf_pipeline.package.workbook import write_workbook

    final = path if path.suffix.lower() == ".xlsx" else path.with_name(f"{path.name}.xlsx")
    with _in_place(final) as draft:
        write_workbook(con, info, models, draft)
    return [final]


def _files(
    con: duckdb.DuckDBPyConnection, info: About, models: Sequence[type[Table]], path: Path, form: str
) -> list[Path]:
    from mcf_pipeline.package.files import write_csv, write_parquet
    from mcf_pipeline.package.readme import FILE_NAME, export_readme
    from mcf_pipeline.schemas.base import describe

    is_file = path.suffix.lower() == f".{form}"
    if is_file and len(models) != 1:
        raise UsageError(f"{path} is one file: name one table with --table, or give a folder for {len(models)} tables")
    if not is_file:
        if path.exists() and not path.is_dir():
            raise UsageError(f"{path} is a file: give a folder, or a name that ends in .{form}")
        path.mkdir(parents=True, exist_ok=True)
    written = []
    for done, model in enumerate(models):
        report("export", done, len(models))
        final = path if is_file else path / f"{describe(model).name}{info.attribution.suffix}.{form}"
        with _in_place(final) as draft:
            if form == "csv":
                write_csv(con, model, draft)
            else:
                write_parquet(con, model, draft, info.attribution.text)
        written.append(final)
    # A CSV cannot say where its data comes from, so a text beside it does.
    note = path.with_name(f"{path.stem}.{FILE_NAME}") if is_file else path / FILE_NAME
    with _in_place(note) as draft:
        draft.write_text(export_readme(info, models), encoding="utf-8")
    report("export", len(models), len(models))
    return [*written, note]


@contextmanager
def _in_place(final: Path) -> Iterator[Path]:
    """A file beside its final place, which it takes when it is whole; else it is gone."""
    if not final.parent.is_dir():
        raise UsageError(f"there is no folder {final.parent}: create it first")
    if final.is_dir():
        raise UsageError(f"{final} is a folder: give the name of a file in it")
    draft = final.with_name(f".{final.name}.{os.getpid()}")
    try:
        # Proves that the folder can be written, in words of ours.
        draft.touch()
        yield draft
        put_in_place(draft, final)
    finally:
        if draft.exists():
            draft.unlink()
