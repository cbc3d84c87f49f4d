-- What each release changed in each quarter: a quarter's state that begins with a release, beside the one it
-- ended. A quarter that a release leaves as it was has no row.
WITH rangs AS (
    SELECT release_id, rang, lag(release_id) OVER (ORDER BY rang) AS release_precedente_id
    FROM dim_release
),
etats AS (
    SELECT DISTINCT trimestre_id, valide_depuis, valide_jusqua FROM fct_dossiers_historique
),
-- Every (quarter, release) at which something begins or ends.
bornes AS (
    SELECT
        trimestre_id,
        release_id,
        CASE WHEN NOT bool_or(avant) THEN 'ajout' WHEN NOT bool_or(NOT avant) THEN 'disparition' ELSE 'revision' END
            AS nature
    FROM (
        SELECT trimestre_id, valide_depuis AS release_id, false AS avant FROM etats
        UNION ALL
        SELECT trimestre_id, valide_jusqua, true FROM etats WHERE valide_jusqua IS NOT NULL
    )
    GROUP BY ALL
),
lignes AS (
    SELECT
        bornes.trimestre_id,
        bornes.release_id,
        etat.valide_depuis = bornes.release_id AS est_apres,
        region_id,
        genre_id,
        classe_age_id,
        situation_id,
        statut_id,
        famille,
        est_masque,
        nb_dossiers,
        montant_engage,
        row(
            nb_dossiers, nb_titulaires, montant_engage, prix_moyen, duree_moyenne, nb_dossiers_a_duree_connue
        ) AS mesures
    FROM bornes
    JOIN fct_dossiers_historique AS etat
        ON etat.trimestre_id = bornes.trimestre_id
        AND bornes.release_id IN (etat.valide_depuis, etat.valide_jusqua)
    LEFT JOIN dim_statut USING (statut_id)
),
parts AS (
    SELECT
        bornes.trimestre_id,
        bornes.release_id,
        nature,
        etat.valide_depuis = bornes.release_id AS est_apres,
        region_id,
        genre_id,
        classe_age_id,
        situation_id,
        statut_id,
        financeur_id,
        montant,
        row(montant, nb_dossiers_finances) AS mesures
    FROM bornes
    JOIN fct_financements_historique AS etat
        ON etat.trimestre_id = bornes.trimestre_id
        AND bornes.release_id IN (etat.valide_depuis, etat.valide_jusqua)
),
-- Each part of each line of a revision, on both sides.
parts_comparees AS (
    SELECT
        trimestre_id,
        release_id,
        region_id,
        genre_id,
        classe_age_id,
        situation_id,
        statut_id,
        bool_or(NOT est_apres) AS avant,
        bool_or(est_apres) AS apres,
        any_value(montant) FILTER (WHERE NOT est_apres) AS montant_avant,
        any_value(montant) FILTER (WHERE est_apres) AS montant_apres,
        count(DISTINCT mesures) = 1 AND count(*) = 2 AS memes_mesures
    FROM parts
    WHERE nature = 'revision'
    GROUP BY trimestre_id, release_id, region_id, genre_id, classe_age_id, situation_id, statut_id, financeur_id
),
lignes_aux_parts_changees AS (
    SELECT DISTINCT trimestre_id, release_id, region_id, genre_id, classe_age_id, situation_id, statut_id
    FROM parts_comparees
    WHERE NOT memes_mesures
),
sommes_des_parts AS (
    SELECT
        trimestre_id,
        release_id,
        ecart_decompose(montant_avant, montant_apres, avant, apres) AS parts
    FROM parts_comparees
    GROUP BY ALL
    UNION ALL BY NAME
    -- A whole quarter that is new, or gone.
    SELECT
        trimestre_id,
        release_id,
        ecart_decompose(
            CASE WHEN NOT est_apres THEN montant END, CASE WHEN est_apres THEN montant END, NOT est_apres, est_apres
        ) AS parts
    FROM parts
    WHERE nature <> 'revision'
    GROUP BY trimestre_id, release_id
),
comparaison AS (
    SELECT
        trimestre_id,
        release_id,
        region_id,
        genre_id,
        classe_age_id,
        situation_id,
        statut_id,
        bool_or(NOT est_apres) AS avant,
        bool_or(est_apres) AS apres,
        any_value(nb_dossiers) FILTER (WHERE NOT est_apres) AS dossiers_avant,
        any_value(nb_dossiers) FILTER (WHERE est_apres) AS dossiers_apres,
        any_value(montant_engage) FILTER (WHERE NOT est_apres) AS montant_avant,
        any_value(montant_engage) FILTER (WHERE est_apres) AS montant_apres,
        count(DISTINCT mesures) = 1 AS memes_mesures
    FROM lignes
    GROUP BY trimestre_id, release_id, region_id, genre_id, classe_age_id, situation_id, statut_id
),
comptes AS (
    SELECT
        trimestre_id,
        release_id,
        count(*) FILTER (WHERE NOT avant) AS lignes_ajoutees,
        count(*) FILTER (WHERE NOT apres) AS lignes_supprimees,
        count(*) FILTER (WHERE avant AND apres AND NOT (memes_mesures AND changees.region_id IS NULL))
            AS lignes_modifiees,
        count(*) FILTER (WHERE avant AND apres AND memes_mesures AND changees.region_id IS NOT NULL)
            AS lignes_modifiees_financeurs,
        count(*) FILTER (WHERE avant AND apres AND memes_mesures AND changees.region_id IS NULL)
            AS lignes_identiques,
        count(*) FILTER (WHERE avant AND dossiers_avant IS NULL AND dossiers_apres IS NOT NULL) AS lignes_demasquees,
        count(*) FILTER (WHERE apres AND dossiers_apres IS NULL AND dossiers_avant IS NOT NULL)
            AS lignes_nouvellement_masquees,
        ecart_decompose(dossiers_avant, dossiers_apres, avant, apres) AS dossiers,
        ecart_decompose(montant_avant, montant_apres, avant, apres) AS montant
    FROM comparaison
    LEFT JOIN lignes_aux_parts_changees AS changees USING (trimestre_id, release_id, region_id, genre_id, classe_age_id, situation_id, statut_id)
    GROUP BY ALL
),
sommes AS (
    SELECT
        trimestre_id,
        release_id,
        count(*) FILTER (WHERE NOT est_apres AND est_masque) AS nb_lignes_masquees_avant,
        count(*) FILTER (WHERE est_apres AND est_masque) AS nb_lignes_masquees_apres,
        sum(nb_dossiers) FILTER (WHERE NOT est_apres) AS dossiers_avant,
        sum(nb_dossiers) FILTER (WHERE est_apres) AS dossiers_apres,
        sum(montant_engage) FILTER (WHERE NOT est_apres) AS montant_avant,
        sum(montant_engage) FILTER (WHERE est_apres) AS montant_apres,
        sum(nb_dossiers) FILTER (WHERE NOT est_apres AND famille = 'en_cours') AS en_cours_avant,
        sum(nb_dossiers) FILTER (WHERE est_apres AND famille = 'en_cours') AS en_cours_apres,
        sum(nb_dossiers) FILTER (WHERE NOT est_apres AND famille = 'realise') AS realises_avant,
        sum(nb_dossiers) FILTER (WHERE est_apres AND famille = 'realise') AS realises_apres,
        sum(nb_dossiers) FILTER (WHERE NOT est_apres AND famille = 'partiel') AS partiels_avant,
        sum(nb_dossiers) FILTER (WHERE est_apres AND famille = 'partiel') AS partiels_apres,
        sum(nb_dossiers) FILTER (WHERE NOT est_apres AND famille = 'annule') AS annules_avant,
        sum(nb_dossiers) FILTER (WHERE est_apres AND famille = 'annule') AS annules_apres,
        sum(nb_dossiers) FILTER (WHERE NOT est_apres AND famille = 'rejete') AS rejetes_avant,
        sum(nb_dossiers) FILTER (WHERE est_apres AND famille = 'rejete') AS rejetes_apres
    FROM lignes
    GROUP BY ALL
)
SELECT
    comptes.* EXCLUDE (dossiers, montant),
    nature,
    rangs.release_precedente_id,
    sommes.* EXCLUDE (trimestre_id, release_id),
    dossiers.ecart AS dossiers_ecart,
    dossiers.visibles AS dossiers_ecart_visibles,
    dossiers.demasques AS dossiers_ecart_demasques,
    dossiers.masques AS dossiers_ecart_masques,
    dossiers.apparus AS dossiers_ecart_apparus,
    dossiers.disparus AS dossiers_ecart_disparus,
    montant.ecart AS montant_ecart,
    montant.visibles AS montant_ecart_visibles,
    montant.demasques AS montant_ecart_demasques,
    montant.masques AS montant_ecart_masques,
    montant.apparus AS montant_ecart_apparus,
    montant.disparus AS montant_ecart_disparus,
    coalesce(parts.ecart, 0) AS parts_ecart,
    coalesce(parts.visibles, 0) AS parts_ecart_visibles,
    coalesce(parts.demasques, 0) AS parts_ecart_demasques,
    coalesce(parts.masques, 0) AS parts_ecart_masques,
    coalesce(parts.apparus, 0) AS parts_ecart_apparus,
    coalesce(parts.disparus, 0) AS parts_ecart_disparus
FROM comptes
JOIN bornes USING (trimestre_id, release_id)
JOIN sommes USING (trimestre_id, release_id)
JOIN rangs USING (release_id)
LEFT JOIN sommes_des_parts USING (trimestre_id, release_id)
ORDER BY release_id, trimestre_id
