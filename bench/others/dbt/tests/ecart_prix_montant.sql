{{ config(severity="warn") }}
-- Mean price times dossiers is far from the amount.
SELECT *
FROM {{ ref("stg_usagers") }}
WHERE abs(prix_moyen * nb_dossiers - montant_engage) > 0.05 * montant_engage
