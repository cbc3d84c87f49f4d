-- Each region in each quarter, with the three before it.
SELECT periode AS trimestre_id, groupe AS region_id, dim_region.libelle AS region, sommes.* EXCLUDE (periode, groupe)
FROM periode('glissant', 'region', region_id) AS sommes
JOIN dim_region ON dim_region.region_id = groupe
ORDER BY trimestre_id, dim_region.ordre NULLS LAST, groupe
