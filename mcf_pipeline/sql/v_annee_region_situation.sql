-- Each situation in each region in each year.
SELECT
    annees.*,
    CAST(periode AS INTEGER) AS annee,
    groupe.region_id AS region_id,
    groupe.situation_id AS situation_id,
    dim_region.libelle AS region,
    dim_situation.libelle AS situation
FROM periode('annee', 'region_situation', {'region_id': region_id, 'situation_id': situation_id}) AS annees
JOIN dim_region ON dim_region.region_id = groupe.region_id
JOIN dim_situation ON dim_situation.situation_id = groupe.situation_id
ORDER BY annee, dim_region.ordre NULLS LAST, groupe.region_id, dim_situation.ordre NULLS LAST, groupe.situation_id
