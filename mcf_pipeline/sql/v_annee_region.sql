-- Each region in each year.
SELECT CAST(periode AS INTEGER) AS annee, groupe AS region_id, dim_region.libelle AS region, sommes.* EXCLUDE (periode, groupe)
FROM periode('annee', 'region', region_id) AS sommes
JOIN dim_region ON dim_region.region_id = groupe
ORDER BY annee, dim_region.ordre NULLS LAST, groupe
