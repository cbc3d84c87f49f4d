-- Several lines summed into one where a dimension is given up; the masked ones stay apart by
-- what is masked of them, and are counted.
SELECT
    cle,
    count(*) AS lignes,
    bool_or(est_masque)::BIGINT AS masque,
    sum(nb_dossiers)::BIGINT AS nb_dossiers,
    sum(nb_titulaires)::BIGINT AS nb_titulaires,
    sum(montant)::BIGINT AS montant,
    round(sum(prix::DOUBLE * coalesce(nb_dossiers, 1)) / sum(coalesce(nb_dossiers, 1)) FILTER (WHERE prix IS NOT NULL))::BIGINT
        AS prix,
    round(
        sum(duree::DOUBLE * coalesce(duree_connue, 1)) / sum(coalesce(duree_connue, 1)) FILTER (WHERE duree IS NOT NULL)
    )::BIGINT AS duree,
    sum(duree_connue)::BIGINT AS duree_connue
FROM ({lignes})
GROUP BY cle, nb_dossiers IS NULL, nb_titulaires IS NULL, montant IS NULL
ORDER BY cle, nb_dossiers IS NULL, nb_titulaires IS NULL, montant IS NULL
