-- Mean price times dossiers differs from the amount in nearly all lines of the release, of a quarter or of a region.
WITH lignes AS (
    SELECT
        trimestre_id,
        region_id,
        abs(prix_moyen * nb_dossiers - montant_engage) > 0.05 * montant_engage AS est_fausse
    FROM {{ ref("stg_usagers") }}
    WHERE prix_moyen IS NOT NULL AND nb_dossiers IS NOT NULL AND montant_engage IS NOT NULL
)
SELECT trimestre_id, region_id, count(*) AS lignes, count(*) FILTER (WHERE est_fausse) AS fausses
FROM lignes
GROUP BY GROUPING SETS ((), (trimestre_id), (region_id))
HAVING lignes >= CASE WHEN trimestre_id IS NULL AND region_id IS NULL THEN 150 ELSE 50 END
    AND fausses > 0.9 * lignes
