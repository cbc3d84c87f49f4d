{{ config(severity="warn") }}
-- An unmasked count is below the publisher's masking threshold.
SELECT *
FROM {{ ref("stg_usagers") }}
WHERE nb_dossiers < 5 OR nb_titulaires < 5
