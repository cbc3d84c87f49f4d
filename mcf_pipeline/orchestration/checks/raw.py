"""Checks on `portal_release`: what the newest release lost, and what of it was not understood."""

import dagster as dg

from mcf_pipeline.archive.guards import GUARDS
from mcf_pipeline.archive.manifest import Manifest
from mcf_pipeline.archive.store import UNREADABLE_FILE, Archive
from mcf_pipeline.duck import literal, scratch
from mcf_pipeline.errors import ContractError
from mcf_pipeline.orchestration.checks.base import check_spec, metadata, sentence
from mcf_pipeline.quality import SAMPLE_ROWS, Finding
from mcf_pipeline.quality.releases import (
    conformity,
    held_findings,
    synthetic_releases,
    unreadable_quarters,
    unused_columns,
)
from mcf_pipeline.tables.snapshot import Snapshot

ASSET = "portal_release"
REFUSED = "export_conforme"
WARNING = {"trimestre_invalide", "colonne_non_reconnue", "donnees_synthetiques"}

SPECS = [
    check_spec(
        ASSET,
        REFUSED,
        "La publication respecte le contrat : colonnes requises reconnues chacune une fois, lignes toutes reçues, "
        "aucune ligne qui soit la somme d'autres, aucune unité ni aucun séparateur qui fausse tout. Sinon elle est "
        "refusée, et l'archive reste comme elle était.",
        blocking=True,
    ),
    check_spec(
        ASSET,
        "trimestre_disparu",
        "Chaque trimestre de la publication précédente est dans la nouvelle. Sinon elle est archivée sans être "
        "appliquée.",
        blocking=True,
    ),
    check_spec(
        ASSET,
        "trimestre_retreci",
        "Aucun trimestre clos n'a perdu plus de 20 % de ses lignes ou de ses dossiers. Sinon la publication est "
        "archivée sans être appliquée.",
        blocking=True,
    ),
    check_spec(
        ASSET,
        "trimestre_gonfle",
        "Aucun trimestre déjà clos n'a gagné plus de 50 % de lignes ou de dossiers. Sinon la publication est archivée "
        "sans être appliquée.",
        blocking=True,
    ),
    check_spec(
        ASSET,
        "part_masquee_inhabituelle",
        "La part des lignes masquées d'un trimestre clos n'a pas bougé de plus de 30 points. Sinon la publication est "
        "archivée sans être appliquée.",
        blocking=True,
    ),
    check_spec(
        ASSET,
        "montant_inhabituel",
        "Le montant engagé par dossier d'un trimestre déjà clos n'a pas bougé de plus de 20 %. Sinon la publication "
        "est archivée sans être appliquée.",
        blocking=True,
    ),
    check_spec(
        ASSET,
        "region_inhabituelle",
        "Aucune région d'un trimestre déjà clos n'a perdu ou gagné plus de la moitié de ses dossiers. Sinon la "
        "publication est archivée sans être appliquée.",
        blocking=True,
    ),
    check_spec(
        ASSET,
        "trimestre_invalide",
        "Le trimestre de chaque ligne se lit, n'est ni avant 2020-T1 ni après le trimestre en cours.",
    ),
    check_spec(ASSET, "colonne_non_reconnue", "Chaque colonne de l'export est reconnue."),
    check_spec(ASSET, "donnees_synthetiques", "Les données viennent du producteur : elles ne sont pas fabriquées."),
]


def findings(archive: Archive, snapshot: Snapshot) -> dict[str, Finding]:
    """Every check's finding; the guards speak of all held releases, the rest of the one received last."""
    manifests = snapshot.manifests
    found = held_findings(manifests, snapshot.held)
    if not manifests:
        return found | {name: Finding(name, 0, 0) for name in (REFUSED, *WARNING)}
    newest = max(manifests, key=lambda m: m.retrieved_at)
    about = (
        conformity(newest),
        unreadable_quarters(newest, _unreadable_lines(archive, newest)),
        unused_columns(newest),
        synthetic_releases(manifests),
    )
    return found | {finding.rule: finding for finding in about}


def _unreadable_lines(archive: Archive, manifest: Manifest) -> list[int]:
    path = archive.data_dir.releases / manifest.release_id / UNREADABLE_FILE
    if not manifest.unreadable_rows or not path.is_file():
        return []
    with scratch() as con:
        rows = con.execute(
            f"SELECT numero_ligne FROM read_parquet({literal(path)}) ORDER BY numero_ligne LIMIT {SAMPLE_ROWS}"
        ).fetchall()
    return [number for (number,) in rows]


def refusal_evaluation(archive: Archive, snapshot: Snapshot, error: ContractError) -> dg.AssetCheckEvaluation:
    """The red evaluation of a release that was refused or held, for the asset to log before it raises.

    Args:
        archive: as the failed intake left it.
        snapshot: of it.
        error: what the intake raised.
    """
    name = error.rule if error.rule in GUARDS else REFUSED
    finding = findings(archive, snapshot)[name]
    if finding.holds:
        # Nothing of a refused release is archived: the error is all that is left of it.
        finding = Finding(name, 1, 1, "publication", ("regle", "message"), ((error.rule, str(error)),))
    return dg.AssetCheckEvaluation(
        asset_key=dg.AssetKey(ASSET),
        check_name=name,
        passed=False,
        severity=dg.AssetCheckSeverity.ERROR,
        description=sentence(finding),
        metadata=metadata(finding),
        blocking=True,
    )
