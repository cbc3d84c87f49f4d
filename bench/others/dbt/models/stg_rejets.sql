-- A line that breaks a rule fails the build here, so none is ever set aside.
SELECT trimestre_id, CAST(NULL AS BIGINT) AS numero_ligne
FROM {{ ref("stg_usagers") }}
WHERE false
