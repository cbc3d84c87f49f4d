"""The command line: what can be typed, and how errors are shown.

Only declarations stand here. Each command imports what it needs when it is called, so that ``--help`` answers
at once.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

import click

from mcf_pipeline import __version__
from mcf_pipeline.errors import PipelineError
from mcf_pipeline.files import keep_others_from_writing

Place = Path | str
"""A folder, or the URL of an object store, in which a path would lose a slash."""


class _Place(click.Path):
    name = "directory"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        return value if isinstance(value, str) and "://" in value else super().convert(value, param, ctx)


DATA_DIR = click.option(
    "--data-dir",
    type=_Place(path_type=Path, file_okay=False),
    help="The data directory: a folder, or s3://bucket/prefix. [env MCF_DATA_DIR; default: data/, for the sample "
    "data/sample/]",
)
SOURCE = click.option(
    "--source",
    metavar="portal|sample|PATH",
    help="Where the release comes from: the portal, the embedded synthetic sample, or a CSV or Parquet file. "
    "[env MCF_SOURCE; default: portal]",
)


class Commands(click.Group):
    """Shows errors as one line ``error: …`` and exits with the code of their kind."""

    def main(self, *args: Any, **kwargs: Any) -> Any:
        """Run a command; raises SystemExit with its exit code."""
        keep_others_from_writing()
        kwargs["standalone_mode"] = False
        typed = list((args[0] if args else None) or kwargs.get("args") or sys.argv[1:])
        debug = "--debug" in typed
        if _log_format(typed) != "json":
            self._run(debug, _echo, *args, **kwargs)
        import traceback

        from mcf_pipeline.log import as_json

        with as_json() as ended:
            try:
                self._run(debug, ended, *args, **kwargs)
            except Exception as error:
                code = getattr(error, "exit_code", 1)
                traceback.print_exc()
                ended(_one_line(str(error)), code, "")
                sys.exit(code)

    def _run(self, debug: bool, end: Callable[[str, int, str], None], *args: Any, **kwargs: Any) -> NoReturn:
        """Run a command.

        Args:
            debug: whether errors are raised as they are.
            end: called with what went wrong, the exit code, and what else to say; where nothing did, of code 0.
            args: of the command.
            kwargs: of the command.
        """
        code, said, hint = 0, "", ""
        try:
            result = super().main(*args, **kwargs)
            code = result if isinstance(result, int) else 0
        except (click.exceptions.Abort, KeyboardInterrupt):
            code, said = 1, "interrupted; nothing is half-written, run again to continue"
        except click.ClickException as error:
            code, said = 2, error.format_message()
            if isinstance(error, click.UsageError) and error.ctx:
                hint = f"Try `{error.ctx.command_path} --help`."
        except PipelineError as error:
            if debug:
                raise
            code, said = error.exit_code, str(error)
        except Exception as error:
            if debug:
                raise
            code = 1
            said = (
                f"{type(error).__name__}: {_one_line(str(error))[:500]} "
                "(unexpected; `mcf-pipeline --debug …` shows where, please report it)"
            )
        end(_one_line(said), code, hint)
        sys.exit(code)


def _echo(said: str, code: int, hint: str) -> None:
    if code:
        click.echo(f"error: {said}", err=True)
    if hint:
        click.echo(hint, err=True)


def _log_format(typed: Sequence[str]) -> str:
    """What `--log-format` or MCF_LOG say, before click reads them: an error of click's has to be a line of it, too."""
    for place, argument in enumerate(typed):
        if argument.startswith("--log-format"):
            return argument.partition("=")[2] or "".join(typed[place + 1 : place + 2])
    return os.environ.get("MCF_LOG", "")


def _one_line(text: str) -> str:
    return " ".join(text.split())


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Start with `mcf-pipeline run --source sample`, then `mcf-pipeline status --source sample`. "
    "Exit codes: 0 success (including when nothing was new), 2 wrong usage, 3 the source (or the object store) could "
    "not be reached or refused access, 4 the source broke the contract, 5 another run holds the data directory, "
    "1 anything else.",
)
@click.version_option(__version__, prog_name="mcf-pipeline")
@click.option("--debug", is_flag=True, help="Show the full traceback of an error.")
@click.option(
    "--log-format",
    type=click.Choice(["text", "json"]),
    envvar="MCF_LOG",
    default="text",
    help="json: one JSON object per line on standard error, for programs. [env MCF_LOG; default: text]",
)
def main(debug: bool, log_format: str) -> None:
    """Archive, validate and query every release of Mon Compte Formation - Les usagers."""


