{{ config(severity="warn") }}
-- The counts are masked, but an amount is given.
SELECT *
FROM {{ ref("stg_usagers") }}
WHERE (nb_dossiers IS NULL OR nb_titulaires IS NULL) AND montant_engage IS NOT NULL
