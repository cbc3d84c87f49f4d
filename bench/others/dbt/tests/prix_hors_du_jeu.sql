-- The median cost of a dossier, of the release, of a quarter or of a region, is none of this dataset.
SELECT trimestre_id, region_id, median(prix_moyen) AS mediane
FROM {{ ref("stg_usagers") }}
GROUP BY GROUPING SETS ((), (trimestre_id), (region_id))
HAVING mediane NOT BETWEEN 100 AND 20000