@main.command()
@SOURCE
@DATA_DIR
@click.option("--force", is_flag=True, help="Rematerialize all quarters, even unchanged ones.")
@click.option(
    "--accept-release",
    metavar="ID",
    help="Apply a held release, for example 2026-10-08 (`status` shows why it is held).",
)
@click.option("--dagster-logs", is_flag=True, help="Show Dagster's log.")
def run(
    source: str | None, data_dir: Place | None, force: bool, accept_release: str | None, dagster_logs: bool
) -> None:
    """Ingest the newest release and publish the warehouse.

    Only the quarters that changed are rematerialized. If there is nothing new, it changes nothing and says so.
    """
    from mcf_pipeline.commands.run import run as body

    body(_settings(source, data_dir), force=force, accept_release=accept_release, dagster_logs=dagster_logs)


@main.command()
@SOURCE
@DATA_DIR
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option(
    "--check",
    is_flag=True,
    help="Exit 4 if a release is held or overdue, a quarter is refused, or nothing is archived.",
)
@click.option(
    "--metrics",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Also write the figures to FILE (*.prom) for Prometheus' textfile collector.",
)
def status(source: str | None, data_dir: Place | None, as_json: bool, check: bool, metrics: Path | None) -> None:
    """Show releases, quarters, lines and the last publication.

    The numbers of masked and rejected lines are shown too.

    For monitoring: mcf-pipeline status --check --metrics /var/lib/node_exporter/mcf.prom
    """
    from mcf_pipeline.commands.status import status as body

    body(_settings(source, data_dir), as_json=as_json, check=check, metrics=metrics)


@main.command()
@click.argument("path", type=click.Path(path_type=Path, file_okay=False))
@click.option(
    "--releases", default=3, show_default=True, type=click.IntRange(1, 40), help="How many releases to write."
)
@click.option(
    "--scale", default=1.0, show_default=True, type=click.FloatRange(0.001, 100), help="Factor for the number of lines."
)
def sample(path: Path, releases: int, scale: float) -> None:
    """Write SYNTHETIC releases as CSV files into the folder PATH.

    The releases are successive: each adds a quarter and revises the statuses of the two before it; the newest is
    for 2026-T3.
    """
    from mcf_pipeline.commands.sample import sample as body

    body(path, releases=releases, scale=scale)


@main.command()
@SOURCE
@DATA_DIR
@click.option("--no-browser", is_flag=True, help="Only print the path of the page.")
def dashboard(source: str | None, data_dir: Place | None, no_browser: bool) -> None:
    """Open the dashboard of the last publication.

    It is a page that needs no server or network.
    """
    from mcf_pipeline.commands.dashboard import dashboard as body

    body(_settings(source, data_dir), browser=not no_browser)


@main.command()
@click.argument("query")
@SOURCE
@DATA_DIR
@click.option("--format", "form", type=click.Choice(["table", "csv", "json"]), default="table", show_default=True)
def sql(query: str, source: str | None, data_dir: Place | None, form: str) -> None:
    """Query the published warehouse, read-only.

    Example: mcf-pipeline sql "SELECT * FROM mart_trimestre"
    """
    from mcf_pipeline.commands.sql import sql as body

    body(_settings(source, data_dir), query, form)


@main.command()
@SOURCE
@DATA_DIR
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def doctor(source: str | None, data_dir: Place | None, as_json: bool) -> None:
    """Inspect the source without changing anything.

    The report shows how each column and modality is understood. It ends with "ready", or with the exact lines to
    put into the file of MCF_SOURCE_MAP.
    """
    from mcf_pipeline.commands.doctor import doctor as body

    body(_settings(source, data_dir), as_json=as_json)


@main.command("sample-portal")
@click.option("--port", default=8042, show_default=True, type=click.IntRange(0, 65535), help="0 picks a free port.")
def sample_portal(port: int) -> None:
    """Serve SYNTHETIC releases as a local Opendatasoft portal.

    It listens on loopback only. Ctrl-C stops it.
    """
    from mcf_pipeline.commands.sample_portal import sample_portal as body

    body(port)


