-- Each quarter beside the same one a year before, and cumulated since January.
SELECT
    courant.trimestre_id,
    dim_trimestre.libelle,
    dim_trimestre.annee,
    courant.nb_dossiers,
    avant.nb_dossiers AS nb_dossiers_un_an_avant,
    part(courant.nb_dossiers - avant.nb_dossiers, avant.nb_dossiers) AS evolution_dossiers,
    sum(courant.nb_dossiers) OVER annee AS nb_dossiers_cumul_annuel,
    courant.montant_engage,
    avant.montant_engage AS montant_un_an_avant,
    part(courant.montant_engage - avant.montant_engage, avant.montant_engage) AS evolution_montant,
    sum(courant.montant_engage) OVER annee AS montant_cumul_annuel,
    courant.prix_moyen,
    part(courant.prix_moyen - avant.prix_moyen, avant.prix_moyen) AS evolution_prix,
    courant.nb_lignes_masquees,
    avant.nb_lignes_masquees AS nb_lignes_masquees_un_an_avant
FROM mart_trimestre AS courant
JOIN dim_trimestre USING (trimestre_id)
LEFT JOIN mart_trimestre AS avant
    ON avant.trimestre_id = (dim_trimestre.annee - 1) || '-T' || dim_trimestre.trimestre
WINDOW annee AS (PARTITION BY dim_trimestre.annee ORDER BY courant.trimestre_id)
ORDER BY courant.trimestre_id
