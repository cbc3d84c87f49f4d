-- How good the data of some quarters is. What is far from the amount is so by the rules of the contract
-- (`contract.rules`: `ecart_parts_montant`, `ecart_prix_montant`).
WITH financeurs AS (
    SELECT trimestre_id, count(DISTINCT financeur_id) AS nb
    FROM fct_financements
    WHERE list_contains($trimestres, trimestre_id)
    GROUP BY trimestre_id
),
donnees AS (
    SELECT
        trimestre_id,
        region_id,
        genre_id,
        classe_age_id,
        situation_id,
        statut_id,
        count(*) AS nb,
        sum(montant) AS montant
    FROM fct_financements
    WHERE list_contains($trimestres, trimestre_id) AND montant IS NOT NULL
    GROUP BY ALL
),
parts AS (
    -- None where any part of the line is masked.
    SELECT donnees.* EXCLUDE (nb, montant), montant AS parts
    FROM donnees
    JOIN financeurs ON financeurs.trimestre_id = donnees.trimestre_id AND financeurs.nb = donnees.nb
),
lignes AS (
    SELECT
        fct_dossiers.*,
        parts,
        prix_moyen * nb_dossiers - montant_engage AS ecart_prix,
        coalesce(nb_dossiers, 1) AS dossiers_min,
        coalesce(nb_dossiers, dossiers_max_par_ligne_masquee()) AS dossiers_max,
        dim_region.est_connue AS region_connue,
        dim_genre.est_connue AS genre_connu,
        dim_classe_age.est_connue AS classe_age_connue,
        dim_situation.est_connue AS situation_connue,
        -- A dossier whose status is not given may be anything too.
        est_clos IS NOT NULL AS statut_connu
    FROM fct_dossiers
    LEFT JOIN parts USING (trimestre_id, region_id, genre_id, classe_age_id, situation_id, statut_id)
    LEFT JOIN dim_region USING (region_id)
    LEFT JOIN dim_genre USING (genre_id)
    LEFT JOIN dim_classe_age USING (classe_age_id)
    LEFT JOIN dim_situation USING (situation_id)
    LEFT JOIN dim_statut USING (statut_id)
    WHERE list_contains($trimestres, trimestre_id)
),
rejets AS (
    SELECT trimestre_id, count(DISTINCT numero_ligne) AS nb_lignes
    FROM stg_rejets
    WHERE list_contains($trimestres, trimestre_id)
    GROUP BY trimestre_id
),
profils AS (
    SELECT
        trimestre_id,
        count(*) FILTER (WHERE masquees = lignes) AS nb_profils_masques,
        count(*) FILTER (WHERE masquees BETWEEN 1 AND lignes - 1) AS nb_profils_masques_en_partie
    FROM (
        SELECT trimestre_id, count(*) AS lignes, count(*) FILTER (WHERE est_masque) AS masquees
        FROM fct_dossiers
        WHERE list_contains($trimestres, trimestre_id)
        GROUP BY trimestre_id, region_id, genre_id, classe_age_id, situation_id
    )
    GROUP BY trimestre_id
),
mesures AS (
    SELECT
        trimestre_id,
        count(*) AS nb_lignes_valides,
        count(*) FILTER (WHERE est_masque) AS nb_lignes_masquees,
        count(*) - count(nb_dossiers) AS nb_lignes_dossiers_masques,
        count(*) - count(nb_titulaires) AS nb_lignes_titulaires_masques,
        count(*) - count(montant_engage) AS nb_lignes_montants_masques,
        min(nb_titulaires) FILTER (WHERE nb_titulaires > 0) AS plus_petit_nb_titulaires,
        count(prix_moyen) AS nb_prix_connus,
        count(duree_moyenne) AS nb_durees_connues,
        sum(montant_engage - parts) AS ecart_parts_montant,
        count(*) FILTER (WHERE abs(montant_engage - parts) > greatest(0.01 * montant_engage, 1))
            AS nb_lignes_ecart_parts,
        sum(ecart_prix) AS ecart_prix_montant,
        count(*) FILTER (WHERE abs(ecart_prix) > 0.05 * montant_engage) AS nb_lignes_ecart_prix,
        part(coalesce(sum(dossiers_max) FILTER (WHERE NOT region_connue), 0), sum(dossiers_min)) AS regions,
        part(coalesce(sum(dossiers_max) FILTER (WHERE NOT genre_connu), 0), sum(dossiers_min)) AS genres,
        part(coalesce(sum(dossiers_max) FILTER (WHERE NOT classe_age_connue), 0), sum(dossiers_min)) AS classes_age,
        part(coalesce(sum(dossiers_max) FILTER (WHERE NOT situation_connue), 0), sum(dossiers_min)) AS situations,
        part(coalesce(sum(dossiers_max) FILTER (WHERE NOT statut_connu), 0), sum(dossiers_min)) AS statuts,
        any_value(release_id) AS release_id_debut_etat
    FROM lignes
    GROUP BY trimestre_id
)
SELECT
    trimestre_id,
    nb_lignes_valides + coalesce(rejets.nb_lignes, 0) AS nb_lignes_recues,
    coalesce(rejets.nb_lignes, 0) AS nb_lignes_rejetees,
    mesures.* EXCLUDE (trimestre_id, regions, genres, classes_age, situations, statuts),
    nb_profils_masques,
    nb_profils_masques_en_partie,
    least(regions, 1) AS part_regions_inconnues,
    least(genres, 1) AS part_genres_inconnus,
    least(classes_age, 1) AS part_classes_age_inconnues,
    least(situations, 1) AS part_situations_inconnues,
    least(statuts, 1) AS part_statuts_inconnus,
    nullif(concat_ws(
        ' ; ',
        CASE WHEN statuts > part_inconnue_max()
            THEN 'maturite, taux_realisation, taux_abandon : trop de statuts inconnus'
        END,
        CASE WHEN situations > part_inconnue_max() THEN 'part_demandeurs_emploi : trop de situations inconnues' END,
        CASE WHEN genres > part_inconnue_max() THEN 'part_femmes : trop de genres inconnus' END
    ), '') AS motifs_vides
FROM mesures
JOIN profils USING (trimestre_id)
LEFT JOIN rejets USING (trimestre_id)
