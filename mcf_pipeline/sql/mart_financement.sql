-- What each financer brings in some quarters.
SELECT
    trimestre_id,
    financeur_id,
    count(*) AS nb_lignes,
    count(*) FILTER (WHERE est_masque) AS nb_lignes_masquees,
    sum(montant) AS montant,
    part(sum(montant), sum(sum(montant)) OVER (PARTITION BY trimestre_id)) AS part_montant,
    sum(nb_dossiers_finances) AS nb_dossiers_finances,
    part(
        sum(montant) FILTER (WHERE nb_dossiers_finances IS NOT NULL),
        sum(nb_dossiers_finances) FILTER (WHERE montant IS NOT NULL)
    ) AS montant_moyen_par_dossier,
    any_value(release_id) AS release_id
FROM fct_financements
WHERE list_contains($trimestres, trimestre_id)
GROUP BY trimestre_id, financeur_id