@main.command()
@SOURCE
@DATA_DIR
@click.option("--dagster-logs", is_flag=True, help="Show Dagster's log.")
def rebuild(source: str | None, data_dir: Place | None, dagster_logs: bool) -> None:
    """Rebuild the warehouse from the archive alone.

    It reads only raw/, and does not use the network.
    """
    from mcf_pipeline.commands.rebuild import rebuild as body

    body(_settings(source, data_dir), dagster_logs=dagster_logs)


@main.command()
@SOURCE
@DATA_DIR
def verify(source: str | None, data_dir: Place | None) -> None:
    """Verify the archive and the warehouse.

    It checks the archive's hashes, and compares the warehouse with the archive. It changes nothing.
    """
    from mcf_pipeline.commands.verify import verify as body

    body(_settings(source, data_dir))


@main.command()
@SOURCE
@DATA_DIR
@click.option(
    "--keep", metavar="N", required=True, type=click.IntRange(min=1), help="How many applied releases to keep."
)
@click.option("--dry-run", is_flag=True, help="Only list what would be removed.")
def prune(source: str | None, data_dir: Place | None, keep: int, dry_run: bool) -> None:
    """Remove all but the newest N applied releases, then publish.

    Older releases are deleted from the archive. The current figures stay the same; the history begins later. Nothing
    else ever removes a release.
    """
    from mcf_pipeline.commands.prune import prune as body

    body(_settings(source, data_dir), keep=keep, dry_run=dry_run)


@main.command()
@click.argument("path", type=click.Path(path_type=Path, file_okay=False))
@SOURCE
@DATA_DIR
@click.option(
    "--check", is_flag=True, help="Do not back up: read every file of the backups in PATH and compare its hash."
)
def backup(path: Path, source: str | None, data_dir: Place | None, check: bool) -> None:
    """Back up the archive and the source map into the folder PATH.

    This also works during a run. Files that are already in PATH are not copied again, and earlier backups in it are
    kept.
    """
    from mcf_pipeline.commands.backup import backup as body

    body(_settings(source, data_dir), path, check=check)


@main.command()
@click.argument("path", type=click.Path(path_type=Path, file_okay=False))
@SOURCE
@DATA_DIR
@click.option("--number", metavar="N", type=click.IntRange(min=1), help="Backup to restore. [default: the newest]")
def restore(path: Path, source: str | None, data_dir: Place | None, number: int | None) -> None:
    """Restore a backup from PATH into an empty folder or bucket.

    Then run `mcf-pipeline rebuild`.
    """
    from mcf_pipeline.commands.restore import restore as body

    body(_settings(source, data_dir), path, number=number)


@main.command()
@click.argument("path", type=click.Path(path_type=Path))
@SOURCE
@DATA_DIR
@click.option(
    "--format",
    "form",
    type=click.Choice(["xlsx", "csv", "parquet"]),
    help="Output format. [default: from the extension of PATH, else xlsx]",
)
@click.option("--table", "tables", metavar="NAME", multiple=True, help="A table or view; can be given more than once.")
def export(path: Path, source: str | None, data_dir: Place | None, form: str | None, tables: tuple[str, ...]) -> None:
    """Export tables as a spreadsheet, CSV or Parquet.

    PATH is the xlsx file, or the folder for CSV or Parquet files. Without --table, it exports dimensions, marts,
    the dictionary and small views. For the facts, use --table or the data package.
    """
    from mcf_pipeline.commands.export import export as body

    body(_settings(source, data_dir), path, form, tables)


@main.command()
@SOURCE
@DATA_DIR
@click.option("--test", is_flag=True, help="Send a test notice to each address, and show which accepted it.")
def notify(source: str | None, data_dir: Place | None, test: bool) -> None:
    """Send pending notices to the addresses in MCF_NOTIFY.

    `run` and the daemon do this automatically.
    """
    from mcf_pipeline.commands.notify import notify as body

    body(_settings(source, data_dir), test=test)


def _settings(source: str | None, data_dir: Place | None) -> Any:
    from mcf_pipeline.settings import Settings

    settings = Settings.from_env(source=source, data_dir=data_dir)
    if (log := sys.modules.get("mcf_pipeline.log")) and log.is_on():
        log.begin(click.get_current_context().info_name or "", settings.place)
    return settings


if __name__ == "__main__":
    main()
