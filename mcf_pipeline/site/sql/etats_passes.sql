-- Past states by status, national: what earlier releases said of each quarter. Below that, two states side by side can
-- reveal a masked cell (docs/secret.md), and the page is made to be passed on.
SELECT
    trimestre_id,
    valide_depuis,
    valide_jusqua,
    statut_id,
    coalesce(sum(nb_dossiers), 0)::BIGINT AS nb_dossiers,
    count(*) FILTER (WHERE nb_dossiers IS NULL) AS lignes_masquees
FROM fct_dossiers_historique
WHERE valide_jusqua IS NOT NULL
GROUP BY ALL
ORDER BY ALL
