-- `mart_trimestre` in clear.
SELECT
    dim_trimestre.libelle AS trimestre,
    dim_trimestre.annee AS annee,
    (SELECT release_id FROM dim_release WHERE est_courante) AS release_id,
    mart_trimestre.*
FROM mart_trimestre
JOIN dim_trimestre USING (trimestre_id)
ORDER BY trimestre_id
