"""``status``: what a data directory holds, from its manifests and its published warehouse."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from mcf_pipeline.commands.console import for_the_sample, out
from mcf_pipeline.contract.levels import level_notes, masking_notes
from mcf_pipeline.contract.line_rules import OF_PRICES, added_up
from mcf_pipeline.contract.modalities import DIMENSIONS
from mcf_pipeline.contract.rules import DROPPED, RULES
from mcf_pipeline.contract.text import clean
from mcf_pipeline.duck import one, scratch
from mcf_pipeline.errors import UsageError, WaitingError
from mcf_pipeline.files import write_atomically
from mcf_pipeline.quality.releases import overdue
from mcf_pipeline.settings import Settings
from mcf_pipeline.tables.snapshot import Snapshot
from mcf_pipeline.tables.staged import summaries
from mcf_pipeline.workspace import Workspace

if TYPE_CHECKING:
    from pathlib import Path

    import duckdb


@dataclass(slots=True)
class Overview:
    """What there is.

    Attributes:
        release_id: the newest applied release, or None.
        is_synthetic: whether the data is made up.
        quarters: published quarters.
        first: the first of them.
        last: the last of them.
        rows: published lines.
        masked: masked lines among them.
        rejected: lines quarantined.
        dropped: lines left out as sums of others, by the source map.
        unknown: modalities that the contract does not know: dimension, label, lines.
        published_at: when, or None.
        broken: rules that some lines break: rule, lines that do, lines judged.
        suspect: what the quarters say side by side that a reader should know of.
        overdue: quarters whose release is overdue.
        refused: quarters that keep an older state than the newest release gives, with the reason.
        releases: each archived release: id, lines, quarters, and whether it is held.
        warehouse: path of the published file.
    """

    warehouse: str
    release_id: str | None = None
    is_synthetic: bool = False
    quarters: int = 0
    first: str | None = None
    last: str | None = None
    rows: int = 0
    masked: int = 0
    rejected: int = 0
    dropped: int = 0
    published_at: str | None = None
    unknown: list[tuple[str, str, int]] = field(default_factory=list)
    broken: list[tuple[str, int, int]] = field(default_factory=list)
    suspect: list[str] = field(default_factory=list)
    overdue: list[str] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)
    releases: list[dict[str, Any]] = field(default_factory=list)


def overview(space: Workspace, snapshot: Snapshot) -> Overview:
    """Look at a data directory without changing it."""
    import duckdb

    found = Overview(warehouse=str(space.data_dir.published_database))
    for manifest in snapshot.manifests:
        found.is_synthetic = manifest.is_synthetic
        found.releases.append(
            {
                "release_id": manifest.release_id,
                "lines": manifest.rows,
                "quarters": len(manifest.quarters),
                "retrieved_at": manifest.retrieved_at.isoformat(timespec="seconds"),
                "held": [str(entry) for entry in snapshot.held.get(manifest.release_id, ())],
            }
        )
    if found.releases:
        found.overdue = list(overdue(snapshot.timeline.releases, dt.datetime.now(dt.UTC).date()).quarters)
    found.refused = {quarter.id: str(error) for quarter, error in space.refusals(snapshot).items()}
    if (latest := snapshot.timeline.latest) is not None:
        found.suspect = level_notes({q: c.regions for q, c in latest.quarters.items() if c.regions is not None})
    published = space.data_dir.published_database
    is_published = published.is_file()
    with duckdb.connect(published, read_only=True) if is_published else scratch() as con:
        if is_published:
            _count(con, found)
        found.broken = added_up(staged.broken for staged in summaries(con, snapshot))
        if is_published and (odd := _odd_prices(con)):
            found.broken.append(odd)
    return found


def _count(con: duckdb.DuckDBPyConnection, found: Overview) -> None:
    """Add what a published file holds."""
    found.rows, found.masked, found.quarters, found.first, found.last = one(
        con,
        # The mart has the sums already, a row per quarter.
        "SELECT coalesce(sum(nb_lignes), 0)::BIGINT, coalesce(sum(nb_lignes_masquees), 0)::BIGINT, count(*), "
        "min(trimestre_id), max(trimestre_id) FROM mart_trimestre",
    )
    lines = con.execute("SELECT trimestre_id, nb_lignes, nb_lignes_masquees FROM mart_trimestre").fetchall()
    found.suspect += masking_notes({quarter: (of, masked) for quarter, of, masked in lines})
    found.rejected, found.dropped = con.execute(
        "SELECT count(DISTINCT (release_id, numero_ligne)) FILTER (WHERE regle <> $dropped), "
        "count(DISTINCT (release_id, numero_ligne)) FILTER (WHERE regle = $dropped) FROM stg_rejets",
        {"dropped": DROPPED},
    ).fetchall()[0]
    found.unknown = _unknown(con)
    found.release_id, published_at = one(con, "SELECT release_id, publie_le FROM meta_publication")
    found.published_at = str(published_at)[:19]


def _odd_prices(con: duckdb.DuckDBPyConnection) -> tuple[str, int, int] | None:
    """How many lines have a mean price outside what the releases before theirs gave; see `quality.lines`."""
    (releases,) = one(con, "SELECT count(*) FROM dim_release")
    if releases < 2:
        return None
    broken, judged = one(
        con,
        """
        WITH etats AS (
            SELECT rang, min(prix_moyen) AS bas, max(prix_moyen) AS haut
            FROM fct_dossiers_historique JOIN dim_release ON dim_release.release_id = valide_depuis
            GROUP BY rang
        ),
        plages AS (
            SELECT dim_release.release_id, min(etats.bas) AS bas, max(etats.haut) AS haut
            FROM dim_release JOIN etats ON etats.rang < dim_release.rang
            GROUP BY ALL
        )
        SELECT count(*) FILTER (WHERE prix_moyen NOT BETWEEN bas AND haut), count(prix_moyen)
        FROM fct_dossiers JOIN plages USING (release_id)
        WHERE bas IS NOT NULL
        """,
    )
    return (OF_PRICES, broken, judged) if broken else None


def describe_broken_rule(rule: str, broken: int, judged: int) -> str:
    """One line about a rule that some lines break."""
    found = RULES[rule]
    threshold = f" ({found.threshold})" if found.threshold else ""
    return f"{broken:,} of {judged:,} lines: {found.meaning.rstrip('.')}{threshold}; they are used ({rule})"


def _unknown(con: duckdb.DuckDBPyConnection) -> list[tuple[str, str, int]]:
    """The modalities that got a row of their own, with how many lines have them; most lines first."""
    queries = [
        f"SELECT '{name}', libelle, count(*) FROM fct_dossiers JOIN dim_{name} USING ({name}_id) "
        "WHERE NOT est_connue GROUP BY ALL"
        for name in DIMENSIONS
    ]
    rows = con.execute(" UNION ALL ".join(queries) + " ORDER BY 3 DESC, 1, 2").fetchall()
    return [(str(name), str(label), int(lines)) for name, label, lines in rows]


def unknown_modalities(found: Overview) -> str | None:
    """The unknown modalities in one line, or None where there is none."""
    if not found.unknown:
        return None
    shown = ", ".join(f"{name} {clean(label, 40)!r} ({lines:,} lines)" for name, label, lines in found.unknown[:3])
    more = f" and {len(found.unknown) - 3} more" if len(found.unknown) > 3 else ""
    return (
        f"Unknown modalities, kept apart: {shown}{more}. If one means a known modality, `mcf-pipeline doctor` shows "
        "the lines for MCF_SOURCE_MAP."
    )


def dropped_lines(found: Overview) -> str:
    """How many lines the source map drops, to stand behind the rejected ones; nothing where it drops none."""
    return f", {found.dropped:,} dropped as sums of others" if found.dropped else ""


def status(settings: Settings, *, as_json: bool, check: bool = False, metrics: Path | None = None) -> None:
    """Print the overview.

    Args:
        settings: say where to look.
        as_json: for machines.
        check: whether what waits for a person is an error.
        metrics: a file for Prometheus' textfile collector.

    Raises:
        WaitingError: with `check`, where a release is held or overdue, a quarter is refused, or nothing is archived.
        UsageError: the file for the metrics cannot be written.
    """
    space = Workspace(settings)
    space.refresh()
    space.pull_product("warehouse")
    found = overview(space, space.snapshot())
    if metrics:
        try:
            write_atomically(metrics, as_metrics(found).encode())
        except OSError as error:
            raise UsageError(
                f"{metrics} cannot be written ({error.strerror}): choose another file with --metrics"
            ) from error
    if as_json:
        out.print(json.dumps(asdict(found), ensure_ascii=False, indent=2), markup=False)
    else:
        _print(found, settings)
    if check and (reasons := waiting(found)):
        raise WaitingError("; ".join(reasons))


def waiting(found: Overview) -> list[str]:
    """What waits for a person, a sentence each."""
    held = [str(release["release_id"]) for release in found.releases if release["held"]]
    reasons = [f"release {release_id} is held (`mcf-pipeline status` shows why)" for release_id in held]
    reasons += [f"{quarter} is refused: {reason}" for quarter, reason in found.refused.items()]
    if found.overdue:
        reasons.append(f"the release of {', '.join(found.overdue)} is overdue (`mcf-pipeline run` looks for it)")
    if not found.releases and not reasons:
        # A monitor that looks at the wrong folder must not stay green.
        reasons.append("no release is archived here: is --data-dir (or MCF_DATA_DIR) the right one?")
    return reasons


def as_metrics(found: Overview) -> str:
    """The figures in the text format of Prometheus."""
    published = 0
    if found.published_at:
        published = int(dt.datetime.fromisoformat(found.published_at).replace(tzinfo=dt.UTC).timestamp())
    gauges = {
        "releases": ("Archived releases.", len(found.releases)),
        "releases_held": ("Releases that wait to be accepted.", sum(bool(r["held"]) for r in found.releases)),
        "quarters": ("Published quarters.", found.quarters),
        "quarters_refused": ("Quarters whose newest content is refused.", len(found.refused)),
        "quarters_overdue": ("Quarters whose release is overdue.", len(found.overdue)),
        "lines": ("Published lines.", found.rows),
        "lines_masked": ("Published lines that are masked.", found.masked),
        "lines_rejected": ("Lines in quarantine.", found.rejected),
        "published_timestamp_seconds": ("When the warehouse was last published; 0 if never.", published),
        "is_synthetic": ("1 if the data is synthetic.", int(found.is_synthetic)),
    }
    return "".join(
        f"# HELP mcf_{name} {what}\n# TYPE mcf_{name} gauge\nmcf_{name} {value}\n"
        for name, (what, value) in gauges.items()
    )


def _print(found: Overview, settings: Settings) -> None:
    from rich.markup import escape
    from rich.table import Table

    if not found.releases:
        hint = for_the_sample(settings)
        out.print(f"Nothing yet in {settings.place}: `mcf-pipeline run` ingests the first release{hint}.")
        return
    table = Table(title="Releases" + (" — SYNTHETIC data" if found.is_synthetic else ""), title_justify="left")
    for name in ("release", "lines", "quarters", "retrieved (UTC)", "state"):
        table.add_column(name, justify="right" if name in ("lines", "quarters") else "left")
    for release in found.releases:
        state = (
            "held: " + "; ".join(release["held"])
            if release["held"]
            else ("current" if release["release_id"] == found.release_id else "applied")
        )
        table.add_row(
            str(release["release_id"]),
            f"{release['lines']:,}",
            str(release["quarters"]),
            str(release["retrieved_at"])[:19].replace("T", " "),
            state,
        )
    out.print(table)
    if found.published_at:
        out.print(
            f"Published {found.published_at}: {found.quarters} quarters ({found.first} to {found.last}), "
            f"{found.rows:,} lines, {found.masked:,} masked, {found.rejected:,} rejected{dropped_lines(found)}."
        )
        out.print(f"Warehouse: {found.warehouse}")
        if unknown := unknown_modalities(found):
            out.print(f"[yellow]{escape(unknown)}[/yellow]")
        for entry in found.broken:
            out.print(f"[yellow]{escape(describe_broken_rule(*entry))}[/yellow]")
        for said in found.suspect:
            out.print(f"[yellow]Suspect:[/yellow] {escape(said)}")
        for reason in found.refused.values():
            out.print(f"[yellow]Refused:[/yellow] {escape(reason)}")
    else:
        out.print("Not published yet: `mcf-pipeline run` builds the warehouse.")
