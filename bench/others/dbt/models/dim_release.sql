SELECT
    release_id,
    1 AS rang,
    CAST(release_id AS DATE) AS date_release,
    CAST(NULL AS TIMESTAMP) AS data_processed,
    count(*) AS nb_lignes,
    CAST(count(DISTINCT trimestre_id) AS INTEGER) AS nb_trimestres,
    any_value(fichier.sha256) AS sha256,
    any_value(fichier.origine) AS origine,
    CAST(NULL AS VARCHAR) AS licence,
    true AS est_courante,
    true AS est_synthetique
FROM {{ ref("stg_usagers") }}
CROSS JOIN (
    SELECT sha256(content) AS sha256, parse_filename(filename) AS origine
    FROM read_blob('{{ env_var("OTHERS_EXPORT") }}')
) AS fichier
GROUP BY release_id
