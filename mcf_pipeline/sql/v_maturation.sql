-- What each release said of each quarter, by status and by the quarter's age; national, never line by line.
WITH etats AS (
    SELECT
        trimestre_id,
        valide_depuis,
        valide_jusqua,
        statut_id,
        count(*) AS nb_lignes,
        count(*) FILTER (WHERE est_masque) AS nb_lignes_masquees,
        sum(nb_dossiers) AS nb_dossiers,
        au_moins_un_par_ligne(nb_dossiers) AS nb_dossiers_min,
        au_plus_par_ligne(nb_dossiers) AS nb_dossiers_max
    FROM fct_dossiers_historique
    GROUP BY ALL
),
bornes AS (
    SELECT
        etats.*,
        dim_statut.libelle AS statut,
        dim_statut.ordre,
        part(nb_dossiers, sum(nb_dossiers) OVER etat) AS brute,
        part_bas(nb_dossiers_min, sum(nb_dossiers_max) OVER etat - nb_dossiers_max) AS part_dossiers_bas,
        part_haut(nb_dossiers_max, sum(nb_dossiers_min) OVER etat - nb_dossiers_min) AS part_dossiers_haut,
        -- A status that nobody knows may be either.
        part_bas(
            coalesce(sum(nb_dossiers_min) FILTER (WHERE est_clos) OVER etat, 0),
            coalesce(sum(nb_dossiers_max) FILTER (WHERE est_clos IS NOT TRUE) OVER etat, 0)
        ) AS maturite_bas,
        part_haut(
            coalesce(sum(nb_dossiers_max) FILTER (WHERE est_clos IS NOT FALSE) OVER etat, 0),
            coalesce(sum(nb_dossiers_min) FILTER (WHERE NOT est_clos) OVER etat, 0)
        ) AS maturite_haut
    FROM etats
    JOIN dim_statut USING (statut_id)
    WINDOW etat AS (PARTITION BY trimestre_id, valide_depuis)
)
SELECT
    bornes.* EXCLUDE (valide_depuis, valide_jusqua, brute, ordre),
    si_sure(brute, part_dossiers_bas, part_dossiers_haut) AS part_dossiers,
    publication.release_id,
    4 * (year(publication.date_release) - dim_trimestre.annee)
        + quarter(publication.date_release) - dim_trimestre.trimestre AS trimestres_ecoules
FROM bornes
JOIN dim_trimestre USING (trimestre_id)
JOIN dim_release AS debut ON debut.release_id = valide_depuis
LEFT JOIN dim_release AS fin ON fin.release_id = valide_jusqua
JOIN dim_release AS publication
    ON publication.rang >= debut.rang AND (fin.rang IS NULL OR publication.rang < fin.rang)
ORDER BY trimestre_id, publication.rang, bornes.ordre NULLS LAST, statut_id
