-- Figures of some quarters in each region, and the region's share of the country.
WITH mesures AS (
    SELECT unnest(groupe), * EXCLUDE (groupe)
    FROM resume(
        {'trimestre_id': trimestre_id, 'region_id': region_id, 'release_id_debut_etat': release_id},
        list_contains($trimestres, trimestre_id)
    )
),
rythme AS (
    SELECT unnest(groupe), * EXCLUDE (groupe)
    FROM taux({'trimestre_id': trimestre_id, 'region_id': region_id}, list_contains($trimestres, trimestre_id))
),
parts AS (
    SELECT
        mesures.*,
        part(nb_dossiers, sum(nb_dossiers) OVER trimestre) AS dossiers,
        part_bas(nb_dossiers_min, sum(nb_dossiers_max) OVER trimestre - nb_dossiers_max) AS dossiers_bas,
        part_haut(nb_dossiers_max, sum(nb_dossiers_min) OVER trimestre - nb_dossiers_min) AS dossiers_haut,
        part(montant_engage, sum(montant_engage) OVER trimestre) AS montant,
        -- Without the most that each region's amount can be, there is no bound.
        CASE WHEN bool_and(montant_engage_max IS NOT NULL) OVER trimestre
            THEN part_bas(montant_engage_min, sum(montant_engage_max) OVER trimestre - montant_engage_max)
        END AS montant_bas,
        part_haut(montant_engage_max, sum(montant_engage_min) OVER trimestre - montant_engage_min) AS montant_haut
    FROM mesures
    WINDOW trimestre AS (PARTITION BY trimestre_id)
)
SELECT
    parts.* EXCLUDE (motifs, dossiers, dossiers_bas, dossiers_haut, montant, montant_bas, montant_haut),
    si_sure(dossiers, dossiers_bas, dossiers_haut) AS part_dossiers,
    dossiers_bas AS part_dossiers_bas,
    dossiers_haut AS part_dossiers_haut,
    si_sure(montant, montant_bas, montant_haut) AS part_montant,
    montant_bas AS part_montant_bas,
    montant_haut AS part_montant_haut,
    rythme.* EXCLUDE (trimestre_id, region_id, motifs),
    nullif(concat_ws(
        ' ; ',
        parts.motifs,
        motif('part_dossiers', dossiers, dossiers_bas, dossiers_haut),
        motif('part_montant', montant, montant_bas, montant_haut),
        rythme.motifs
    ), '') AS motifs_vides
FROM parts
JOIN rythme USING (trimestre_id, region_id)
