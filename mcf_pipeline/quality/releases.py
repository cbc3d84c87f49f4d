"""The rules on releases: what shrank, what was not understood, and whether one is overdue.

They need the archive's manifests alone.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence

from mcf_pipeline.archive.guards import GUARDS, Shrinkage
from mcf_pipeline.archive.manifest import Manifest
from mcf_pipeline.contract.columns import COLUMNS
from mcf_pipeline.quality.finding import SAMPLE_ROWS, Finding
from mcf_pipeline.quarter import FIRST_QUARTER, Quarter

PATIENCE_DAYS = 45
"""Days after the start of the next quarter from which on a quarter's release is overdue."""

_MEASURES = {"lines": "lignes", "% of lines masked": "% de lignes masquées", "€ by dossier": "€ par dossier"}


def held_findings(manifests: Sequence[Manifest], held: Mapping[str, Sequence[Shrinkage]]) -> dict[str, Finding]:
    """What the held releases lost or have too much of, by guard.

    Args:
        manifests: every archived release.
        held: what each of those that wait to be accepted lost, by id (`guards.held_releases`).
    """
    lost = [(release_id, entry) for release_id, entries in held.items() for entry in entries]
    found = {}
    for guard in GUARDS:
        entries = [(release_id, entry) for release_id, entry in lost if entry.rule == guard]
        waiting = sorted({release_id for release_id, _ in entries})
        accept = " ; ".join(f"`mcf-pipeline run --accept-release {release_id}`" for release_id in waiting)
        found[guard] = Finding(
            rule=guard,
            count=len(entries),
            total=sum(len(manifest.quarters) for manifest in manifests),
            unit="trimestres",
            columns=("publication", "trimestre", "mesure", "avant", "après"),
            sample=tuple(
                (
                    release_id,
                    e.quarter,
                    _MEASURES.get(e.measure, e.measure.replace(" of region ", " de la région ")),
                    e.before,
                    e.after,
                )
                for release_id, e in entries[:SAMPLE_ROWS]
            ),
            quarters=tuple(sorted({entry.quarter for _, entry in entries})),
            note=f"Archivée, non appliquée. Pour l'appliquer en connaissance de cause : {accept}" if accept else "",
        )
    return found


def conformity(manifest: Manifest) -> Finding:
    """Whether a release that is archived is what the contract lets in.

    A release that breaks the contract is refused before it is archived; this holds what was archived against
    the contract as it is now.
    """
    known = [column.canonical for column in manifest.columns if column.canonical]
    quarter = "trimestre" in known or {"annee", "numero_trimestre"} <= set(known)
    problems = [
        ("colonne_manquante", name)
        for name, rule in COLUMNS.items()
        if rule.required and name not in known and not (name == "trimestre" and quarter)
    ]
    problems += [("colonne_ambigue", name) for name in sorted(set(known)) if known.count(name) > 1]
    if not any(name.startswith("part_") for name in known):
        problems.append(("colonne_manquante", "part_<financeur>"))
    if not manifest.quarters:
        problems.append(("aucun_trimestre_valide", "aucun trimestre"))
    lines = sum(content.rows for content in manifest.quarters.values()) + manifest.unreadable_rows
    if lines != manifest.rows:
        problems.append(("export_tronque", f"{manifest.rows} lignes annoncées, {lines} réparties"))
    return Finding(
        rule="export_conforme",
        count=len(problems),
        total=len(manifest.columns),
        unit="écarts",
        columns=("regle", "quoi"),
        sample=tuple(problems[:SAMPLE_ROWS]),
        note=f"Publication {manifest.release_id} : {manifest.rows} lignes, {len(manifest.quarters)} trimestres.",
    )


def unreadable_quarters(manifest: Manifest, line_numbers: Sequence[int]) -> Finding:
    """The lines of a release whose quarter cannot be read.

    Args:
        manifest: of the release.
        line_numbers: of a few such lines.
    """
    return Finding(
        rule="trimestre_invalide",
        count=manifest.unreadable_rows,
        total=manifest.rows,
        columns=("publication", "numero_ligne"),
        sample=tuple((manifest.release_id, number) for number in line_numbers[:SAMPLE_ROWS]),
    )


def unused_columns(manifest: Manifest) -> Finding:
    """The columns of a release that nobody recognised."""
    unused = [column.source for column in manifest.columns if column.canonical is None]
    return Finding(
        rule="colonne_non_reconnue",
        count=len(unused),
        total=len(manifest.columns),
        unit="colonnes",
        columns=("colonne de l'export",),
        sample=tuple((name,) for name in unused[:SAMPLE_ROWS]),
        note="Gardées dans `raw_usagers`, inutilisées ; `mcf-pipeline doctor` dit pourquoi." if unused else "",
    )


def synthetic_releases(manifests: Sequence[Manifest]) -> Finding:
    """The releases that are made up."""
    made_up = [manifest.release_id for manifest in manifests if manifest.is_synthetic]
    return Finding(
        rule="donnees_synthetiques",
        count=len(made_up),
        total=len(manifests),
        unit="publications",
        columns=("publication",),
        sample=tuple((release_id,) for release_id in made_up[-SAMPLE_ROWS:]),
        note="Données fabriquées : elles ne disent rien du monde réel." if made_up else "",
        # One data directory holds either; both together would be a bug.
        is_grave=0 < len(made_up) < len(manifests),
    )


def overdue(manifests: Sequence[Manifest], today: dt.date) -> Finding:
    """The quarters whose release is overdue.

    The release of a quarter is due at the start of the next quarter; one that covers the quarter while it
    still runs is not yet its release.

    Args:
        manifests: the releases that are applied, in any order.
        today: the day it is.
    """
    last_ended = Quarter.containing(today) + -1
    published = [
        Quarter.parse(quarter_id)
        for manifest in manifests
        for quarter_id in manifest.quarters
        if manifest.day >= (Quarter.parse(quarter_id) + 1).first_day
    ]
    quarter = max(published) + 1 if published else last_ended
    missing = []
    while FIRST_QUARTER <= quarter <= last_ended:
        due = (quarter + 1).first_day
        if (today - due).days > PATIENCE_DAYS:
            missing.append((quarter.id, due.isoformat(), (today - due).days - PATIENCE_DAYS))
        quarter += 1
    newest = (
        f"Dernier trimestre publié après sa fin : {max(published)}." if published else "Aucune publication appliquée."
    )
    return Finding(
        rule="release_en_retard",
        count=len(missing),
        total=last_ended - FIRST_QUARTER + 1,
        unit="trimestres",
        columns=("trimestre", "attendue depuis le", "jours de retard"),
        sample=tuple(missing[:SAMPLE_ROWS]),
        quarters=tuple(row[0] for row in missing),
        note=f"{newest} Au {today.isoformat()}, avec {PATIENCE_DAYS} jours de patience.",
    )
