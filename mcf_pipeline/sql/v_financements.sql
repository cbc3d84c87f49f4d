-- Every financer's part of every line with its labels in clear.
SELECT
    fait.trimestre_id,
    dim_trimestre.libelle AS trimestre,
    dim_trimestre.annee,
    dim_region.libelle AS region,
    dim_genre.libelle AS genre,
    dim_classe_age.libelle AS classe_age,
    dim_situation.libelle AS situation,
    dim_statut.libelle AS statut,
    dim_region.code_insee AS code_region,
    dim_situation.est_demandeur_emploi,
    dim_statut.famille AS famille_statut,
    dim_financeur.libelle AS financeur,
    fait.montant,
    fait.nb_dossiers_finances,
    fait.est_masque,
    (SELECT release_id FROM dim_release WHERE est_courante) AS release_id,
    fait.release_id AS release_id_debut_etat
FROM fct_financements AS fait
JOIN dim_trimestre ON dim_trimestre.trimestre_id = fait.trimestre_id
JOIN dim_region ON dim_region.region_id = fait.region_id
JOIN dim_genre ON dim_genre.genre_id = fait.genre_id
JOIN dim_classe_age ON dim_classe_age.classe_age_id = fait.classe_age_id
JOIN dim_situation ON dim_situation.situation_id = fait.situation_id
JOIN dim_statut ON dim_statut.statut_id = fait.statut_id
JOIN dim_financeur ON dim_financeur.financeur_id = fait.financeur_id
