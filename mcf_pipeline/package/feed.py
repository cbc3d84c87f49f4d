"""``publications.atom``: the releases as an Atom feed (RFC 4287), so that readers of a published package hear of them.

An entry is what one release added and revised. The feed holds no address: it can be put online anywhere, beside the
files it speaks of.
"""

from __future__ import annotations

import datetime as dt
import uuid
from decimal import Decimal
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from mcf_pipeline.package.about import NAME, About
from mcf_pipeline.warehouse.attribution import DATASET_PAGE, LICENCE_NAME, PRODUCER

if TYPE_CHECKING:
    import duckdb

FILE_NAME = "publications.atom"
MOST_ENTRIES = 40
"""Ten years of releases."""
_NAMESPACE = "http://www.w3.org/2005/Atom"

_ENTRIES = """
    SELECT release_id, rang, date_release, data_processed, dim_release.sha256, est_synthetique, nb_lignes,
        coalesce(list(trimestre_id ORDER BY trimestre_id) FILTER (WHERE nature = 'ajout'), []) AS ajoutes,
        coalesce(list(trimestre_id ORDER BY trimestre_id) FILTER (WHERE nature = 'revision'), []) AS revises,
        coalesce(list(trimestre_id ORDER BY trimestre_id) FILTER (WHERE nature = 'disparition'), []) AS disparus,
        coalesce(sum(dossiers_ecart) FILTER (WHERE nature = 'revision'), 0)::BIGINT AS dossiers,
        coalesce(sum(montant_ecart) FILTER (WHERE nature = 'revision'), 0)::DECIMAL(18,2) AS montant
    FROM dim_release LEFT JOIN mart_revisions USING (release_id)
    GROUP BY ALL ORDER BY rang DESC LIMIT $most
"""


def feed(con: duckdb.DuckDBPyConnection, about: About) -> bytes:
    """The feed of a published file, as UTF-8; the newest release first.

    Args:
        con: a published file.
        about: what is said of the whole.
    """
    ET.register_namespace("", _NAMESPACE)
    root = ET.Element(f"{{{_NAMESPACE}}}feed")
    _text(root, "id", _urn(NAME + about.attribution.suffix))
    _text(root, "title", about.attribution.title)
    _text(root, "subtitle", about.attribution.text)
    _text(root, "updated", _moment(about.published_at))
    _text(root, "rights", LICENCE_NAME)
    author = ET.SubElement(root, f"{{{_NAMESPACE}}}author")
    _text(author, "name", "mcf_pipeline" if about.is_synthetic else PRODUCER)
    releases = con.execute(_ENTRIES, {"most": MOST_ENTRIES}).fetchall()
    for release_id, _, day, processed, sha256, is_synthetic, lines, *changes in releases:
        entry = ET.SubElement(root, f"{{{_NAMESPACE}}}entry")
        # The content, too: a release that was sent again with other figures is another one.
        _text(entry, "id", _urn(f"{release_id} {sha256}"))
        _text(entry, "title", f"Publication du {day:%d/%m/%Y}{' (données SYNTHÉTIQUES)' if is_synthetic else ''}")
        _text(entry, "updated", _moment(processed or dt.datetime.combine(day, dt.time())))
        _text(entry, "summary", _summary(lines, *changes))
    ET.indent(root)
    return bytes(ET.tostring(root, encoding="utf-8", xml_declaration=True)) + b"\n"


def _summary(lines: int, added: list[str], revised: list[str], gone: list[str], dossiers: int, amount: Decimal) -> str:
    said = [f"{_number(lines)} lignes."]
    for quarters, one, several in (
        (added, "Trimestre ajouté", "Trimestres ajoutés"),
        (revised, "Trimestre révisé", "Trimestres révisés"),
        (gone, "Trimestre disparu", "Trimestres disparus"),
    ):
        if quarters:
            said.append(f"{several if len(quarters) > 1 else one} : {_listed(quarters)}.")
    if revised:
        said.append(
            f"Dans les trimestres révisés : {_number(dossiers, sign='+')} dossiers visibles, "
            f"{_number(amount, sign='+')} € de montant engagé visible."
        )
    if len(said) == 1:
        said.append("Mêmes chiffres que la publication précédente.")
    return " ".join(said)


def _urn(name: str) -> str:
    """An identifier that is the same wherever and whenever the feed is made."""
    return uuid.uuid5(uuid.NAMESPACE_URL, f"{DATASET_PAGE}#{name}").urn


def _listed(quarters: list[str]) -> str:
    """Some quarters; of many, the first and the last."""
    return ", ".join(quarters) if len(quarters) <= 6 else f"{quarters[0]} à {quarters[-1]} ({len(quarters)})"


def _number(value: Decimal | int, sign: str = "") -> str:
    """A number as French writes it."""
    return f"{value:{sign},}".replace(",", "\u202f").replace(".", ",")


def _moment(moment: dt.datetime) -> str:
    return moment.replace(tzinfo=dt.UTC).isoformat(timespec="seconds")


def _text(parent: ET.Element, name: str, text: str) -> None:
    ET.SubElement(parent, f"{{{_NAMESPACE}}}{name}").text = text
