SELECT
    trimestre_id,
    annee,
    trimestre,
    make_date(annee, 3 * trimestre - 2, 1) AS date_debut,
    CAST(make_date(annee, 3 * trimestre - 2, 1) + INTERVAL 3 MONTH - INTERVAL 1 DAY AS DATE) AS date_fin,
    trimestre || CASE trimestre WHEN 1 THEN 'er' ELSE 'e' END || ' trimestre ' || annee AS libelle
FROM (
    SELECT DISTINCT
        trimestre_id,
        CAST(left(trimestre_id, 4) AS INTEGER) AS annee,
        CAST(right(trimestre_id, 1) AS INTEGER) AS trimestre
    FROM {{ ref("stg_usagers") }}
)
