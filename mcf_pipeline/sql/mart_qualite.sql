-- How good the data of some quarters is. What is far from the amount is so by the rules of the contract
-- (`contract.rules`: `ecart_parts_montant`, `ecart_prix_montant`).
WITH parts AS (
    SELECT
        trimestre_id,
        region_id,
        genre_id,
        classe_age_id,
        situation_id,
        statut_id,
        -- NULL where any part of the line is masked.
        CASE WHEN count(*) = count(montant) THEN sum(montant) END AS parts
    FROM fct_financements
    WHERE list_contains($trimestres, trimestre_id)
    GROUP BY ALL
),
ecarts AS (
    SELECT fct_dossiers.*, parts, prix_moyen * nb_dossiers - montant_engage AS ecart_prix
    FROM fct_dossiers
    LEFT JOIN parts USING (trimestre_id, region_id, genre_id, classe_age_id, situation_id, statut_id)
    WHERE list_contains($trimestres, trimestre_id)
),
rejets AS (
    SELECT trimestre_id, count(DISTINCT numero_ligne) AS nb_lignes
    FROM stg_rejets
    WHERE list_contains($trimestres, trimestre_id)
    GROUP BY trimestre_id
)
SELECT
    trimestre_id,
    count(*) + coalesce(any_value(rejets.nb_lignes), 0) AS nb_lignes_recues,
    count(*) AS nb_lignes_valides,
    coalesce(any_value(rejets.nb_lignes), 0) AS nb_lignes_rejetees,
    count(*) - count(nb_dossiers) AS nb_dossiers_masques,
    count(*) - count(nb_titulaires) AS nb_titulaires_masques,
    count(*) - count(montant_engage) AS nb_montants_masques,
    count(prix_moyen) AS nb_prix_connus,
    count(duree_moyenne) AS nb_durees_connues,
    sum(montant_engage - parts) AS ecart_parts_montant,
    count(*) FILTER (
        WHERE abs(montant_engage - parts) > greatest(0.01 * montant_engage, 1)
    ) AS nb_lignes_ecart_parts,
    sum(ecart_prix) AS ecart_prix_montant,
    count(*) FILTER (
        WHERE abs(ecart_prix) > 0.05 * montant_engage
    ) AS nb_lignes_ecart_prix,
    any_value(ecarts.release_id) AS release_id
FROM ecarts
LEFT JOIN rejets USING (trimestre_id)
GROUP BY trimestre_id
