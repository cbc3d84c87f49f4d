"""Making the dashboard and putting it in place, in one rename."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from mcf_pipeline.errors import PipelineError
from mcf_pipeline.files import draft_of, explain_disk_errors, put_in_place, remove_left_over
from mcf_pipeline.settings import DataDir
from mcf_pipeline.site.state import is_current, page_state
from mcf_pipeline.warehouse.attribution import attribution_of

if TYPE_CHECKING:
    import duckdb

TITLE = "Mon Compte Formation : tableau de bord des usagers"


def write_dashboard(data_dir: DataDir) -> Path:
    """Make ``site/index.html`` from the published file, unless the one in place is made from the same.

    Returns:
        The page.

    Raises:
        PipelineError: there is no published file, or the disk is full; the old page stays.
    """
    import duckdb

    from mcf_pipeline.duck import ENGINE, one

    published, page = data_dir.published_database, data_dir.dashboard
    if not published.is_file():
        raise PipelineError(f"there is no warehouse at {published} yet: `mcf-pipeline run` builds it")
    with explain_disk_errors():
        with duckdb.connect(published, read_only=True, config=ENGINE) as con:
            (state,) = one(con, "SELECT etat FROM meta_publication")
            if is_current(data_dir, state):
                return page
            text = page_of(con, page_state(state))
        page.parent.mkdir(parents=True, exist_ok=True)
        remove_left_over(page)
        draft = draft_of(page)
        try:
            draft.write_text(text, encoding="utf-8", newline="\n")
            put_in_place(draft, page)
        finally:
            draft.unlink(missing_ok=True)
    return page


def page_of(con: duckdb.DuckDBPyConnection, mark: str, **limits: int) -> str:
    """The page as HTML.

    Args:
        con: a connection to the published file.
        mark: fingerprint that the page carries.
        limits: `max_lines`, as `cube.read_cube`.
    """
    from mcf_pipeline.duck import one

    # NumPy is loaded here, so that whoever only asks whether a page is there does without.
    from mcf_pipeline.site.cube import DIMENSIONS, most_per_masked_line, read_cube, rows_of
    from mcf_pipeline.site.encoding import pack
    from mcf_pipeline.site.history import KINDS, read_history
    from mcf_pipeline.site.page import render

    attribution = attribution_of(con)
    (published_at,) = one(con, "SELECT publie_le FROM meta_publication")
    cube = read_cube(con, **limits)
    releases = rows_of(
        con, "SELECT release_id AS id, date_release AS jour, est_courante FROM dim_release ORDER BY rang"
    )
    quality = rows_of(
        con, "SELECT trimestre_id AS id, nb_lignes_recues, nb_lignes_rejetees FROM mart_qualite ORDER BY ALL"
    )
    packed, layout = pack([*cube.columns, *read_history(con, cube.codes, [row["id"] for row in releases])])
    meta: dict[str, Any] = {
        "dimensions": {name: cube.codes[name] for name in DIMENSIONS},
        "financers": cube.financers,
        "scales": cube.scales,
        "layout": layout,
        "most": most_per_masked_line(con),
        "kinds": KINDS,
        "releases": releases,
        "quality": quality,
        "release": attribution.release_id,
        "released_on": attribution.released_on,
        "synthetic": attribution.is_synthetic,
        "mention": attribution.text,
        "published_at": published_at.isoformat(timespec="minutes"),
    }
    title = f"DONNÉES SYNTHÉTIQUES - {TITLE}" if attribution.is_synthetic else TITLE
    return render(title, attribution.text, mark, meta, packed)
