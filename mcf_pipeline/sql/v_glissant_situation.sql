-- Each situation in each quarter, with the three before it.
SELECT *, periode AS trimestre_id, libelle AS situation
FROM periode('glissant', 'situation', situation_id)
JOIN dim_situation ON situation_id = groupe
ORDER BY trimestre_id, ordre NULLS LAST, groupe
