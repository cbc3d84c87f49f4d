-- Each region in each quarter, with the three before it.
SELECT *, periode AS trimestre_id, libelle AS region
FROM periode('glissant', 'region', region_id)
JOIN dim_region ON region_id = groupe
ORDER BY trimestre_id, ordre NULLS LAST, groupe
