-- The export's lines, typed: what is no number fails here, and what the contract forbids too.
SELECT
    trimestre AS trimestre_id,
    {% for dimension, column in dimensions().items() %}
    {{ dimension }}.id AS {{ dimension }}_id,
    {% endfor %}
    '{{ env_var("OTHERS_RELEASE") }}' AS release_id,
    CAST(export.nb_dossiers AS BIGINT) AS nb_dossiers,
    CAST(export.nb_titulaires AS BIGINT) AS nb_titulaires,
    CAST(export.montant_engage AS DECIMAL(18, 2)) AS montant_engage,
    CAST(export.prix_moyen AS DECIMAL(18, 4)) AS prix_moyen,
    CAST(export.duree_moyenne AS DECIMAL(18, 4)) AS duree_moyenne,
    CAST(export.nb_dossiers_a_duree_connue AS BIGINT) AS nb_dossiers_a_duree_connue,
    export.nb_dossiers IS NULL OR export.montant_engage IS NULL AS est_masque,
    {% for financer, (amount, dossiers) in financers().items() %}
    CAST(export.{{ amount }} AS DECIMAL(18, 2)) AS part_{{ financer }},
    CAST({{ dossiers }} AS BIGINT) AS nb_dossiers_finances_par_{{ financer }}
    {{- "," if not loop.last }}
    {% endfor %}
FROM {{ source("portal", "export") }} AS export
{% for dimension, column in dimensions().items() %}
-- An empty cell of a seed is NULL, as one of the export is.
LEFT JOIN {{ ref("textes") }} AS {{ dimension }}
    ON {{ dimension }}.dimension = '{{ dimension }}' AND {{ dimension }}.texte IS NOT DISTINCT FROM export.{{ column }}
{% endfor %}
