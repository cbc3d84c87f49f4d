-- `mart_profil` in clear.
SELECT
    dim_trimestre.libelle AS trimestre,
    dim_trimestre.annee AS annee,
    dim_genre.libelle AS genre,
    dim_genre.ordre AS genre_ordre,
    dim_classe_age.libelle AS classe_age,
    dim_classe_age.ordre AS classe_age_ordre,
    dim_situation.libelle AS situation,
    dim_situation.ordre AS situation_ordre,
    dim_situation.est_demandeur_emploi AS est_demandeur_emploi,
    (SELECT release_id FROM dim_release WHERE est_courante) AS release_id,
    mart_profil.*
FROM mart_profil
JOIN dim_trimestre USING (trimestre_id)
JOIN dim_genre USING (genre_id)
JOIN dim_classe_age USING (classe_age_id)
JOIN dim_situation USING (situation_id)
ORDER BY trimestre_id, genre_ordre NULLS LAST, genre_id, classe_age_ordre NULLS LAST, classe_age_id, situation_ordre NULLS LAST, situation_id
