-- Each region in each quarter, with the three before it. DuckDB 1.2 knows no alias of a macro's rows, hence the WITH.
WITH sommes AS (
    FROM periode('glissant', 'region', region_id)
)
SELECT
    periode AS trimestre_id,
    groupe AS region_id,
    dim_region.libelle AS region,
    sommes.* EXCLUDE (periode, groupe)
FROM sommes
JOIN dim_region ON dim_region.region_id = groupe
ORDER BY trimestre_id, dim_region.ordre NULLS LAST, groupe
