-- The maturity and the rates of each year in each region, from the lines: a mean of the quarters' rates would be another figure.
SELECT
    groupe.annee AS annee,
    groupe.region_id AS region_id,
    dim_region.libelle AS region,
    nb_trimestres,
    nb_trimestres = 4 AS est_complete,
    taux.* EXCLUDE (groupe, motifs),
    replace(motifs, 'trimestre immature', 'année immature') AS motifs_vides
FROM taux({'annee': annee_de(trimestre_id), 'region_id': region_id}, true) AS taux
JOIN (SELECT annee_de(trimestre_id) AS annee, count(*) AS nb_trimestres FROM mart_trimestre GROUP BY ALL) AS tailles
    ON tailles.annee = groupe.annee
JOIN dim_region ON dim_region.region_id = groupe.region_id
ORDER BY annee, dim_region.ordre NULLS LAST, region_id
