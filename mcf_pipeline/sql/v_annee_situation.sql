-- Each situation in each year.
SELECT CAST(periode AS INTEGER) AS annee, groupe AS situation_id, dim_situation.libelle AS situation, sommes.* EXCLUDE (periode, groupe)
FROM periode('annee', 'situation', situation_id) AS sommes
JOIN dim_situation ON dim_situation.situation_id = groupe
ORDER BY annee, dim_situation.ordre NULLS LAST, groupe
