"""The command line: what can be typed, and how errors are shown.

Only declarations stand here. Each command imports what it needs when it is called, so that ``--help`` answers
at once.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from mcf_pipeline import __version__
from mcf_pipeline.errors import PipelineError
from mcf_pipeline.files import keep_others_from_writing

DATA_DIR = click.option(
    "--data-dir",
    type=click.Path(path_type=Path, file_okay=False),
    help="Where everything is kept. [env MCF_DATA_DIR; default: data/, for the sample data/sample/]",
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
        debug = "--debug" in (kwargs.get("args") or sys.argv[1:])
        try:
            result = super().main(*args, **kwargs)
            sys.exit(result if isinstance(result, int) else 0)
        except click.exceptions.Abort:
            click.echo("error: interrupted; nothing is half-written, run again to continue", err=True)
            sys.exit(1)
        except KeyboardInterrupt:
            click.echo("error: interrupted; nothing is half-written, run again to continue", err=True)
            sys.exit(1)
        except click.ClickException as error:
            click.echo(f"error: {_one_line(error.format_message())}", err=True)
            if isinstance(error, click.UsageError) and error.ctx:
                click.echo(f"Try `{error.ctx.command_path} --help`.", err=True)
            sys.exit(2)
        except PipelineError as error:
            if debug:
                raise
            click.echo(f"error: {_one_line(str(error))}", err=True)
            sys.exit(error.exit_code)
        except Exception as error:
            if debug:
                raise
            click.echo(
                f"error: {type(error).__name__}: {_one_line(str(error))[:500]} "
                "(unexpected; `mcf-pipeline --debug …` shows where, please report it)",
                err=True,
            )
            sys.exit(1)


def _one_line(text: str) -> str:
    return " ".join(text.split())


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Start with `mcf-pipeline run --source sample`, then `mcf-pipeline status --source sample`. "
    "Exit codes: 0 done (also when nothing was new), 2 wrong usage, 3 the source could not be reached or was "
    "refused, 4 the source broke the contract, 5 another run holds the pipeline, 1 anything else.",
)
@click.version_option(__version__, prog_name="mcf-pipeline")
@click.option("--debug", is_flag=True, help="Show the full traceback of an error.")
def main(debug: bool) -> None:
    """Mon Compte Formation - Les usagers: every release archived, validated and queryable."""


@main.command()
@SOURCE
@DATA_DIR
@click.option("--force", is_flag=True, help="Rematerialize every quarter, changed or not.")
@click.option(
    "--accept-release",
    metavar="ID",
    help="Apply a release that is held because known data shrank in it, for example 2026-10-08.",
)
@click.option("--dagster-logs", is_flag=True, help="Show Dagster's own log lines.")
def run(source: str | None, data_dir: Path | None, force: bool, accept_release: str | None, dagster_logs: bool) -> None:
    """The main job: take the newest release in, rematerialize what changed, publish the warehouse.

    A second run that finds nothing new changes nothing and says so.
    """
    from mcf_pipeline.commands.run import run as body

    body(_settings(source, data_dir), force=force, accept_release=accept_release, dagster_logs=dagster_logs)


@main.command()
@SOURCE
@DATA_DIR
@click.option("--json", "as_json", is_flag=True, help="For machines.")
@click.option("--check", is_flag=True, help="Exit 4 where a release is held or overdue, or a quarter is refused.")
@click.option(
    "--metrics",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Also write the figures for Prometheus' textfile collector, to a FILE that ends in .prom.",
)
def status(source: str | None, data_dir: Path | None, as_json: bool, check: bool, metrics: Path | None) -> None:
    """What is there: releases, quarters, rows, masked and rejected lines, the last publication.

    For a monitor: mcf-pipeline status --check --metrics /var/lib/node_exporter/mcf.prom
    """
    from mcf_pipeline.commands.status import status as body

    body(_settings(source, data_dir), as_json=as_json, check=check, metrics=metrics)


@main.command()
@click.argument("path", type=click.Path(path_type=Path, file_okay=False))
@click.option("--releases", default=3, show_default=True, type=click.IntRange(1, 40), help="How many.")
@click.option("--scale", default=1.0, show_default=True, type=click.FloatRange(0.001, 100), help="Times the lines.")
def sample(path: Path, releases: int, scale: float) -> None:
    """Write successive SYNTHETIC releases as CSV files into the folder PATH.

    Each adds a quarter and revises the statuses of the two before it; the newest is that of 2026-T3.
    """
    from mcf_pipeline.commands.sample import sample as body

    body(path, releases=releases, scale=scale)


@main.command()
@SOURCE
@DATA_DIR
@click.option("--no-browser", is_flag=True, help="Only print where the page is.")
def dashboard(source: str | None, data_dir: Path | None, no_browser: bool) -> None:
    """Open the dashboard of the last publication: one page, which needs no server and no network."""
    from mcf_pipeline.commands.dashboard import dashboard as body

    body(_settings(source, data_dir), browser=not no_browser)


@main.command()
@click.argument("query")
@SOURCE
@DATA_DIR
@click.option("--format", "form", type=click.Choice(["table", "csv", "json"]), default="table", show_default=True)
def sql(query: str, source: str | None, data_dir: Path | None, form: str) -> None:
    """Ask the published warehouse, read-only: mcf-pipeline sql "SELECT * FROM mart_trimestre"."""
    from mcf_pipeline.commands.sql import sql as body

    body(_settings(source, data_dir), query, form)


@main.command()
@SOURCE
@DATA_DIR
@click.option("--json", "as_json", is_flag=True, help="For machines.")
def doctor(source: str | None, data_dir: Path | None, as_json: bool) -> None:
    """One look at the source: what each column and modality is understood as; changes nothing.

    It ends with "ready", or with the exact lines to write into MCF_SOURCE_MAP.
    """
    from mcf_pipeline.commands.doctor import doctor as body

    body(_settings(source, data_dir), as_json=as_json)


@main.command("sample-portal")
@click.option("--port", default=8042, show_default=True, type=click.IntRange(0, 65535), help="0: any that is free.")
def sample_portal(port: int) -> None:
    """Serve SYNTHETIC releases as a local Opendatasoft portal, on loopback only, until Ctrl-C."""
    from mcf_pipeline.commands.sample_portal import sample_portal as body

    body(port)


@main.command()
@SOURCE
@DATA_DIR
@click.option("--dagster-logs", is_flag=True, help="Show Dagster's own log lines.")
def rebuild(source: str | None, data_dir: Path | None, dagster_logs: bool) -> None:
    """Rebuild the warehouse from the archive (raw/) alone, without the network."""
    from mcf_pipeline.commands.rebuild import rebuild as body

    body(_settings(source, data_dir), dagster_logs=dagster_logs)


@main.command()
@SOURCE
@DATA_DIR
def verify(source: str | None, data_dir: Path | None) -> None:
    """Check the archive's hashes, and the warehouse against the archive; changes nothing."""
    from mcf_pipeline.commands.verify import verify as body

    body(_settings(source, data_dir))


@main.command()
@click.argument("path", type=click.Path(path_type=Path))
@SOURCE
@DATA_DIR
@click.option(
    "--format",
    "form",
    type=click.Choice(["xlsx", "csv", "parquet"]),
    help="[default: what PATH ends in, else xlsx]",
)
@click.option("--table", "tables", metavar="NAME", multiple=True, help="A table or view; can be given more than once.")
def export(path: Path, source: str | None, data_dir: Path | None, form: str | None, tables: tuple[str, ...]) -> None:
    """Write tables for a spreadsheet, as one xlsx PATH, or as CSV or Parquet into a folder PATH.

    Without --table: dimensions, marts, dictionary and small views. The facts have to be asked for, or taken
    from the data package.
    """
    from mcf_pipeline.commands.export import export as body

    body(_settings(source, data_dir), path, form, tables)


def _settings(source: str | None, data_dir: Path | None) -> Any:
    from mcf_pipeline.settings import Settings

    return Settings.from_env(source=source, data_dir=data_dir)


if __name__ == "__main__":
    main()
