-- Each situation in each quarter, with the three before it.
SELECT periode AS trimestre_id, groupe AS situation_id, dim_situation.libelle AS situation, sommes.* EXCLUDE (periode, groupe)
FROM periode('glissant', 'situation', situation_id) AS sommes
JOIN dim_situation ON dim_situation.situation_id = groupe
ORDER BY trimestre_id, dim_situation.ordre NULLS LAST, groupe
