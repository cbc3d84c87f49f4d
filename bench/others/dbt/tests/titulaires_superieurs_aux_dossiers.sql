{{ config(severity="warn") }}
-- More titulaires than dossiers.
SELECT *
FROM {{ ref("stg_usagers") }}
WHERE nb_titulaires > nb_dossiers
