-- Each quarter beside the same one a year before, cumulated since January, and as an index. Where a quarter of the year
-- is missing, what is cumulated would pass for the whole: none is given.
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
    evolutions.* EXCLUDE (est_suivi),
    CASE WHEN est_suivi THEN sum(nb_dossiers) OVER depuis_janvier END AS nb_dossiers_cumul_annuel,
    CASE WHEN est_suivi THEN sum(nb_dossiers_min) OVER depuis_janvier END AS nb_dossiers_cumul_annuel_min,
    CASE WHEN est_suivi THEN sum(nb_dossiers_max) OVER depuis_janvier END AS nb_dossiers_cumul_annuel_max,
    CASE WHEN est_suivi THEN sum(montant_engage) OVER depuis_janvier END AS montant_cumul_annuel,
    annee_base,
    100 * part(nb_dossiers_min, base.dossiers_max) AS indice_dossiers_bas,
    100 * part(nb_dossiers_max, base.dossiers_min) AS indice_dossiers_haut,
    si_sure(100 * part(nb_dossiers, base.dossiers), indice_dossiers_bas, indice_dossiers_haut) AS indice_dossiers
FROM (
    SELECT
        *,
        count(*) OVER (PARTITION BY annee ORDER BY trimestre_id) = CAST(right(trimestre_id, 1) AS INTEGER) AS est_suivi
    FROM sur_un_an('national', true)
) AS evolutions
LEFT JOIN base ON true
WINDOW depuis_janvier AS (PARTITION BY annee ORDER BY trimestre_id)
ORDER BY trimestre_id
