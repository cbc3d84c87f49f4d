-- `mart_revisions` in clear.
SELECT
    dim_trimestre.libelle AS trimestre,
    dim_trimestre.annee AS annee,
    mart_revisions.*
FROM mart_revisions
JOIN dim_trimestre USING (trimestre_id)
ORDER BY trimestre_id, release_id
