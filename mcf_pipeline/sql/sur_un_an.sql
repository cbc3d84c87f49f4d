-- Each quarter beside the same one a year before, for the marts of `niveau_voulu` (`national`, `region`, `situation`,
-- `region_situation`), by `cle`.
CREATE OR REPLACE MACRO sur_un_an(niveau_voulu, cle) AS TABLE
WITH blocs AS (
    SELECT *, 'national' AS niveau FROM mart_trimestre
    UNION ALL BY NAME
    SELECT *, 'region' AS niveau FROM mart_region
    UNION ALL BY NAME
    SELECT *, 'region_situation' AS niveau FROM mart_region_situation
    UNION ALL BY NAME
    SELECT * EXCLUDE (groupe), periode AS trimestre_id, groupe AS situation_id, 'situation' AS niveau
    FROM periode('trimestre', 'situation', situation_id)
),
trimestres AS (
    SELECT
        cle AS groupe,
        trimestre_id,
        nb_dossiers,
        nb_dossiers_min,
        nb_dossiers_max,
        montant_engage,
        montant_engage_min,
        montant_engage_max,
        prix_moyen,
        prix_moyen_bas,
        prix_moyen_haut,
        nb_lignes_masquees
    FROM blocs
    WHERE niveau = niveau_voulu
)
SELECT
    courant.groupe,
    courant.trimestre_id,
    dim_trimestre.libelle,
    dim_trimestre.annee,
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
FROM trimestres AS courant
JOIN dim_trimestre ON dim_trimestre.trimestre_id = courant.trimestre_id
LEFT JOIN trimestres AS avant
    ON avant.trimestre_id = (dim_trimestre.annee - 1) || '-T' || dim_trimestre.trimestre
    AND avant.groupe = courant.groupe
