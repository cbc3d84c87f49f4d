-- What the newest release changed, line by line against the state it replaced, summed by quarter and kind, national:
-- below that, two states side by side can reveal a masked cell (docs/secret.md).
-- A line that was masked and is so no longer adds its dossiers to the visible sum without any new dossier: hence the kinds.
WITH derniere AS (
    SELECT release_id FROM dim_release WHERE est_courante
),
apres AS (
    SELECT * FROM fct_dossiers WHERE release_id = (SELECT release_id FROM derniere)
),
avant AS (
    SELECT * FROM fct_dossiers_historique WHERE valide_jusqua = (SELECT release_id FROM derniere)
),
connus AS (
    SELECT DISTINCT trimestre_id FROM avant
),
encore AS (
    SELECT DISTINCT trimestre_id FROM apres
),
lignes AS (
    SELECT
        trimestre_id,
        avant.nb_dossiers AS dossiers_avant,
        apres.nb_dossiers AS dossiers_apres,
        avant.montant_engage AS montant_avant,
        apres.montant_engage AS montant_apres,
        CASE
            WHEN trimestre_id NOT IN (SELECT trimestre_id FROM connus) THEN 'nouveau'
            WHEN trimestre_id NOT IN (SELECT trimestre_id FROM encore) THEN 'retire'
            WHEN avant.statut_id IS NULL THEN 'apparue'
            WHEN apres.statut_id IS NULL THEN 'disparue'
            WHEN avant.nb_dossiers IS NULL AND apres.nb_dossiers IS NULL THEN 'masquee'
            WHEN avant.nb_dossiers IS NULL THEN 'devoilee'
            WHEN apres.nb_dossiers IS NULL THEN 'devenue_masquee'
            ELSE 'visible'
        END AS nature
    FROM apres
    FULL JOIN avant USING (trimestre_id, region_id, genre_id, classe_age_id, situation_id, statut_id)
)
SELECT
    trimestre_id,
    nature,
    count(*) AS lignes,
    (coalesce(sum(dossiers_apres), 0) - coalesce(sum(dossiers_avant), 0))::BIGINT AS dossiers,
    ((coalesce(sum(montant_apres), 0) - coalesce(sum(montant_avant), 0)) * 100)::BIGINT AS montant
FROM lignes
GROUP BY ALL
ORDER BY ALL
