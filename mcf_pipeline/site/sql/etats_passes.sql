-- Past states, summed by region and status: what earlier releases said of each quarter.
SELECT
    trimestre_id,
    valide_depuis,
    valide_jusqua,
    region_id,
    statut_id,
    coalesce(sum(nb_dossiers), 0)::BIGINT AS nb_dossiers,
    count(*) FILTER (WHERE nb_dossiers IS NULL) AS lignes_masquees
FROM fct_dossiers_historique
WHERE valide_jusqua IS NOT NULL
GROUP BY ALL
ORDER BY ALL
