-- Each quarter of each situation beside the same one a year before.
SELECT evolutions.*, groupe AS situation_id, dim_situation.libelle AS situation
FROM sur_un_an('situation', situation_id) AS evolutions
JOIN dim_situation ON situation_id = groupe
ORDER BY trimestre_id, ordre NULLS LAST, groupe
