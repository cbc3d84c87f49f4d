-- What adds up over the quarters of a year; persons do not.
SELECT
    annee,
    count(*) AS nb_trimestres,
    count(*) = 4 AS est_complete,
    sum(nb_lignes) AS nb_lignes,
    sum(nb_lignes_masquees) AS nb_lignes_masquees,
    sum(nb_dossiers) AS nb_dossiers,
    sum(nb_dossiers_min) AS nb_dossiers_min,
    sum(montant_engage) AS montant_engage
FROM mart_trimestre
JOIN dim_trimestre USING (trimestre_id)
GROUP BY annee
ORDER BY annee
