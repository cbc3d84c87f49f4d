"""``LISEZMOI.txt``: what a person needs who has the folder and nothing else."""

from __future__ import annotations

from collections.abc import Iterable

from mcf_pipeline.package.about import About
from mcf_pipeline.schemas.base import Table, describe
from mcf_pipeline.warehouse.attribution import LICENCE_NAME, LICENCE_URL

FILE_NAME = "LISEZMOI.txt"


_CSV = """Lire les CSV (hors dossier tableur/)
------------------------------------
UTF-8 sans BOM, séparateur « ; », décimales avec un point, dates AAAA-MM-JJ, heures en UTC. Une cellule vide n'est pas
un zéro : la valeur est masquée, n'est pas assez sûre pour être donnée (motifs_vides), ou n'existe pas.

Un texte qui commence par = + - @ (ou leur forme pleine chasse), une tabulation ou un retour de ligne serait pris
pour une formule par un tableur : il est précédé d'une apostrophe, qu'il faut ôter pour retrouver la valeur. Un texte
qui commence déjà par des apostrophes suivies de l'un de ces signes en reçoit une de plus : en ôter une rend donc
toujours la valeur. Les nombres ne sont jamais touchés. Les Parquet contiennent les valeurs telles quelles.
"""


def package_readme(about: About, tables: Iterable[type[Table]]) -> str:
    """The content of the package's ``LISEZMOI.txt``."""
    return _readme(
        about,
        tables,
        "Pour un tableur en français, ouvrez les fichiers du dossier tableur/ : un double-clic suffit (accents,\n"
        "décimales avec une virgule, codes comme 01 gardés). Il contient les vues, avec les libellés en clair.\n"
        "\n"
        "Pour un logiciel, chaque table existe en Parquet (types exacts ; à préférer) et en CSV. Un CSV très long est\n"
        "compressé (.csv.gz) : R, Python et DuckDB le lisent tel quel, gunzip ou 7-Zip le décompressent. Les états\n"
        "passés des lignes n'y sont pas : rapprochés des états actuels, certains révéleraient ce que le producteur a\n"
        "masqué ; v_revisions et v_maturation disent ce qui a changé. Les colonnes, clés, tailles et empreintes sont\n"
        "dans datapackage.json (Data Package v2), la notice pour les portails dans dcat.jsonld (DCAT-AP 3). La\n"
        "définition de chaque colonne est dans la table « dictionnaire ». publications.atom est le fil des\n"
        "publications, pour un lecteur de flux : ce que chacune a ajouté et révisé.",
    )


def export_readme(about: About, tables: Iterable[type[Table]]) -> str:
    """The text beside exported files."""
    return _readme(about, tables, "La définition de chaque colonne est dans la table « dictionnaire » de l'entrepôt.")


def _readme(about: About, tables: Iterable[type[Table]], contents: str) -> str:
    origin = about.attribution
    listed = "\n".join(f"  {describe(model).name}\n      {describe(model).description}" for model in tables)
    return f"""{origin.title}
{"=" * len(origin.title)}

{about.description}

À citer
-------
{origin.text}
Licence : {LICENCE_NAME}, {LICENCE_URL}
Publication : {origin.release_id or "aucune"}

Contenu
-------
{contents}

{listed}

{_CSV}"""
