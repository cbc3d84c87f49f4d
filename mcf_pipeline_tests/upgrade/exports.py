"""The exports from which each version's data directory was made: a few lines of three quarters, one of them revised."""

from __future__ import annotations

from pathlib import Path

from mcf_pipeline_tests.exports import Line, csv_bytes, masked, quarter_lines


def quarter(trimestre: str) -> list[Line]:
    return [*quarter_lines(trimestre, 12), masked(trimestre, region="Mayotte")]


def releases() -> dict[str, list[Line]]:
    """The lines of each release, by its day."""
    first, second, third = map(quarter, ("2024-T1", "2024-T2", "2024-T3"))
    revised = [second[0], second[1] | {"nb_dossiers": "40"}, *second[2:]]
    return {"2024-10-08": [*first, *second], "2025-01-08": [*first, *revised, *third]}


def write(folder: Path) -> list[Path]:
    """The releases as CSV files, oldest first."""
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for day, lines in releases().items():
        files.append(folder / f"{day}.csv")
        files[-1].write_bytes(csv_bytes([line | {"date_chargement": day} for line in lines]))
    return files
