-- The maturity and the rates of each year, from the lines: a mean of the quarters' rates would be another figure.
SELECT
    groupe.annee AS annee,
    nb_trimestres,
    nb_trimestres = 4 AS est_complete,
    taux.* EXCLUDE (groupe, motifs),
    replace(motifs, 'trimestre immature', 'année immature') AS motifs_vides
FROM taux({'annee': annee_de(trimestre_id)}, true) AS taux
JOIN (SELECT annee_de(trimestre_id) AS annee, count(*) AS nb_trimestres FROM mart_trimestre GROUP BY ALL) AS tailles
    ON tailles.annee = groupe.annee
ORDER BY annee
