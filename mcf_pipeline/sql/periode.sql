-- The quarters of the marts added up: by calendar year (`nature_voulue` is `annee`), over the four quarters that end with
-- each (`glissant`), or each alone (`trimestre`), for the marts of `niveau_voulu` (`national`, `region`, `situation`, `region_situation`,
-- `perimetre`), by `cle`.
CREATE OR REPLACE MACRO periode(nature_voulue, niveau_voulu, cle) AS TABLE
WITH periodes AS (
    SELECT trimestre_id, CAST(annee AS VARCHAR) AS periode, 'annee' AS nature FROM dim_trimestre
    UNION ALL
    SELECT debut.trimestre_id, fin.trimestre_id, 'glissant'
    FROM dim_trimestre AS fin
    JOIN dim_trimestre AS debut
        ON 4 * (fin.annee - debut.annee) + fin.trimestre - debut.trimestre BETWEEN 0 AND 3
    UNION ALL
    SELECT trimestre_id, trimestre_id, 'trimestre' FROM dim_trimestre
),
tailles AS (
    SELECT periode, nature, count(*) AS nb_trimestres
    FROM periodes
    JOIN mart_trimestre USING (trimestre_id)
    GROUP BY ALL
),
perimetres AS (
    SELECT statut_id, 'hors_annules' AS perimetre FROM dim_statut WHERE NOT est_annule
    UNION ALL
    SELECT statut_id, 'commences' FROM dim_statut WHERE est_commence
),
blocs AS (
    SELECT *, 'national' AS niveau FROM mart_trimestre
    UNION ALL BY NAME
    SELECT *, 'region' AS niveau FROM mart_region
    UNION ALL BY NAME
    SELECT *, 'situation' AS niveau FROM mart_region_situation
    UNION ALL BY NAME
    SELECT *, 'region_situation' AS niveau FROM mart_region_situation
    UNION ALL BY NAME
    -- The bounds of all dossiers are narrower from the quarter's own mean than from one per status.
    SELECT *, 'tous' AS perimetre, 'perimetre' AS niveau FROM mart_trimestre
    UNION ALL BY NAME
    SELECT *, 'perimetre' AS niveau FROM mart_statut JOIN perimetres USING (statut_id)
),
sommes AS (
    SELECT
        periode,
        cle AS groupe,
        any_value(nb_trimestres) AS nb_trimestres,
        sum(nb_lignes) AS nb_lignes,
        sum(nb_lignes_masquees) AS nb_lignes_masquees,
        sum(nb_dossiers) AS nb_dossiers,
        sum(nb_dossiers_min) AS nb_dossiers_min,
        sum(nb_dossiers_max) AS nb_dossiers_max,
        sum(montant_engage) AS montant_engage,
        sum(montant_engage_min) AS montant_engage_min,
        CASE WHEN count(*) = count(montant_engage_max) THEN sum(montant_engage_max) END AS montant_engage_max,
        en_centimes(part(sum(montant_a_prix_connu), sum(nb_dossiers_a_prix_connu))) AS prix,
        centimes_bas(moyenne_bas(prix_moyen_bas, nb_dossiers_a_prix_connu_min, nb_dossiers_a_prix_connu_max))
            AS prix_moyen_bas,
        centimes_haut(moyenne_haut(prix_moyen_haut, nb_dossiers_a_prix_connu_min, nb_dossiers_a_prix_connu_max))
            AS prix_moyen_haut,
        sum(nb_dossiers_a_prix_connu) AS nb_dossiers_a_prix_connu,
        en_centimes(part(sum(heures_a_duree_connue), sum(nb_dossiers_a_duree_connue))) AS duree,
        centimes_bas(moyenne_bas(duree_moyenne_bas, nb_dossiers_a_duree_connue_min, nb_dossiers_a_duree_connue_max))
            AS duree_moyenne_bas,
        centimes_haut(moyenne_haut(duree_moyenne_haut, nb_dossiers_a_duree_connue_min, nb_dossiers_a_duree_connue_max))
            AS duree_moyenne_haut,
        sum(nb_dossiers_a_duree_connue) AS nb_dossiers_a_duree_connue
    FROM blocs
    JOIN periodes USING (trimestre_id)
    JOIN tailles USING (periode, nature)
    WHERE nature = nature_voulue AND niveau = niveau_voulu
    GROUP BY ALL
)
SELECT
    * EXCLUDE (prix, duree),
    nb_trimestres = 4 AS est_complete,
    si_sure(prix, prix_moyen_bas, prix_moyen_haut) AS prix_moyen,
    si_sure(duree, duree_moyenne_bas, duree_moyenne_haut) AS duree_moyenne,
    nullif(concat_ws(
        ' ; ',
        motif('prix_moyen', prix, prix_moyen_bas, prix_moyen_haut),
        motif('duree_moyenne', duree, duree_moyenne_bas, duree_moyenne_haut)
    ), '') AS motifs_vides
FROM sommes
