"""What the published file says of itself: its dictionary, its list of tables, and where its data comes from.

What does not belong here: the descriptions themselves; each is next to its column, in the other modules.
"""

from __future__ import annotations

from mcf_pipeline.schemas.base import Count, Day, Flag, Moment, Small, Table, Text, column

KINDS = ["table", "vue"]


class Dictionnaire(Table):
    """One row per column of every table and view."""

    nom_table: Text = column("Table ou vue.")
    nom_colonne: Text = column("Colonne.")
    rang: Small = column("Place de la colonne dans la table, à partir de 1.", ge=1)
    type: Text = column("Type DuckDB.")
    unite: Text = column("Unité des valeurs ; vide s'il n'y en a pas.", nullable=True)
    description: Text = column("Ce que contient la colonne.")
    calcul: Text = column("Comment elle est calculée ; vide si la source la donne telle quelle.", nullable=True)
    masquage: Text = column(
        "Effet du masquage des lignes de moins de 5 personnes ; vide s'il n'en a pas.",
        nullable=True,
    )
    est_cle: Flag = column("Vrai si la colonne fait partie de la clé de la table.")
    est_facultative: Flag = column("Vrai si la colonne peut être vide.")
    reference: Text = column("Dimension à laquelle la valeur renvoie ; vide sinon.", nullable=True)
    exemple: Text = column(
        "Une valeur de la colonne : la première, dans l'ordre de la clé ; vide si la colonne l'est toujours.",
        nullable=True,
    )

    class Config:
        name = "dictionnaire"
        description = "La définition de chaque colonne de chaque table et vue."
        unique = ["nom_table", "nom_colonne"]


class MetaTables(Table):
    """One row per table and view."""

    nom_table: Text = column("Table ou vue.", unique=True)
    nature: Text = column("`table` ou `vue`.", isin=KINDS)
    description: Text = column("Ce qu'elle contient.")
    cle: Text = column("Colonnes de sa clé.")
    nb_lignes: Count = column("Lignes d'une table ; vide pour une vue.", unit="lignes", nullable=True, ge=0)

    class Config:
        name = "meta_tables"
        description = "La liste des tables et des vues."
        unique = ["nom_table"]


class MetaPublication(Table):
    """The one row that says what this file is."""

    etat: Text = column(
        "Empreinte de ce dont le fichier est fait ; elle change dès que le contenu peut changer.", unique=True
    )
    mention: Text = column("À citer : source, date de la publication, licence, et qui a modifié les données.")
    release_id: Text = column("Dernière publication appliquée.", references="dim_release", nullable=True)
    date_release: Day = column("Jour de cette publication.", nullable=True)
    licence: Text = column("Licence.")
    est_synthetique: Flag = column("Vrai si les données sont fabriquées, et ne disent rien du monde réel.")
    version_mcf_pipeline: Text = column("Version du logiciel qui a fait le fichier.")
    publie_le: Moment = column("Date et heure de fabrication du fichier (UTC).")
    structure: Text = column("Empreinte des tables, vues et textes du fichier.")

    class Config:
        name = "meta_publication"
        description = "D'où vient ce fichier : publication, licence, mention à citer. Une seule ligne."
        unique = ["etat"]


class MetaFichiers(Table):
    """One row per quarter of each quarterly table."""

    nom_table: Text = column("Table.")
    trimestre_id: Text = column("Trimestre.")
    marque: Text = column("Empreinte de ce dont le trimestre est fait : ses états et les règles qui l'ont lu.")

    class Config:
        name = "meta_fichiers"
        description = "L'empreinte de chaque trimestre de chaque table ; elle change avec son contenu."
        unique = ["nom_table", "trimestre_id"]


DOCUMENTATION: tuple[type[Table], ...] = (Dictionnaire, MetaTables, MetaPublication, MetaFichiers)
