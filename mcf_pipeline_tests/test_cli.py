"""The command line itself: help, wrong usage, and how an error is shown. What commands do: `commands/`."""

import subprocess
import sys

import click
import pytest
from click.testing import CliRunner

from mcf_pipeline import __version__
from mcf_pipeline.cli import Commands, main
from mcf_pipeline.errors import ArchiveError, BusyError, ContractError, PipelineError, SourceError, UsageError
from mcf_pipeline_tests.commands.terminal import mcf, mcf_here

DESIGN_SECTION_4 = {"run", "status", "doctor", "sample", "sample-portal", "sql", "rebuild", "verify"}


def test_every_command_of_design_section_4_is_there():
    assert main.commands.keys() >= DESIGN_SECTION_4


@pytest.mark.parametrize("name", sorted(main.commands))
@pytest.mark.parametrize("option", ["--help", "-h"])
def test_every_command_explains_itself_and_its_options(name, option):
    answer = mcf_here(name, option)
    assert (answer.code, answer.err) == (0, "")
    assert answer.out.startswith(f"Usage: mcf-pipeline {name} ")
    command = main.commands[name]
    assert command.help
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert parameter.help or isinstance(parameter.type, click.Choice), parameter.name
            assert parameter.opts[-1] in answer.out


def test_help_lists_the_commands_and_the_exit_codes():
    answer = mcf_here("--help")
    assert answer.code == 0
    for text in (*main.commands, "Exit codes: 0 success", "5 another run"):
        assert text in " ".join(answer.out.split())


def test_without_a_command_the_help_is_shown():
    answer = mcf_here()
    assert "Usage: mcf-pipeline" in answer.out + answer.err


def test_the_version_is_that_of_the_package():
    assert mcf_here("--version").out == f"mcf-pipeline, version {__version__}\n"


def test_help_loads_nothing_that_takes_time():
    heavy = {"dagster", "duckdb", "pandas", "pandera", "pyarrow", "numpy", "requests", "rich"}
    code = (
        "import sys\n"
        "from mcf_pipeline.cli import main\n"
        "try:\n    main(['run', '--help'])\n"
        "except SystemExit:\n    pass\n"
        f"print('loaded', sorted({heavy!r} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "loaded []"


@pytest.mark.parametrize(
    "arguments",
    [
        ["no-such-command"],
        ["--no-such-option"],
        ["run", "--no-such-option"],
        ["run", "too", "much"],
        ["sql"],
        ["sql", "SELECT 1", "--format", "xml"],
        ["sample"],
    ],
)
def test_wrong_usage_is_one_line_that_names_the_help(arguments):
    answer = mcf_here(*arguments)
    assert answer.code == 2
    assert answer.error
    assert answer.err.splitlines()[-1].startswith("Try `mcf-pipeline")
    assert answer.out == ""


def shown(error, *arguments):
    """How the command line shows an error that a command raises."""

    @click.group(cls=Commands)
    @click.option("--debug", is_flag=True)
    def group(debug):
        pass

    @group.command()
    def fail():
        raise error

    return CliRunner().invoke(group, [*arguments, "fail"])


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (UsageError("x"), 2),
        (SourceError("x"), 3),
        (ContractError("x", rule="y"), 4),
        (BusyError("x"), 5),
        (ArchiveError("x"), 1),
        (PipelineError("x"), 1),
    ],
)
def test_each_kind_of_error_has_its_exit_code_and_one_line(error, code):
    result = shown(error)
    assert result.exit_code == code
    assert result.stderr.startswith("error: ")
    assert result.stderr.count("\n") == 1


def test_an_option_without_its_value_is_wrong_usage():
    answer = mcf_here("run", "--source")
    assert (answer.code, answer.error) == (2, "Option '--source' requires an argument.")


def test_an_interrupted_command_says_that_nothing_is_lost():
    result = shown(KeyboardInterrupt())
    assert result.exit_code == 1
    assert result.stderr.strip() == "error: interrupted; nothing is half-written, run again to continue"


def test_an_error_of_many_lines_is_shown_on_one():
    assert shown(UsageError("a\n  b\r\n\tc")).stderr == "error: a b c\n"


def test_a_bug_is_one_line_too_and_says_how_to_see_more():
    result = shown(ZeroDivisionError("division\nby zero"))
    assert result.exit_code == 1
    assert result.stderr.startswith("error: ZeroDivisionError: division by zero (unexpected; `mcf-pipeline --debug")
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize("error", [ZeroDivisionError("x"), SourceError("x")])
def test_debug_lets_the_traceback_through(error):
    assert shown(error, "--debug").exception is error


def test_debug_shows_the_traceback_to_a_user(tmp_path):
    arguments = ("run", "--source", tmp_path / "missing.csv", "--data-dir", tmp_path / "data")
    plain, debug = mcf(*arguments), mcf("--debug", *arguments)
    assert plain.code == 2
    assert "missing.csv" in plain.error
    assert "Traceback (most recent call last)" in debug.err
    assert "UsageError" in debug.err
    assert debug.code != 0
