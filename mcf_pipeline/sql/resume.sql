-- Every measure of the lines that meet `condition`, grouped by `cle`, with its bounds: `FROM resume(region_id, true)`,
-- or for several keys `SELECT unnest(groupe), * EXCLUDE (groupe) FROM resume({'region_id': region_id, 'annee':
-- annee_de(trimestre_id)}, true)`. Bounds are the true extremes when each masked line stands for 1 to
-- `dossiers_max_par_ligne_masquee()` dossiers.
CREATE OR REPLACE MACRO resume(cle, condition) AS TABLE
WITH lignes AS (
    SELECT
        cle AS groupe,
        est_masque,
        nb_dossiers,
        nb_titulaires,
        montant_engage,
        CAST(10000 * montant_engage AS HUGEINT) AS montant,
        coalesce(nb_dossiers, 1) AS dossiers_min,
        coalesce(nb_dossiers, dossiers_max_par_ligne_masquee()) AS dossiers_max,
        -- Euros and hours in ten-thousandths: whole numbers add up to the same in any order.
        CAST(10000 * coalesce(prix_moyen, montant_engage / nullif(nb_dossiers, 0)) AS HUGEINT) AS prix,
        CAST(10000 * duree_moyenne AS HUGEINT) AS duree,
        nb_dossiers_a_duree_connue AS connus,
        -- Of a line that gives a mean duration, one dossier at least has a known one.
        coalesce(nb_dossiers_a_duree_connue, least(1, nb_dossiers), 1) AS connus_min,
        coalesce(nb_dossiers_a_duree_connue, nb_dossiers, dossiers_max_par_ligne_masquee()) AS connus_max
    FROM fct_dossiers
    WHERE condition
),
sommes AS (
    SELECT
        groupe,
        count(*) AS nb_lignes,
        count(*) FILTER (WHERE est_masque) AS nb_lignes_masquees,
        sum(nb_dossiers) AS nb_dossiers,
        sum(dossiers_min) AS nb_dossiers_min,
        sum(dossiers_max) AS nb_dossiers_max,
        sum(nb_titulaires) AS nb_titulaires_max,
        count(*) - count(nb_titulaires) AS titulaires_masques,
        sum(montant_engage) AS montant_engage,
        -- A mean price is rounded to the cent, so each dossier's may be half a cent off.
        sum(coalesce(montant, greatest(prix - 50, 0) * dossiers_min, 0)) AS montant_min,
        CASE WHEN bool_and(montant IS NOT NULL OR prix IS NOT NULL)
            THEN sum(coalesce(montant, (prix + 50) * dossiers_max))
        END AS montant_max,
        sum(nb_dossiers) FILTER (WHERE prix IS NOT NULL) AS poids_prix,
        sum(prix * nb_dossiers) AS prix_total,
        sum(dossiers_min) FILTER (WHERE prix IS NOT NULL) AS poids_prix_min,
        sum(dossiers_max) FILTER (WHERE prix IS NOT NULL) AS poids_prix_max,
        sum(prix * dossiers_min) AS prix_min,
        sum(prix * dossiers_max) AS prix_max,
        sum(connus) FILTER (WHERE duree IS NOT NULL) AS poids_duree,
        sum(duree * connus) AS duree_total,
        sum(connus_min) FILTER (WHERE duree IS NOT NULL) AS poids_duree_min,
        sum(connus_max) FILTER (WHERE duree IS NOT NULL) AS poids_duree_max,
        sum(duree * connus_min) AS duree_min,
        sum(duree * connus_max) AS duree_max
    FROM lignes
    GROUP BY groupe
),
-- The lowest mean gives its most dossiers to the lines that are cheaper than it, and its fewest to all others; so it
-- is the lowest of those that raise the n lowest-priced lines, for some n. The highest raises all but those n.
prix_releves AS (
    SELECT
        groupe,
        sum(prix * (dossiers_max - dossiers_min)) OVER moins_chers AS total,
        sum(dossiers_max - dossiers_min) OVER moins_chers AS poids
    FROM lignes
    WHERE prix IS NOT NULL AND dossiers_max > dossiers_min
    WINDOW moins_chers AS (PARTITION BY groupe ORDER BY prix)
),
prix_extremes AS (
    SELECT
        groupe,
        min((prix_min + total) / (poids_prix_min + poids)) AS bas,
        max((prix_max - total) / (poids_prix_max - poids)) AS haut
    FROM prix_releves
    JOIN sommes USING (groupe)
    GROUP BY groupe
),
durees_relevees AS (
    SELECT
        groupe,
        sum(duree * (connus_max - connus_min)) OVER moins_longues AS total,
        sum(connus_max - connus_min) OVER moins_longues AS poids
    FROM lignes
    WHERE duree IS NOT NULL AND connus_max > connus_min
    WINDOW moins_longues AS (PARTITION BY groupe ORDER BY duree)
),
duree_extremes AS (
    SELECT
        groupe,
        min((duree_min + total) / (poids_duree_min + poids)) AS bas,
        max((duree_max - total) / (poids_duree_max - poids)) AS haut
    FROM durees_relevees
    JOIN sommes USING (groupe)
    GROUP BY groupe
),
moyennes AS (
    SELECT
        sommes.*,
        en_centimes(part(prix_total, poids_prix) / 10000) AS prix_brut,
        centimes_bas(least(part(prix_min, poids_prix_min), prix_extremes.bas) / 10000) AS prix_moyen_bas,
        centimes_haut(greatest(part(prix_max, poids_prix_max), prix_extremes.haut) / 10000) AS prix_moyen_haut,
        en_centimes(part(duree_total, poids_duree) / 10000) AS duree_brute,
        centimes_bas(least(part(duree_min, poids_duree_min), duree_extremes.bas) / 10000) AS duree_moyenne_bas,
        centimes_haut(greatest(part(duree_max, poids_duree_max), duree_extremes.haut) / 10000) AS duree_moyenne_haut
    FROM sommes
    LEFT JOIN prix_extremes USING (groupe)
    LEFT JOIN duree_extremes USING (groupe)
)
SELECT
    groupe,
    nb_lignes,
    nb_lignes_masquees,
    nb_dossiers,
    nb_dossiers_min,
    nb_dossiers_max,
    nb_titulaires_max,
    titulaires_masques AS nb_titulaires_lignes_masquees_min,
    4 * titulaires_masques AS nb_titulaires_lignes_masquees_max,
    coalesce(nb_titulaires_max, 0) + 4 * titulaires_masques AS nb_titulaires_toutes_lignes_max,
    montant_engage,
    CAST((montant_min // 100) / 100 AS DECIMAL(18, 2)) AS montant_engage_min,
    CAST(((montant_max + 99) // 100) / 100 AS DECIMAL(18, 2)) AS montant_engage_max,
    si_sure(prix_brut, prix_moyen_bas, prix_moyen_haut) AS prix_moyen,
    prix_moyen_bas,
    prix_moyen_haut,
    poids_prix AS nb_dossiers_a_prix_connu,
    coalesce(poids_prix_min, 0) AS nb_dossiers_a_prix_connu_min,
    coalesce(poids_prix_max, 0) AS nb_dossiers_a_prix_connu_max,
    prix_total / 10000 AS montant_a_prix_connu,
    si_sure(duree_brute, duree_moyenne_bas, duree_moyenne_haut) AS duree_moyenne,
    duree_moyenne_bas,
    duree_moyenne_haut,
    poids_duree AS nb_dossiers_a_duree_connue,
    coalesce(poids_duree_min, 0) AS nb_dossiers_a_duree_connue_min,
    coalesce(poids_duree_max, 0) AS nb_dossiers_a_duree_connue_max,
    duree_total / 10000 AS heures_a_duree_connue,
    nullif(concat_ws(
        ' ; ',
        motif('prix_moyen', prix_brut, prix_moyen_bas, prix_moyen_haut),
        motif('duree_moyenne', duree_brute, duree_moyenne_bas, duree_moyenne_haut)
    ), '') AS motifs
FROM moyennes
