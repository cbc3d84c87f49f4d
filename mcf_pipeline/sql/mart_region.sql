-- Figures of one quarter in each region, and the region's share of the country.
SELECT
    trimestre_id,
    region_id,
    count(*) AS nb_lignes,
    count(*) FILTER (WHERE est_masque) AS nb_lignes_masquees,
    sum(nb_dossiers) AS nb_dossiers,
    sum(nb_titulaires) AS nb_titulaires_max,
    sum(montant_engage) AS montant_engage,
    moyenne_ponderee(prix_moyen, nb_dossiers) AS prix_moyen,
    moyenne_ponderee(duree_moyenne, nb_dossiers_a_duree_connue) AS duree_moyenne,
    part(sum(nb_dossiers), sum(sum(nb_dossiers)) OVER ()) AS part_dossiers,
    part(sum(montant_engage), sum(sum(montant_engage)) OVER ()) AS part_montant,
    any_value(release_id) AS release_id
FROM fct_dossiers
WHERE trimestre_id = $trimestre_id
GROUP BY trimestre_id, region_id
