"""The rules on releases: what shrank, what was not understood, what is overdue."""

import dataclasses
import datetime as dt

import pytest

from mcf_pipeline.archive.manifest import ManifestColumn
from mcf_pipeline.errors import HeldReleaseError
from mcf_pipeline.quality import releases as releases_quality
from mcf_pipeline_tests.exports import ingest, line, quarter_lines, workspace_in


@pytest.fixture
def manifest(tmp_path):
    return ingest(workspace_in(tmp_path).archive, [line(colonne_libre="x"), line("2024-T2")]).manifest


def test_a_vanished_and_a_shrunk_quarter(tmp_path):
    archive = workspace_in(tmp_path).archive
    ingest(archive, [*quarter_lines("2024-T1", 10), *quarter_lines("2024-T2", 10)], "2024-07-08")
    with pytest.raises(HeldReleaseError):
        ingest(archive, quarter_lines("2024-T1", 6), "2024-10-08")
    manifests = archive.manifests()
    found = releases_quality.held_findings(manifests, archive.held())
    assert found["trimestre_disparu"].sample == (("2024-10-08", "2024-T2", "lignes", 10, 0),)
    assert found["trimestre_retreci"].sample[0] == ("2024-10-08", "2024-T1", "lignes", 10, 6)
    assert "--accept-release 2024-10-08" in found["trimestre_disparu"].note
    archive.accept("2024-10-08")
    accepted = releases_quality.held_findings(manifests, archive.held())
    assert all(finding.holds for finding in accepted.values())


def test_an_archived_release_conforms(manifest):
    assert releases_quality.conformity(manifest).holds


def without(manifest, *names):
    return tuple(c for c in manifest.columns if c.canonical not in names)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (lambda m: {"columns": without(m, "region")}, ("colonne_manquante", "region")),
        (lambda m: {"columns": without(m, "trimestre")}, ("colonne_manquante", "trimestre")),
        (
            lambda m: {"columns": without(m, "part_france_competences", "part_titulaire")},
            ("colonne_manquante", "part_<financeur>"),
        ),
        (lambda m: {"columns": (*m.columns, ManifestColumn("Sexe", "genre", "s"))}, ("colonne_ambigue", "genre")),
        (lambda m: {"quarters": {}, "rows": 0}, ("aucun_trimestre_valide", "aucun trimestre")),
        (lambda m: {"rows": 9}, ("export_tronque", "9 lignes annoncées, 2 réparties")),
    ],
)
def test_a_release_that_does_not_conform(manifest, changes, said):
    finding = releases_quality.conformity(dataclasses.replace(manifest, **changes(manifest)))
    assert finding.sample == (said,)


def test_two_columns_can_give_the_quarter(manifest):
    columns = (
        *without(manifest, "trimestre"),
        ManifestColumn("a", "annee", "r"),
        ManifestColumn("n", "numero_trimestre", "r"),
    )
    assert releases_quality.conformity(dataclasses.replace(manifest, columns=columns)).holds


def test_unreadable_quarters_and_unused_columns(manifest):
    assert releases_quality.unreadable_quarters(manifest, []).holds
    broken = dataclasses.replace(manifest, unreadable_rows=2)
    assert releases_quality.unreadable_quarters(broken, [7, 9]).sample == (("2026-10-08", 7), ("2026-10-08", 9))
    assert releases_quality.unused_columns(manifest).sample == (("colonne_libre",),)
    assert releases_quality.unused_columns(dataclasses.replace(manifest, columns=manifest.columns[:3])).holds


def test_synthetic_releases(manifest):
    made_up = dataclasses.replace(manifest, is_synthetic=True)
    assert releases_quality.synthetic_releases([manifest]).holds
    assert releases_quality.synthetic_releases([made_up]).count == 1
    assert not releases_quality.synthetic_releases([made_up]).is_grave
    assert releases_quality.synthetic_releases([manifest, made_up]).is_grave


@pytest.mark.parametrize(
    ("today", "late"),
    [
        # The newest told quarter is 2024-T2, by a release of July 8th; 2024-T3 is due on October 1st.
        (dt.date(2024, 9, 30), ()),
        (dt.date(2024, 11, 15), ()),
        (dt.date(2024, 11, 16), ("2024-T3",)),
        (dt.date(2025, 2, 15), ("2024-T3",)),
        (dt.date(2025, 2, 16), ("2024-T3", "2024-T4")),
    ],
)
def test_an_overdue_release(tmp_path, today, late):
    archive = workspace_in(tmp_path).archive
    ingest(archive, [line("2024-T1"), line("2024-T2")], "2024-07-08")
    assert releases_quality.overdue(archive.manifests(), today).quarters == late


def test_a_running_quarter_told_early_is_not_its_release(tmp_path):
    archive = workspace_in(tmp_path).archive
    ingest(archive, [line("2024-T2"), line("2024-T3")], "2024-07-08")
    finding = releases_quality.overdue(archive.manifests(), dt.date(2024, 12, 1))
    assert finding.sample == (("2024-T3", "2024-10-01", 16),)


def test_without_any_release_the_last_ended_quarter_is_overdue():
    assert releases_quality.overdue([], dt.date(2024, 3, 1)).quarters == ("2023-T4",)
