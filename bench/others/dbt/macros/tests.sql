{# A table's key: several columns, which together have no duplicate. #}
{% test unique_key(model, columns) %}
SELECT {{ columns | join(", ") }}
FROM {{ model }}
GROUP BY ALL
HAVING count(*) > 1
{% endtest %}

{# A mart's sums are those of its fact, computed a second time. #}
{% test adds_up_to(model, fact, columns, sums) %}
SELECT {{ columns | join(", ") }}
FROM {{ model }} AS mart
FULL JOIN (
    SELECT
        {{ columns | join(", ") }},
        {% for name, sql in sums.items() %}{{ sql }} AS s_{{ name }}{{ ", " if not loop.last }}{% endfor %}
    FROM {{ fact }}
    GROUP BY {{ columns | join(", ") }}
) AS faits USING ({{ columns | join(", ") }})
WHERE {% for name in sums %}coalesce({{ name }}, 0) <> coalesce(s_{{ name }}, 0){{ " OR " if not loop.last }}{% endfor %}
{% endtest %}
