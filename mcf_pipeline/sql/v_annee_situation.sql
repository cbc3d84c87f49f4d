-- Each situation in each year.
SELECT *, CAST(periode AS INTEGER) AS annee, libelle AS situation
FROM periode('annee', 'situation', situation_id)
JOIN dim_situation ON situation_id = groupe
ORDER BY annee, ordre NULLS LAST, groupe
