-- The financers' parts do not add up to the amount in nearly all lines.
WITH lignes AS (
    SELECT
        montant_engage,
        {% for financer in financers() %}part_{{ financer }}{{ " + " if not loop.last }}{% endfor %} AS parts
    FROM {{ ref("stg_usagers") }}
)
SELECT
    count(*) AS lignes,
    count(*) FILTER (WHERE abs(montant_engage - parts) > greatest(0.01 * montant_engage, 1)) AS fausses
FROM lignes
WHERE montant_engage IS NOT NULL AND parts IS NOT NULL
HAVING lignes >= 150 AND fausses > 0.9 * lignes
