-- Each situation in each year. DuckDB 1.2 knows no alias of a macro's rows, hence the WITH.
WITH sommes AS (
    FROM periode('annee', 'situation', situation_id)
)
SELECT
    CAST(periode AS INTEGER) AS annee,
    groupe AS situation_id,
    dim_situation.libelle AS situation,
    sommes.* EXCLUDE (periode, groupe)
FROM sommes
JOIN dim_situation ON dim_situation.situation_id = groupe
ORDER BY annee, dim_situation.ordre NULLS LAST, groupe
