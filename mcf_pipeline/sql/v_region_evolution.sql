-- Each quarter of each region beside the same one a year before.
SELECT
    courant.trimestre_id,
    dim_trimestre.libelle,
    dim_trimestre.annee,
    courant.region_id,
    dim_region.libelle AS region,
    courant.nb_dossiers,
    courant.nb_dossiers_min,
    courant.nb_dossiers_max,
    avant.nb_dossiers AS nb_dossiers_un_an_avant,
    evolution(courant.nb_dossiers_min, avant.nb_dossiers_max) AS evolution_dossiers_bas,
    evolution(courant.nb_dossiers_max, avant.nb_dossiers_min) AS evolution_dossiers_haut,
    evolution_sure(courant.nb_dossiers, avant.nb_dossiers, evolution_dossiers_bas, evolution_dossiers_haut)
        AS evolution_dossiers,
    courant.montant_engage,
    avant.montant_engage AS montant_un_an_avant,
    evolution(courant.montant_engage_min, avant.montant_engage_max) AS evolution_montant_bas,
    evolution(courant.montant_engage_max, avant.montant_engage_min) AS evolution_montant_haut,
    evolution_sure(courant.montant_engage, avant.montant_engage, evolution_montant_bas, evolution_montant_haut)
        AS evolution_montant,
    courant.prix_moyen,
    evolution(courant.prix_moyen_bas, avant.prix_moyen_haut) AS evolution_prix_bas,
    evolution(courant.prix_moyen_haut, avant.prix_moyen_bas) AS evolution_prix_haut,
    evolution_sure(courant.prix_moyen, avant.prix_moyen, evolution_prix_bas, evolution_prix_haut) AS evolution_prix,
    courant.nb_lignes_masquees,
    avant.nb_lignes_masquees AS nb_lignes_masquees_un_an_avant
FROM mart_region AS courant
JOIN dim_trimestre USING (trimestre_id)
JOIN dim_region ON dim_region.region_id = courant.region_id
LEFT JOIN mart_region AS avant
    ON avant.trimestre_id = (dim_trimestre.annee - 1) || '-T' || dim_trimestre.trimestre
    AND avant.region_id = courant.region_id
ORDER BY courant.trimestre_id, dim_region.ordre NULLS LAST, courant.region_id
