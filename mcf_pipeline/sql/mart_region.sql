-- Figures of some quarters in each region, and the region's share of the country.
SELECT
    trimestre_id,
    region_id,
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
    part(sum(nb_dossiers), sum(sum(nb_dossiers)) OVER trimestre) AS part_dossiers,
    part(sum(montant_engage), sum(sum(montant_engage)) OVER trimestre) AS part_montant,
    any_value(release_id) AS release_id
FROM fct_dossiers
WHERE list_contains($trimestres, trimestre_id)
GROUP BY trimestre_id, region_id
WINDOW trimestre AS (PARTITION BY trimestre_id)
