-- How good the data of one quarter is.
WITH ecarts AS (
    SELECT
        fct_dossiers.*,
        -- The financers' parts of the same line; NULL where any of them is masked.
        (
            SELECT CASE WHEN count(*) = count(montant) THEN sum(montant) END
            FROM fct_financements AS financement
            WHERE financement.trimestre_id = $trimestre_id
                AND financement.region_id = fct_dossiers.region_id
                AND financement.genre_id = fct_dossiers.genre_id
                AND financement.classe_age_id = fct_dossiers.classe_age_id
                AND financement.situation_id = fct_dossiers.situation_id
                AND financement.statut_id = fct_dossiers.statut_id
        ) AS parts,
        prix_moyen * nb_dossiers - montant_engage AS ecart_prix
    FROM fct_dossiers
    WHERE trimestre_id = $trimestre_id
),
rejets AS (
    SELECT count(DISTINCT numero_ligne) AS nb_lignes
    FROM stg_rejets
    WHERE trimestre_id = $trimestre_id
)
SELECT
    ecarts.trimestre_id,
    count(*) + any_value(rejets.nb_lignes) AS nb_lignes_recues,
    count(*) AS nb_lignes_valides,
    any_value(rejets.nb_lignes) AS nb_lignes_rejetees,
    count(*) - count(nb_dossiers) AS nb_dossiers_masques,
    count(*) - count(nb_titulaires) AS nb_titulaires_masques,
    count(*) - count(montant_engage) AS nb_montants_masques,
    count(prix_moyen) AS nb_prix_connus,
    count(duree_moyenne) AS nb_durees_connues,
    sum(montant_engage - parts) AS ecart_parts_montant,
    count(*) FILTER (
        WHERE abs(montant_engage - parts) > 1 AND abs(montant_engage - parts) > 0.01 * montant_engage
    ) AS nb_lignes_ecart_parts,
    sum(ecart_prix) AS ecart_prix_montant,
    count(*) FILTER (
        WHERE abs(ecart_prix) > nb_dossiers AND abs(ecart_prix) > 0.01 * montant_engage
    ) AS nb_lignes_ecart_prix,
    any_value(ecarts.release_id) AS release_id
FROM ecarts, rejets
GROUP BY ecarts.trimestre_id
