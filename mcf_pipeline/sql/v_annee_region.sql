-- Each region in each year.
SELECT *, CAST(periode AS INTEGER) AS annee, libelle AS region
FROM periode('annee', 'region', region_id)
JOIN dim_region ON region_id = groupe
ORDER BY annee, ordre NULLS LAST, groupe
