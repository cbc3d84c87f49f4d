-- `mart_region_financement` in clear.
SELECT
    dim_trimestre.libelle AS trimestre,
    dim_trimestre.annee AS annee,
    dim_region.libelle AS region,
    dim_region.ordre AS region_ordre,
    CASE WHEN est_outre_mer THEN 'Outre-mer' WHEN NOT est_outre_mer THEN 'Hexagone et Corse' END AS zone,
    dim_financeur.libelle AS financeur,
    dim_financeur.ordre AS financeur_ordre,
    (SELECT release_id FROM dim_release WHERE est_courante) AS release_id,
    mart_region_financement.*
FROM mart_region_financement
JOIN dim_trimestre USING (trimestre_id)
JOIN dim_region USING (region_id)
JOIN dim_financeur USING (financeur_id)
ORDER BY trimestre_id, region_ordre NULLS LAST, region_id, financeur_ordre NULLS LAST, financeur_id
