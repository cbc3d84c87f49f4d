"""``backup`` and ``restore``: a copy that is whole at any moment, and that gives the same warehouse again."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path

import pytest
from filelock import FileLock

from mcf_pipeline.archive.manifest import Manifest
from mcf_pipeline.errors import HeldReleaseError
from mcf_pipeline_tests.commands import forked
from mcf_pipeline_tests.commands.terminal import mcf_here
from mcf_pipeline_tests.end_to_end.story import tables_of
from mcf_pipeline_tests.exports import archive_in, ingest, lean_quarter, listing

T1, T2, T3 = lean_quarter("2024-T1"), lean_quarter("2024-T2"), lean_quarter("2024-T3")


@pytest.fixture(scope="module")
def archived_once(tmp_path_factory) -> Path:
    """Three releases, the newest held."""
    folder = tmp_path_factory.mktemp("archived")
    ingest(archive_in(folder), [*T1, *T2], "2024-10-08")
    ingest(archive_in(folder), [*T1, *T2, *T3], "2025-01-08")
    with pytest.raises(HeldReleaseError):
        ingest(archive_in(folder), [*T2, *T3], "2025-04-08")
    return folder


@pytest.fixture
def data_dir(archived_once, tmp_path) -> Path:
    shutil.copytree(archived_once, tmp_path / "data")
    return tmp_path / "data"


def backed_up(data_dir: Path, folder: Path, **env: str) -> str:
    answer = mcf_here("backup", folder, "--data-dir", data_dir, **env)
    assert answer.code == 0, answer.err
    return answer.out


def restored(folder: Path, data_dir: Path, *arguments: object) -> dict[str, str]:
    answer = mcf_here("restore", folder, *arguments, "--data-dir", data_dir)
    assert answer.code == 0, answer.err
    return listing(data_dir / "raw")


def objects(folder: Path) -> dict[str, str]:
    return listing(folder / "objects")


# -- what is copied ----------------------------------------------------------------------------------------------


def test_what_is_there_is_not_copied_again_and_each_backup_can_be_restored(data_dir, tmp_path):
    folder = tmp_path / "backup"
    raw = listing(data_dir / "raw")
    assert backed_up(data_dir, folder).startswith(f"Backup 1 in {folder}: 3 releases; ")
    first = objects(folder)
    assert set(first.values()) == set(raw.values())

    out = backed_up(data_dir, folder)
    assert out.startswith(f"Backup 1 in {folder} is still up to date: 3 releases; 0 bytes copied (0 files), ")
    assert (objects(folder), len(list((folder / "catalogues").iterdir()))) == (first, 1)

    archive = archive_in(data_dir)
    archive.accept("2025-04-08")
    ingest(archive, [*T2, *T3, *lean_quarter("2024-T4")], "2025-07-08")
    out = backed_up(data_dir, folder)
    assert out.startswith(f"Backup 2 in {folder}: 4 releases; ")
    assert "(6 files)" in out, "manifest, export, line numbers; a quarter and its digest; the mark of acceptance"
    assert first.items() <= objects(folder).items()

    assert restored(folder, tmp_path / "second") == listing(data_dir / "raw")
    assert restored(folder, tmp_path / "first", "--number", 1) == raw
    assert set(archive_in(tmp_path / "first").held()) == {"2025-04-08"}
    assert mcf_here("backup", folder, "--check").out.startswith(
        "No problem found: every file of 2 backups matches its hash; the newest (2, "
    )


def test_an_archive_that_lost_releases_spoils_no_earlier_backup(data_dir, tmp_path):
    folder = tmp_path / "backup"
    backed_up(data_dir, folder)
    raw = listing(data_dir / "raw")
    shutil.rmtree(data_dir / "raw" / "releases" / "2024-10-08")
    backed_up(data_dir, folder)
    assert restored(folder, tmp_path / "before", "--number", 1) == raw


def test_the_source_map_comes_along(data_dir, tmp_path):
    source_map, folder = tmp_path / "my-map.toml", tmp_path / "backup"
    source_map.write_text('[modalities.genre]\n"X" = "femme"\n')
    backed_up(data_dir, folder, MCF_SOURCE_MAP=str(source_map))
    answer = mcf_here("restore", folder, "--data-dir", tmp_path / "new")
    assert f"First: export MCF_SOURCE_MAP={tmp_path / 'new' / 'source-map.toml'}\n" in answer.out
    assert (tmp_path / "new" / "source-map.toml").read_bytes() == source_map.read_bytes()


def test_what_a_killed_backup_left_is_of_no_harm(data_dir, tmp_path):
    """It had copied some files, was in the midst of one, and had torn another by a power cut."""
    folder = tmp_path / "backup"
    backed_up(data_dir, folder)
    whole = objects(folder)
    (folder / "catalogues" / "000001.json").unlink()
    (folder / "drafts" / "tmpx").write_bytes(b"half")
    torn = max((folder / "objects").glob("*/*"), key=lambda path: path.stat().st_size)
    torn.write_bytes(torn.read_bytes()[:-10])
    answer = mcf_here("restore", folder, "--data-dir", tmp_path / "none")
    assert (answer.code, "holds no complete backup" in answer.error) == (2, True)
    assert "(1 files)" in backed_up(data_dir, folder)
    assert (objects(folder), list((folder / "drafts").iterdir())) == (whole, [])


# -- while runs go on --------------------------------------------------------------------------------------------


def test_backups_while_runs_go_on_are_whole(ready, small_releases, tmp_path):
    """Each of them can be restored; the last one gives the same tables."""
    folder, made = tmp_path / "backup", 0
    running = forked.begin(tmp_path / "said", "run", "--source", small_releases[1], "--data-dir", ready)
    while running.process.is_alive():
        backed_up(ready, folder)
        made += 1
    answer = running.answer()
    assert answer.code == 0, answer.err
    backed_up(ready, folder)
    numbers = sorted(int(path.stem) for path in (folder / "catalogues").iterdir())
    assert made > len(numbers) == 2, "one before the release appeared, one after"
    for number in numbers:
        target = tmp_path / f"restored-{number}"
        restored(folder, target, "--number", number)
        assert [m.release_id for m in archive_in(target).manifests()] == ["2021-01-08", "2021-04-08"][:number]
    answer = mcf_here("rebuild", "--data-dir", target)
    assert answer.code == 0, answer.err
    assert tables_of(target / "warehouse" / "mcf.duckdb") == tables_of(ready / "warehouse" / "mcf.duckdb")
    assert mcf_here("verify", "--data-dir", target).code == 0


# -- what is refused ---------------------------------------------------------------------------------------------


def test_synthetic_and_real_releases_share_no_folder(data_dir, first_run, tmp_path):
    folder = tmp_path / "backup"
    backed_up(data_dir, folder)
    before = listing(folder)
    answer = mcf_here("backup", folder, "--data-dir", first_run.data_dir)
    assert (answer.code, answer.error) == (
        2,
        f"these releases are synthetic and {folder} holds real ones: back up into another folder",
    )
    assert listing(folder) == before


def test_folders_that_will_not_do(data_dir, tmp_path):
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "holiday.jpg").write_bytes(b"x")
    before = listing(tmp_path)
    for folder, said in [
        (tmp_path / "other", "is not a backup made by mcf-pipeline"),
        (data_dir / "backup", "is inside the data directory"),
        (data_dir, "is inside the data directory"),
    ]:
        answer = mcf_here("backup", folder, "--data-dir", data_dir)
        assert (answer.code, said in answer.error) == (2, True), answer.error
    answer = mcf_here("backup", tmp_path / "new", "--data-dir", tmp_path / "empty")
    assert (answer.code, "there is no release under" in answer.error) == (2, True)
    for arguments in (["backup", "--check"], ["restore"]):
        answer = mcf_here(*arguments, tmp_path / "other", "--data-dir", tmp_path / "empty")
        assert (answer.code, "is not a backup made by mcf-pipeline" in answer.error) == (2, True)
    assert listing(tmp_path) == before


@pytest.mark.parametrize("name", ["lignes.parquet", "export.csv.gz", ".parquet", "manifest.json"])
def test_a_damaged_file_of_the_archive_is_named_and_not_backed_up(data_dir, tmp_path, name):
    folder = tmp_path / "backup"
    path = next(path for path in sorted((data_dir / "raw").rglob("*")) if path.name.endswith(name))
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    answer = mcf_here("backup", folder, "--data-dir", data_dir)
    assert (answer.code, str(path) in answer.error) == (1, True)
    assert not (folder / "catalogues").exists()


def test_a_missing_file_of_the_archive_is_named(data_dir, tmp_path):
    path = next((data_dir / "raw" / "quarters").rglob("*.parquet"))
    path.unlink()
    answer = mcf_here("backup", tmp_path / "backup", "--data-dir", data_dir)
    assert (answer.code, answer.error.startswith(f"{path} is missing: earlier backups")) == (1, True)


def test_a_damaged_backup_is_named_and_nothing_is_restored(data_dir, tmp_path):
    folder, target = tmp_path / "backup", tmp_path / "new"
    backed_up(data_dir, folder)
    files = json.loads((folder / "catalogues" / "000001.json").read_text())["files"]
    place, entry = next((p, e) for p, e in files.items() if p.endswith("2025-01-08/lignes.parquet"))
    path = folder / "objects" / entry["sha256"][:2] / entry["sha256"]
    content = bytearray(path.read_bytes())
    content[20] ^= 1
    for damage, what in ((lambda: path.write_bytes(content), "damaged"), (path.unlink, "missing")):
        damage()
        answer = mcf_here("restore", folder, "--data-dir", target)
        assert (answer.code, answer.error.startswith(f"{path} ({place}) is {what}: nothing was restored")) == (1, True)
        assert not (target / "raw").exists()
        answer = mcf_here("backup", folder, "--check")
        assert answer.code == 1
        assert f"• {path} ({place}) is {what}: " in answer.err
    # What the archive still has heals it; the killed restore is begun again.
    assert "(1 files)" in backed_up(data_dir, folder)
    assert restored(folder, target) == listing(data_dir / "raw")
    assert not (target / ".restore").exists()


@pytest.mark.parametrize("edit", ["cut", "../escaped", "raw/releases/../../escaped", "/etc/escaped", "raw/.hidden/x"])
def test_a_damaged_catalogue_is_named_and_writes_nowhere(data_dir, tmp_path, edit):
    from mcf_pipeline.archive.backup_folder import _checksum

    folder = tmp_path / "backup"
    backed_up(data_dir, folder)
    path = folder / "catalogues" / "000001.json"
    if edit == "cut":
        path.write_bytes(path.read_bytes()[:-20])
    else:
        content = json.loads(path.read_text())
        del content["checksum"]
        content["files"][edit] = next(iter(content["files"].values()))
        path.write_text(json.dumps(content | {"checksum": _checksum(content)}))
    answer = mcf_here("restore", folder, "--data-dir", tmp_path / "new")
    assert (answer.code, answer.error.startswith(f"{path} is damaged (")) == (1, True)
    assert not (tmp_path / "new").exists()


def test_only_an_empty_data_directory_is_restored_into(data_dir, tmp_path):
    folder = tmp_path / "backup"
    backed_up(data_dir, folder)
    before = listing(data_dir)
    answer = mcf_here("restore", folder, "--data-dir", data_dir)
    assert (answer.code, answer.error.startswith(f"{data_dir} is not empty (it holds raw)")) == (2, True)
    assert listing(data_dir) == before
    answer = mcf_here("restore", folder, "--number", 7, "--data-dir", tmp_path / "new")
    assert (answer.code, answer.error) == (2, f"{folder} holds no backup 7: it holds 1")


def test_two_backups_into_one_folder_do_not_meet(data_dir, tmp_path):
    folder = tmp_path / "backup"
    backed_up(data_dir, folder)
    with FileLock(folder / "backup.lock"):
        answer = mcf_here("backup", folder, "--data-dir", data_dir)
    assert (answer.code, answer.error) == (5, f"another backup into {folder} is in progress: wait for it to end")


def test_a_folder_of_a_newer_version_is_left_alone(data_dir, tmp_path):
    folder = tmp_path / "backup"
    backed_up(data_dir, folder)
    (folder / "mcf-pipeline-backup.json").write_text('{"backup_format": 2}')
    before = listing(folder)
    for arguments in (["backup"], ["backup", "--check"], ["restore"]):
        answer = mcf_here(*arguments, folder, "--data-dir", data_dir)
        assert (answer.code, "newer version" in answer.error) == (1, True)
    assert listing(folder) == before


def test_a_rebuild_underneath_is_no_damage(data_dir, tmp_path, monkeypatch):
    """The manifest that was read is replaced, with its line numbers, before those are copied."""
    folder, real, changes = tmp_path / "backup", Manifest.parse, [1]

    def parse(text: bytes, path: Path) -> Manifest:
        found = real(text, path)
        if changes and found.release_id == "2025-01-08":
            changes.pop()
            lines = path.with_name("lignes.parquet")
            shutil.copyfile(path.parent.with_name("2024-10-08") / "lignes.parquet", lines)
            first = Manifest.read(path.parent.with_name("2024-10-08"))
            path.write_bytes(dataclasses.replace(found, lines_sha256=first.lines_sha256).to_json())
        return found

    monkeypatch.setattr(Manifest, "parse", parse)
    backed_up(data_dir, folder)
    assert not changes
    monkeypatch.undo()
    assert restored(folder, tmp_path / "new") == listing(data_dir / "raw")
