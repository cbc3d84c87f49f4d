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
    evolutions.*,
    sum(nb_dossiers) OVER depuis_janvier AS nb_dossiers_cumul_annuel,
    sum(nb_dossiers_min) OVER depuis_janvier AS nb_dossiers_cumul_annuel_min,
    sum(nb_dossiers_max) OVER depuis_janvier AS nb_dossiers_cumul_annuel_max,
    sum(montant_engage) OVER depuis_janvier AS montant_cumul_annuel,
    annee_base,
    100 * part(nb_dossiers_min, base.dossiers_max) AS indice_dossiers_bas,
    100 * part(nb_dossiers_max, base.dossiers_min) AS indice_dossiers_haut,
    si_sure(100 * part(nb_dossiers, base.dossiers), indice_dossiers_bas, indice_dossiers_haut) AS indice_dossiers
FROM sur_un_an('national', true) AS evolutions
LEFT JOIN base ON true
WINDOW depuis_janvier AS (PARTITION BY annee ORDER BY trimestre_id)
ORDER BY trimestre_id
