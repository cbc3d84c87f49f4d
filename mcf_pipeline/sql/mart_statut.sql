-- What became of the dossiers of some quarters; the quarter's rates stand on each of its rows.
WITH mesures AS (
    SELECT unnest(groupe), * EXCLUDE (groupe)
    FROM resume(
        {'trimestre_id': trimestre_id, 'statut_id': statut_id, 'release_id_debut_etat': release_id},
        list_contains($trimestres, trimestre_id)
    )
),
rythme AS (
    SELECT groupe AS trimestre_id, * EXCLUDE (groupe)
    FROM taux(trimestre_id, list_contains($trimestres, trimestre_id))
),
parts AS (
    SELECT
        mesures.*,
        part(nb_dossiers, sum(nb_dossiers) OVER trimestre) AS dossiers,
        part_bas(nb_dossiers_min, sum(nb_dossiers_max) OVER trimestre - nb_dossiers_max) AS dossiers_bas,
        part_haut(nb_dossiers_max, sum(nb_dossiers_min) OVER trimestre - nb_dossiers_min) AS dossiers_haut
    FROM mesures
    WINDOW trimestre AS (PARTITION BY trimestre_id)
)
SELECT
    parts.* EXCLUDE (motifs, dossiers, dossiers_bas, dossiers_haut),
    si_sure(dossiers, dossiers_bas, dossiers_haut) AS part_dossiers,
    dossiers_bas AS part_dossiers_bas,
    dossiers_haut AS part_dossiers_haut,
    rythme.* EXCLUDE (trimestre_id, motifs),
    nullif(concat_ws(
        ' ; ',
        parts.motifs,
        motif('part_dossiers', dossiers, dossiers_bas, dossiers_haut),
        rythme.motifs
    ), '') AS motifs_vides
FROM parts
JOIN rythme USING (trimestre_id)
