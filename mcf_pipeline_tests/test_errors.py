"""Each error ends the command line with the exit code that the design names."""

from __future__ import annotations

import pytest

from mcf_pipeline import errors


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.PipelineError("x"), 1),
        (errors.ArchiveError("x"), 1),
        (errors.UsageError("x"), 2),
        (errors.SourceError("x"), 3),
        (errors.ContractError("x", rule="export_vide"), 4),
        (errors.HeldReleaseError("x", rule="trimestre_disparu", release_id="2026-10-08"), 4),
        (errors.BusyError("x"), 5),
    ],
)
def test_the_exit_code(error, code):
    assert error.exit_code == code
    assert isinstance(error, errors.PipelineError)
    assert str(error) == "x"


def test_a_broken_contract_names_its_rule_and_a_held_release_its_id():
    held = errors.HeldReleaseError("x", rule="trimestre_disparu", release_id="2026-10-08")
    assert (held.rule, held.release_id) == ("trimestre_disparu", "2026-10-08")


def test_every_error_of_the_module_is_one_for_the_user():
    found = [value for value in vars(errors).values() if isinstance(value, type) and issubclass(value, Exception)]
    assert all(issubclass(value, errors.PipelineError) for value in found)
