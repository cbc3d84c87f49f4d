{{ config(severity="warn") }}
-- The financers' parts do not add up to the amount.
SELECT *
FROM (
    SELECT
        *,
        {% for financer in financers() %}part_{{ financer }}{{ " + " if not loop.last }}{% endfor %} AS parts
    FROM {{ ref("stg_usagers") }}
)
WHERE abs(montant_engage - parts) > greatest(0.01 * montant_engage, 1)
