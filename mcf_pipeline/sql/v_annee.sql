-- What adds up over the quarters of a year, and its index; persons do not add up.
WITH annees AS (
    SELECT CAST(periode AS INTEGER) AS annee, * EXCLUDE (periode, groupe) FROM periode('annee', 'national', true)
),
base AS (
    SELECT
        annee AS annee_base,
        nb_dossiers AS dossiers,
        nb_dossiers_min AS dossiers_min,
        nb_dossiers_max AS dossiers_max
    FROM annees
    WHERE est_complete
    ORDER BY annee
    LIMIT 1
),
indices AS (
    SELECT
        annees.*,
        annee_base,
        100 * part(nb_dossiers, dossiers) AS indice,
        CASE WHEN annee = annee_base THEN 100 ELSE 100 * part(nb_dossiers_min, dossiers_max) END AS indice_dossiers_bas,
        CASE WHEN annee = annee_base THEN 100 ELSE 100 * part(nb_dossiers_max, dossiers_min) END AS indice_dossiers_haut
    FROM annees
    LEFT JOIN base ON true
)
SELECT *, si_sure(indice, indice_dossiers_bas, indice_dossiers_haut) AS indice_dossiers
FROM indices
ORDER BY annee
