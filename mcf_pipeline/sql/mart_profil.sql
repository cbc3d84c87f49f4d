-- Figures of one quarter for each gender, age class and situation.
SELECT
    trimestre_id,
    genre_id,
    classe_age_id,
    situation_id,
    count(*) AS nb_lignes,
    count(*) FILTER (WHERE est_masque) AS nb_lignes_masquees,
    sum(nb_dossiers) AS nb_dossiers,
    sum(nb_titulaires) AS nb_titulaires_max,
    sum(montant_engage) AS montant_engage,
    moyenne_ponderee(prix_moyen, nb_dossiers) AS prix_moyen,
    moyenne_ponderee(duree_moyenne, nb_dossiers_a_duree_connue) AS duree_moyenne,
    any_value(release_id) AS release_id
FROM fct_dossiers
WHERE trimestre_id = $trimestre_id
GROUP BY trimestre_id, genre_id, classe_age_id, situation_id
