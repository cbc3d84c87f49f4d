-- Published figures beside ours, by scope.
WITH annees AS (
    SELECT
        annee,
        perimetre,
        est_complete,
        CAST(nb_dossiers_min AS DOUBLE) AS entrees_bas,
        CAST(nb_dossiers_max AS DOUBLE) AS entrees_haut,
        CAST(prix_moyen_bas AS DOUBLE) AS prix_moyen_bas,
        CAST(prix_moyen_haut AS DOUBLE) AS prix_moyen_haut,
        CAST(duree_moyenne_bas AS DOUBLE) AS duree_moyenne_bas,
        CAST(duree_moyenne_haut AS DOUBLE) AS duree_moyenne_haut,
        CAST(montant_engage_min AS DOUBLE) AS montant_bas,
        CAST(montant_engage_max AS DOUBLE) AS montant_haut
    FROM v_annee_perimetre
),
-- A year's share is a mean of the quarters' shares, weighted by the dossiers it is of.
parts AS (
    SELECT
        annee_de(trimestre_id) AS annee,
        'tous' AS perimetre,
        CAST(sum(nb_titulaires_toutes_lignes_max) AS DOUBLE) AS personnes_haut,
        moyenne_bas(
            part_demandeurs_emploi_bas, nb_dossiers_de_situation_connue_min, nb_dossiers_de_situation_connue_max
        ) AS part_demandeurs_emploi_bas,
        moyenne_haut(
            part_demandeurs_emploi_haut, nb_dossiers_de_situation_connue_min, nb_dossiers_de_situation_connue_max
        ) AS part_demandeurs_emploi_haut,
        moyenne_bas(part_femmes_bas, nb_dossiers_de_genre_connu_min, nb_dossiers_de_genre_connu_max) AS part_femmes_bas,
        moyenne_haut(part_femmes_haut, nb_dossiers_de_genre_connu_min, nb_dossiers_de_genre_connu_max) AS part_femmes_haut
    FROM mart_trimestre
    GROUP BY ALL
),
choisis AS (
    SELECT
        publies.* EXCLUDE (publie_le),
        perimetre,
        est_complete,
        CASE indicateur
            WHEN 'entrees' THEN entrees_bas
            WHEN 'prix_moyen' THEN prix_moyen_bas
            WHEN 'duree_moyenne' THEN duree_moyenne_bas
            WHEN 'montant' THEN montant_bas
            WHEN 'part_demandeurs_emploi' THEN part_demandeurs_emploi_bas
            WHEN 'part_femmes' THEN part_femmes_bas
        END AS valeur_bas,
        CASE indicateur
            WHEN 'entrees' THEN entrees_haut
            WHEN 'personnes' THEN personnes_haut
            WHEN 'prix_moyen' THEN prix_moyen_haut
            WHEN 'duree_moyenne' THEN duree_moyenne_haut
            WHEN 'montant' THEN montant_haut
            WHEN 'part_demandeurs_emploi' THEN part_demandeurs_emploi_haut
            WHEN 'part_femmes' THEN part_femmes_haut
        END AS valeur_haut
    FROM v_chiffres_publies AS publies
    JOIN annees USING (annee)
    LEFT JOIN parts USING (annee, perimetre)
    -- Persons and shares are counted over all dossiers alone.
    WHERE perimetre = 'tous' OR indicateur IN ('entrees', 'prix_moyen', 'duree_moyenne', 'montant')
)
SELECT
    *,
    evolution(valeur_bas, valeur) AS ecart_relatif_bas,
    evolution(valeur_haut, valeur) AS ecart_relatif_haut
FROM choisis
ORDER BY indicateur, annee, list_position(['tous', 'hors_annules', 'commences'], perimetre)
