-- Each quarter of each region beside the same one a year before.
SELECT evolutions.*, groupe AS region_id, dim_region.libelle AS region
FROM sur_un_an('region', region_id) AS evolutions
JOIN dim_region ON region_id = groupe
ORDER BY trimestre_id, ordre NULLS LAST, groupe
