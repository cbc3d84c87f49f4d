"""Making the package and putting it in place.

A folder cannot be renamed over one that holds files, so ``package`` is a symbolic link into ``.package/``, where
each package has a folder of its own. A new one is written whole and synced, then the link is replaced by one
rename: opening a path through it gives the old package or the new one. A process killed before that leaves
the old one; what it had written is swept by the next run. The package before the current one stays until the
next publication, for a reader who has resolved the link and reads file after file.
"""

from __future__ import annotations

import json
import os
import shutil
import uuid
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import duckdb

from mcf_pipeline.duck import ENGINE
from mcf_pipeline.errors import PipelineError
from mcf_pipeline.files import explain_disk_errors, sha256_of, sync
from mcf_pipeline.package import catalogue, descriptor, feed, readme
from mcf_pipeline.package.about import About, about
from mcf_pipeline.package.descriptor import PackageFile
from mcf_pipeline.package.files import COMPRESSED, write_csv, write_parquet
from mcf_pipeline.package.spreadsheet import FOLDER as SPREADSHEETS
from mcf_pipeline.package.spreadsheet import write_spreadsheet
from mcf_pipeline.package.state import FILE_NAME as DATAPACKAGE
from mcf_pipeline.package.state import package_state
from mcf_pipeline.progress import report
from mcf_pipeline.schemas.base import Table, describe
from mcf_pipeline.settings import DataDir
from mcf_pipeline.warehouse.assembly import IN_CLEAR, PUBLIC

_AT_ONCE = 2
"""Files written at the same time: DuckDB's threads wait for each other at the end of each, and gzip has but one."""


def write_package(data_dir: DataDir) -> list[PackageFile]:
    """Make the package of the published file and put it in place of the old one; returns its table files.

    Raises:
        PipelineError: there is no published file, or the disk is full; the old package stays.
    """
    if not data_dir.published_database.is_file():
        raise PipelineError(f"there is no warehouse at {data_dir.published_database} yet: `mcf-pipeline run` builds it")
    store = data_dir.package.with_name(f".{data_dir.package.name}")
    with explain_disk_errors():
        store.mkdir(parents=True, exist_ok=True)
        before = _linked(data_dir.package, store)
        _sweep(store, keep={before})
        draft = store / uuid.uuid4().hex
        draft.mkdir()
        try:
            files = _fill(data_dir.published_database, draft)
            _sync_all(draft)
            _link(data_dir.package, draft, store)
        except BaseException:
            shutil.rmtree(draft, ignore_errors=True)
            raise
        return files


def _fill(published: Path, folder: Path) -> list[PackageFile]:
    with duckdb.connect(published, read_only=True, config=ENGINE) as con:
        info = about(con)
        files = _write_tables(con, info, folder)
        (folder / feed.FILE_NAME).write_bytes(feed.feed(con, info))
    _write_json(folder / DATAPACKAGE, descriptor.descriptor(info, files, package_state(info.state)))
    _write_json(folder / catalogue.FILE_NAME, catalogue.catalogue(info, files))
    (folder / readme.FILE_NAME).write_text(readme.package_readme(info, (*PUBLIC, *IN_CLEAR)), encoding="utf-8")
    return files


def _write_tables(con: duckdb.DuckDBPyConnection, info: About, folder: Path) -> list[PackageFile]:
    for name in ("csv", "parquet", SPREADSHEETS):
        (folder / name).mkdir()
    written: list[PackageFile] = []
    with ThreadPoolExecutor(_AT_ONCE) as writers:
        files = [writers.submit(_write_table, con.cursor(), info, folder, model) for model in (*PUBLIC, *IN_CLEAR)]
        try:
            for done, file in enumerate(files):
                report("data_package", done, len(files))
                written += file.result()
        except BaseException:
            writers.shutdown(wait=False, cancel_futures=True)
            raise
    report("data_package", len(files), len(files))
    return sorted(written, key=lambda file: file.format)


def _write_table(
    con: duckdb.DuckDBPyConnection, info: About, folder: Path, model: type[Table]
) -> tuple[PackageFile, PackageFile]:
    name = f"{describe(model).name}{info.attribution.suffix}"
    csv = f"csv/{name}.{'csv.gz' if model in COMPRESSED else 'csv'}"
    parquet = f"parquet/{name}.parquet"
    write_parquet(con, model, folder / parquet, info.attribution.text)
    write_csv(con, model, folder / csv, folder / parquet)
    if model in IN_CLEAR:
        # The same content as the CSV beside it, so neither the descriptor nor the catalogue lists it again.
        write_spreadsheet(con, model, folder / SPREADSHEETS / f"{name}.csv", folder / parquet)
    return _file(model, "csv", folder, csv), _file(model, "parquet", folder, parquet)


def _file(model: type[Table], format: str, folder: Path, path: str) -> PackageFile:
    return PackageFile(model, format, path, (folder / path).stat().st_size, sha256_of(folder / path))


def _write_json(path: Path, content: Mapping[str, object]) -> None:
    """A line per member, and per item of a list: Python's own indented form takes ten times as long to write."""
    members = [f"{json.dumps(name)}: {_lines(value)}" for name, value in content.items()]
    path.write_text("{\n" + ",\n".join(members) + "\n}\n", encoding="utf-8")


def _lines(value: object) -> str:
    items = value if isinstance(value, list) else [value]
    text = ",\n".join(json.dumps(item, ensure_ascii=False) for item in items)
    return f"[\n{text}\n]" if isinstance(value, list) else text


def _sync_all(folder: Path) -> None:
    for path in folder.rglob("*"):
        sync(path)
    sync(folder)


def _linked(package: Path, store: Path) -> Path | None:
    """The folder that the link points to, or None."""
    if not package.is_symlink():
        return None
    target = store / package.readlink().name
    return target if target.is_dir() else None


def _link(package: Path, folder: Path, store: Path) -> None:
    if package.is_dir() and not package.is_symlink():
        # A copy that followed the link left a folder here. It cannot be replaced in one step; its place is
        # empty for an instant, once, and a run killed in that instant is put right by the next.
        package.rename(store / uuid.uuid4().hex)
    new = package.with_name(f".{package.name}.link.{os.getpid()}")
    new.unlink(missing_ok=True)
    # Relative, so that the data directory can be moved.
    new.symlink_to(Path(store.name) / folder.name, target_is_directory=True)
    new.replace(package)
    sync(package.parent)


def _sweep(store: Path, keep: set[Path | None]) -> None:
    """Remove every package but those kept, such as what a killed run had begun."""
    for folder in store.iterdir():
        if folder not in keep:
            shutil.rmtree(folder, ignore_errors=True)
    for link in store.parent.glob(f"{store.name}.link.*"):
        link.unlink(missing_ok=True)
