-- Each quarter beside the same one a year before, cumulated since January, and as an index.
WITH base AS (
    SELECT
        annee AS annee_base,
        nb_dossiers / 4 AS dossiers,
        nb_dossiers_min / 4 AS dossiers_min,
        nb_dossiers_max / 4 AS dossiers_max
    FROM v_annee
    WHERE annee = v_annee.annee_base
)
SELECT
    courant.trimestre_id,
    dim_trimestre.libelle,
    dim_trimestre.annee,
    courant.nb_dossiers,
    courant.nb_dossiers_min,
    courant.nb_dossiers_max,
    avant.nb_dossiers AS nb_dossiers_un_an_avant,
    evolution(courant.nb_dossiers_min, avant.nb_dossiers_max) AS evolution_dossiers_bas,
    evolution(courant.nb_dossiers_max, avant.nb_dossiers_min) AS evolution_dossiers_haut,
    evolution_sure(courant.nb_dossiers, avant.nb_dossiers, evolution_dossiers_bas, evolution_dossiers_haut)
        AS evolution_dossiers,
    courant.montant_engage,
    avant.montant_engage AS montant_un_an_avant,
    evolution(courant.montant_engage_min, avant.montant_engage_max) AS evolution_montant_bas,
    evolution(courant.montant_engage_max, avant.montant_engage_min) AS evolution_montant_haut,
    evolution_sure(courant.montant_engage, avant.montant_engage, evolution_montant_bas, evolution_montant_haut)
        AS evolution_montant,
    courant.prix_moyen,
    evolution(courant.prix_moyen_bas, avant.prix_moyen_haut) AS evolution_prix_bas,
    evolution(courant.prix_moyen_haut, avant.prix_moyen_bas) AS evolution_prix_haut,
    evolution_sure(courant.prix_moyen, avant.prix_moyen, evolution_prix_bas, evolution_prix_haut) AS evolution_prix,
    courant.nb_lignes_masquees,
    avant.nb_lignes_masquees AS nb_lignes_masquees_un_an_avant,
    sum(courant.nb_dossiers) OVER annee AS nb_dossiers_cumul_annuel,
    sum(courant.nb_dossiers_min) OVER annee AS nb_dossiers_cumul_annuel_min,
    sum(courant.nb_dossiers_max) OVER annee AS nb_dossiers_cumul_annuel_max,
    sum(courant.montant_engage) OVER annee AS montant_cumul_annuel,
    annee_base,
    100 * part(courant.nb_dossiers_min, base.dossiers_max) AS indice_dossiers_bas,
    100 * part(courant.nb_dossiers_max, base.dossiers_min) AS indice_dossiers_haut,
    si_sure(100 * part(courant.nb_dossiers, base.dossiers), indice_dossiers_bas, indice_dossiers_haut)
        AS indice_dossiers
FROM mart_trimestre AS courant
JOIN dim_trimestre USING (trimestre_id)
LEFT JOIN mart_trimestre AS avant
    ON avant.trimestre_id = (dim_trimestre.annee - 1) || '-T' || dim_trimestre.trimestre
LEFT JOIN base ON true
WINDOW annee AS (PARTITION BY dim_trimestre.annee ORDER BY courant.trimestre_id)
ORDER BY courant.trimestre_id
