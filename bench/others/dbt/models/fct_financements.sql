SELECT
    trimestre_id,
    region_id,
    genre_id,
    classe_age_id,
    situation_id,
    statut_id,
    part.financeur_id,
    part.montant,
    part.nb_dossiers_finances,
    est_masque,
    release_id
FROM (
    SELECT
        *,
        unnest([
            {% for financer in financers() %}
            {
                'financeur_id': '{{ financer }}',
                'montant': part_{{ financer }},
                'nb_dossiers_finances': nb_dossiers_finances_par_{{ financer }}
            }
            {{- "," if not loop.last }}
            {% endfor %}
        ]) AS part
    FROM {{ ref("stg_usagers") }}
)
