"""The macros of the published file: what each computes, what it is given, and how it is called.

Their SQL is in ``sql/``; a test holds names and arguments against it. The texts are the comments in `mcf.duckdb` and a
part of the dictionary page.

What does not belong here: how a macro computes.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Macro:
    """One macro.

    Attributes:
        name: in SQL.
        arguments: their names, in order.
        description: what it gives, in French.
        example: a call that works in the published file; a whole query for a table macro.
        is_table: whether it stands after ``FROM``.
    """

    name: str
    arguments: tuple[str, ...]
    description: str
    example: str
    is_table: bool = False

    @property
    def call(self) -> str:
        """Name and arguments, as they are written."""
        return f"{self.name}({', '.join(self.arguments)})"

    @property
    def comment(self) -> str:
        """Everything a reader must know of the macro, in one French text."""
        return f"{self.description} Exemple : {self.example}"


MACROS: tuple[Macro, ...] = (
    Macro(
        "resume",
        ("cle", "condition"),
        "Toutes les mesures des lignes qui remplissent la condition, par clé, avec leurs bornes, qui sont les extrêmes "
        "exacts si une ligne masquée compte de 1 à 5 dossiers. Les colonnes sont celles de mart_trimestre, sans les "
        "parts ni les taux ; la clé est dans `groupe`, et `motifs` dit pourquoi une moyenne est vide.",
        "SELECT unnest(groupe), * EXCLUDE (groupe) FROM resume({'annee': annee_de(trimestre_id), 'genre_id': "
        "genre_id}, region_id = '53')",
        True,
    ),
    Macro(
        "taux",
        ("cle", "condition"),
        "Maturité, taux de réalisation et taux d'abandon des lignes qui remplissent la condition, par clé, avec leurs "
        "bornes. Un taux est vide, bornes comprises, si moins de neuf dossiers sur dix sont clos à coup sûr ; le taux "
        "seul est vide si ses bornes sont larges ou s'il n'y est pas compris : `motifs` le dit.",
        "FROM taux(annee_de(trimestre_id), region_id = '53')",
        True,
    ),
    Macro(
        "financement",
        ("cle", "condition"),
        "Ce que chaque financeur apporte aux lignes qui remplissent la condition, par clé, avec les bornes. Les "
        "colonnes sont celles de mart_financement.",
        "FROM financement(annee_de(trimestre_id), region_id = '53')",
        True,
    ),
    Macro(
        "periode",
        ("nature_voulue", "niveau_voulu", "cle"),
        "Les trimestres additionnés, avec les bornes : par année civile (`annee`), sur quatre trimestres glissants "
        "(`glissant`) ou un par un (`trimestre`) ; pour le pays (`national`), les régions (`region`), les situations "
        "(`situation`), les deux (`region_situation`) ou les périmètres (`perimetre`). Les vues v_annee… et "
        "v_glissant… s'en servent.",
        "FROM periode('annee', 'region', region_id)",
        True,
    ),
    Macro(
        "sur_un_an",
        ("niveau_voulu", "cle"),
        "Chaque trimestre comparé au même un an avant, avec les bornes de l'évolution, pour le pays (`national`), les "
        "régions (`region`), les situations (`situation`) ou les deux (`region_situation`). Les vues v_…_evolution "
        "s'en servent.",
        "FROM sur_un_an('region', region_id)",
        True,
    ),
    Macro(
        "dossiers_au",
        ("publication",),
        "Toutes les lignes de dossiers dans l'état donné par une publication passée. Une publication inconnue est une "
        "erreur ; la liste est dans dim_release.",
        "FROM dossiers_au((SELECT max(release_id) FROM dim_release))",
        True,
    ),
    Macro(
        "financements_au",
        ("publication",),
        "Les parts des financeurs, ligne par ligne, dans l'état donné par une publication passée. Une publication "
        "inconnue est une erreur ; la liste est dans dim_release.",
        "FROM financements_au((SELECT max(release_id) FROM dim_release))",
        True,
    ),
    Macro(
        "dans_perimetre",
        ("statut", "perimetre"),
        "Vrai si un statut est dans un périmètre : `tous`, `hors_annules` (ni annulé ni rejeté) ou `commences` (le "
        "titulaire est entré en formation). Un statut inconnu n'est que dans `tous`.",
        "SELECT sum(nb_dossiers) FROM fct_dossiers WHERE dans_perimetre(statut_id, 'hors_annules')",
    ),
    Macro(
        "moyenne_ponderee",
        ("valeur", "poids"),
        "Moyenne d'une valeur pondérée par un poids, sur les lignes qui donnent les deux. Agrégat : les lignes "
        "masquées n'y sont pas.",
        "SELECT moyenne_ponderee(prix_moyen, nb_dossiers) FROM fct_dossiers",
    ),
    Macro(
        "nb_masques",
        ("mesure",),
        "Nombre de lignes où une mesure est masquée. Agrégat.",
        "SELECT nb_masques(nb_dossiers) FROM fct_dossiers",
    ),
    Macro(
        "au_moins_un_par_ligne",
        ("mesure",),
        "Somme d'un nombre de dossiers, au moins : une ligne masquée y compte pour 1. Agrégat.",
        "SELECT au_moins_un_par_ligne(nb_dossiers) FROM fct_dossiers",
    ),
    Macro(
        "au_plus_par_ligne",
        ("mesure",),
        "Somme d'un nombre de dossiers, au plus : une ligne masquée y compte pour 5 (hypothèse : de 1 à 5). Agrégat.",
        "SELECT au_plus_par_ligne(nb_dossiers) FROM fct_dossiers",
    ),
    Macro(
        "dossiers_max_par_ligne_masquee",
        (),
        "L'hypothèse dont découlent toutes les bornes : une ligne masquée compte de 1 à ce nombre de dossiers.",
        "SELECT dossiers_max_par_ligne_masquee()",
    ),
    Macro(
        "part",
        ("partie", "total"),
        "partie / total ; vide si le total est nul.",
        "SELECT part(1, 4)",
    ),
    Macro(
        "part_bas",
        ("partie_min", "reste_max"),
        "Borne basse d'une part : partie_min / (partie_min + reste_max), où le reste est ce qui n'est pas dans la "
        "partie.",
        "SELECT part_bas(10, 90)",
    ),
    Macro(
        "part_haut",
        ("partie_max", "reste_min"),
        "Borne haute d'une part : partie_max / (partie_max + reste_min), où le reste est ce qui n'est pas dans la "
        "partie.",
        "SELECT part_haut(12, 88)",
    ),
    Macro(
        "ecart_max_des_bornes",
        (),
        "Écart au-delà duquel deux bornes sont jugées trop larges pour donner un chiffre seul, en part de la borne "
        "haute.",
        "SELECT ecart_max_des_bornes()",
    ),
    Macro(
        "bornes_etroites",
        ("bas", "haut"),
        "Vrai si l'écart des bornes ne dépasse pas ecart_max_des_bornes() fois la borne haute.",
        "SELECT bornes_etroites(98, 100)",
    ),
    Macro(
        "si_sure",
        ("valeur", "bas", "haut"),
        "La valeur si elle est comprise entre ses bornes et si elles sont étroites ; vide sinon.",
        "SELECT si_sure(99, 98, 100)",
    ),
    Macro(
        "motif",
        ("nom", "valeur", "bas", "haut"),
        "Pourquoi si_sure ne donne rien, en toutes lettres ; vide si elle donne la valeur.",
        "SELECT motif('prix_moyen', 99, 50, 100)",
    ),
    Macro(
        "evolution",
        ("apres", "avant"),
        "apres / avant, moins 1 ; vide si la valeur de départ est nulle ou vide.",
        "SELECT evolution(105, 100)",
    ),
    Macro(
        "evolution_sure",
        ("apres", "avant", "bas", "haut"),
        "L'évolution si elle est comprise entre ses bornes et si elles sont étroites ; vide sinon.",
        "SELECT evolution_sure(105, 100, 0.04, 0.06)",
    ),
    Macro(
        "moyenne_bas",
        ("bas", "poids_min", "poids_max"),
        "Borne basse de la moyenne de plusieurs groupes, d'après la borne basse et les poids (au moins, au plus) de "
        "chacun. Agrégat ; sûre, parfois un peu large.",
        "SELECT moyenne_bas(prix_moyen_bas, nb_dossiers_a_prix_connu_min, nb_dossiers_a_prix_connu_max) FROM "
        "mart_region",
    ),
    Macro(
        "moyenne_haut",
        ("haut", "poids_min", "poids_max"),
        "Borne haute de la moyenne de plusieurs groupes, d'après la borne haute et les poids (au moins, au plus) de "
        "chacun. Agrégat ; sûre, parfois un peu large.",
        "SELECT moyenne_haut(prix_moyen_haut, nb_dossiers_a_prix_connu_min, nb_dossiers_a_prix_connu_max) FROM "
        "mart_region",
    ),
    Macro(
        "centimes_bas",
        ("valeur",),
        "La valeur arrondie au centime inférieur.",
        "SELECT centimes_bas(12.345)",
    ),
    Macro(
        "centimes_haut",
        ("valeur",),
        "La valeur arrondie au centime supérieur.",
        "SELECT centimes_haut(12.345)",
    ),
    Macro(
        "en_centimes",
        ("valeur",),
        "La valeur arrondie au centime le plus proche.",
        "SELECT en_centimes(12.345)",
    ),
    Macro(
        "maturite_min",
        (),
        "Maturité (part des dossiers clos, à sa borne basse) à partir de laquelle un taux de réalisation ou d'abandon "
        "est donné.",
        "SELECT maturite_min()",
    ),
    Macro(
        "part_inconnue_max",
        (),
        "Part des dossiers de modalité inconnue au-delà de laquelle une part ou un taux n'est plus donné.",
        "SELECT part_inconnue_max()",
    ),
    Macro(
        "annee_de",
        ("trimestre_id",),
        "L'année d'un trimestre.",
        "SELECT annee_de('2024-T3')",
    ),
    Macro(
        "rang_de",
        ("publication",),
        "Rang d'une publication dans le temps, à partir de 1. Une publication inconnue est une erreur.",
        "SELECT rang_de((SELECT max(release_id) FROM dim_release))",
    ),
    Macro(
        "ecart_decompose",
        ("mesure_avant", "mesure_apres", "avant", "apres"),
        "L'écart d'une mesure entre deux publications, décomposé : lignes visibles avant et après, démasquées, "
        "masquées, apparues, disparues. Pour chaque ligne : la mesure avant et après (vide si masquée), et si la ligne "
        "y est. Agrégat.",
        "SELECT ecart_decompose(nb_dossiers, nb_dossiers, true, true) FROM fct_dossiers",
    ),
)
"""Every macro of the published file, those that an analyst needs first."""
