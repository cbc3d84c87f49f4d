-- `mart_financement` in clear.
SELECT
    dim_trimestre.libelle AS trimestre,
    dim_trimestre.annee AS annee,
    dim_financeur.libelle AS financeur,
    dim_financeur.ordre AS financeur_ordre,
    (SELECT release_id FROM dim_release WHERE est_courante) AS release_id,
    mart_financement.*
FROM mart_financement
JOIN dim_trimestre USING (trimestre_id)
JOIN dim_financeur USING (financeur_id)
ORDER BY trimestre_id, financeur_ordre NULLS LAST, financeur_id
