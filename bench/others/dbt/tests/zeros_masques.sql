-- Lines of 0 dossiers with a mean price, which only a masked line can have.
SELECT *
FROM {{ ref("stg_usagers") }}
WHERE nb_dossiers = 0 AND prix_moyen IS NOT NULL
