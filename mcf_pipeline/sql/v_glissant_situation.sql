-- Each situation in each quarter, with the three before it. DuckDB 1.2 knows no alias of a macro's rows, hence the WITH.
WITH sommes AS (
    FROM periode('glissant', 'situation', situation_id)
)
SELECT
    periode AS trimestre_id,
    groupe AS situation_id,
    dim_situation.libelle AS situation,
    sommes.* EXCLUDE (periode, groupe)
FROM sommes
JOIN dim_situation ON dim_situation.situation_id = groupe
ORDER BY trimestre_id, dim_situation.ordre NULLS LAST, groupe
