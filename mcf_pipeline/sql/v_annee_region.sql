-- Each region in each year. DuckDB 1.2 knows no alias of a macro's rows, hence the WITH.
WITH sommes AS (
    FROM periode('annee', 'region', region_id)
)
SELECT
    CAST(periode AS INTEGER) AS annee,
    groupe AS region_id,
    dim_region.libelle AS region,
    sommes.* EXCLUDE (periode, groupe)
FROM sommes
JOIN dim_region ON dim_region.region_id = groupe
ORDER BY annee, dim_region.ordre NULLS LAST, groupe
