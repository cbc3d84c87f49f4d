-- What became of the dossiers of some quarters; the quarter's rates stand on each of its rows.
WITH trimestres AS (
    SELECT
        trimestre_id,
        sum(nb_dossiers) AS tous,
        sum(nb_dossiers) FILTER (WHERE famille IS NOT NULL) AS de_statut_connu,
        sum(nb_dossiers) FILTER (WHERE famille <> 'en_cours') AS clos,
        coalesce(sum(nb_dossiers) FILTER (WHERE famille = 'realise'), 0) AS realises,
        coalesce(sum(nb_dossiers) FILTER (WHERE famille IN ('partiel', 'non_realise')), 0) AS abandonnes
    FROM fct_dossiers
    LEFT JOIN dim_statut USING (statut_id)
    WHERE list_contains($trimestres, trimestre_id)
    GROUP BY trimestre_id
)
SELECT
    trimestre_id,
    statut_id,
    count(*) AS nb_lignes,
    count(*) FILTER (WHERE est_masque) AS nb_lignes_masquees,
    sum(nb_dossiers) AS nb_dossiers,
    au_moins_un_par_ligne(nb_dossiers) AS nb_dossiers_min,
    part(sum(nb_dossiers), any_value(tous)) AS part_dossiers,
    part(any_value(realises), any_value(clos)) AS taux_realisation,
    part(any_value(abandonnes), any_value(clos)) AS taux_abandon,
    part(coalesce(any_value(clos), 0), any_value(de_statut_connu)) AS maturite,
    any_value(release_id) AS release_id
FROM fct_dossiers
JOIN trimestres USING (trimestre_id)
WHERE list_contains($trimestres, trimestre_id)
GROUP BY trimestre_id, statut_id
