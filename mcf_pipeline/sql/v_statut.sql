-- `mart_statut` in clear.
SELECT
    dim_trimestre.libelle AS trimestre,
    dim_trimestre.annee AS annee,
    dim_statut.libelle AS statut,
    dim_statut.ordre AS statut_ordre,
    dim_statut.famille AS famille_statut,
    dim_statut.est_commence AS est_commence,
    dim_statut.est_annule AS est_annule,
    (SELECT release_id FROM dim_release WHERE est_courante) AS release_id,
    mart_statut.*
FROM mart_statut
JOIN dim_trimestre USING (trimestre_id)
JOIN dim_statut USING (statut_id)
ORDER BY trimestre_id, statut_ordre NULLS LAST, statut_id
