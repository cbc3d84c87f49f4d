-- What each release changed in each quarter: a quarter's state that begins with a release, beside the one it
-- ended. A quarter that a release leaves as it was has no row.
WITH rangs AS (
    SELECT release_id, rang, lag(release_id) OVER (ORDER BY rang) AS release_precedente_id
    FROM dim_release
),
-- Every (quarter, release) at which something begins or ends.
bornes AS (
    SELECT DISTINCT trimestre_id, valide_depuis AS release_id FROM fct_dossiers_historique
    UNION
    SELECT DISTINCT trimestre_id, valide_jusqua FROM fct_dossiers_historique WHERE valide_jusqua IS NOT NULL
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
comparaison AS (
    SELECT
        trimestre_id,
        release_id,
        bool_or(NOT est_apres) AS avant,
        bool_or(est_apres) AS apres,
        count(DISTINCT mesures) = 1 AS memes_mesures
    FROM lignes
    GROUP BY trimestre_id, release_id, region_id, genre_id, classe_age_id, situation_id, statut_id
),
comptes AS (
    SELECT
        trimestre_id,
        release_id,
        count(*) FILTER (WHERE apres AND NOT avant) AS lignes_ajoutees,
        count(*) FILTER (WHERE avant AND NOT apres) AS lignes_supprimees,
        count(*) FILTER (WHERE avant AND apres AND NOT memes_mesures) AS lignes_modifiees,
        count(*) FILTER (WHERE avant AND apres AND memes_mesures) AS lignes_identiques,
        CASE WHEN NOT bool_or(avant) THEN 'ajout' WHEN NOT bool_or(apres) THEN 'disparition' ELSE 'revision' END
            AS nature
    FROM comparaison
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
        sum(nb_dossiers) FILTER (WHERE NOT est_apres AND famille = 'non_realise') AS non_realises_avant,
        sum(nb_dossiers) FILTER (WHERE est_apres AND famille = 'non_realise') AS non_realises_apres,
        sum(nb_dossiers) FILTER (WHERE NOT est_apres AND famille = 'annule') AS annules_avant,
        sum(nb_dossiers) FILTER (WHERE est_apres AND famille = 'annule') AS annules_apres
    FROM lignes
    GROUP BY ALL
)
SELECT comptes.*, rangs.release_precedente_id, sommes.* EXCLUDE (trimestre_id, release_id)
FROM comptes
JOIN sommes USING (trimestre_id, release_id)
JOIN rangs USING (release_id)
ORDER BY release_id, trimestre_id
