-- National figures of some quarters.
SELECT
    trimestre_id,
    count(*) AS nb_lignes,
    count(*) FILTER (WHERE est_masque) AS nb_lignes_masquees,
    sum(nb_dossiers) AS nb_dossiers,
    au_moins_un_par_ligne(nb_dossiers) AS nb_dossiers_min,
    sum(nb_titulaires) AS nb_titulaires_max,
    nb_masques(nb_titulaires) AS nb_titulaires_lignes_masquees_min,
    4 * nb_masques(nb_titulaires) AS nb_titulaires_lignes_masquees_max,
    coalesce(sum(nb_titulaires), 0) + 4 * nb_masques(nb_titulaires) AS nb_titulaires_toutes_lignes_max,
    sum(montant_engage) AS montant_engage,
    moyenne_ponderee(prix_moyen, nb_dossiers) AS prix_moyen,
    moyenne_ponderee(duree_moyenne, nb_dossiers_a_duree_connue) AS duree_moyenne,
    -- Lines without a known situation (or gender) say nothing of the share: they leave both its terms.
    part(
        coalesce(sum(nb_dossiers) FILTER (WHERE est_demandeur_emploi), 0),
        sum(nb_dossiers) FILTER (WHERE est_demandeur_emploi IS NOT NULL)
    ) AS part_demandeurs_emploi,
    part(
        coalesce(sum(nb_dossiers) FILTER (WHERE genre_id = 'femme'), 0),
        sum(nb_dossiers) FILTER (WHERE genre_id IN ('femme', 'homme'))
    ) AS part_femmes,
    any_value(release_id) AS release_id
FROM fct_dossiers
LEFT JOIN dim_situation USING (situation_id)
WHERE list_contains($trimestres, trimestre_id)
GROUP BY trimestre_id
