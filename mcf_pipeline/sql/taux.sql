-- Maturity and rates of completion and abandonment of the lines that meet `condition`, grouped by `cle`, with their
-- bounds. A line whose status nobody knows may be anything: the bounds take it for either, and above
-- `part_inconnue_max()` nothing is quoted.
CREATE OR REPLACE MACRO taux(cle, condition) AS TABLE
WITH lignes AS (
    SELECT
        cle AS groupe,
        nb_dossiers,
        coalesce(nb_dossiers, 1) AS dossiers_min,
        coalesce(nb_dossiers, dossiers_max_par_ligne_masquee()) AS dossiers_max,
        est_clos,
        est_abandon,
        famille = 'realise' AS est_realise
    FROM fct_dossiers
    LEFT JOIN dim_statut USING (statut_id)
    WHERE condition
),
sommes AS (
    SELECT
        groupe,
        coalesce(sum(nb_dossiers) FILTER (WHERE est_clos), 0) AS clos,
        coalesce(sum(dossiers_min) FILTER (WHERE est_clos), 0) AS clos_min,
        coalesce(sum(dossiers_max) FILTER (WHERE est_clos), 0) AS clos_max,
        coalesce(sum(nb_dossiers) FILTER (WHERE NOT est_clos), 0) AS ouverts,
        coalesce(sum(dossiers_min) FILTER (WHERE NOT est_clos), 0) AS ouverts_min,
        coalesce(sum(dossiers_max) FILTER (WHERE NOT est_clos), 0) AS ouverts_max,
        coalesce(sum(nb_dossiers) FILTER (WHERE est_realise), 0) AS realises,
        coalesce(sum(dossiers_min) FILTER (WHERE est_realise), 0) AS realises_min,
        coalesce(sum(dossiers_max) FILTER (WHERE est_realise), 0) AS realises_max,
        coalesce(sum(nb_dossiers) FILTER (WHERE est_abandon), 0) AS abandons,
        coalesce(sum(dossiers_min) FILTER (WHERE est_abandon), 0) AS abandons_min,
        coalesce(sum(dossiers_max) FILTER (WHERE est_abandon), 0) AS abandons_max,
        coalesce(sum(dossiers_max) FILTER (WHERE est_clos IS NULL), 0) AS inconnus_max,
        sum(dossiers_min) AS tous_min
    FROM lignes
    GROUP BY groupe
),
bornes AS (
    SELECT
        groupe,
        part(clos, clos + ouverts) AS maturite_brute,
        part_bas(clos_min, ouverts_max + inconnus_max) AS maturite_bas,
        part_haut(clos_max + inconnus_max, ouverts_min) AS maturite_haut,
        part(realises, clos) AS realisation_brute,
        part_bas(realises_min, clos_max - realises_max + inconnus_max) AS realisation_bas,
        part_haut(realises_max + inconnus_max, clos_min - realises_min) AS realisation_haut,
        part(abandons, clos) AS abandon_brut,
        part_bas(abandons_min, clos_max - abandons_max + inconnus_max) AS abandon_bas,
        part_haut(abandons_max + inconnus_max, clos_min - abandons_min) AS abandon_haut,
        inconnus_max > part_inconnue_max() * tous_min AS trop_d_inconnus
    FROM sommes
),
juges AS (
    SELECT *, coalesce(maturite_bas >= maturite_min(), false) AS est_mur FROM bornes
)
SELECT
    groupe,
    CASE WHEN NOT trop_d_inconnus THEN si_sure(maturite_brute, maturite_bas, maturite_haut) END AS maturite,
    maturite_bas,
    maturite_haut,
    CASE WHEN est_mur AND NOT trop_d_inconnus THEN si_sure(realisation_brute, realisation_bas, realisation_haut) END
        AS taux_realisation,
    CASE WHEN est_mur THEN realisation_bas END AS taux_realisation_bas,
    CASE WHEN est_mur THEN realisation_haut END AS taux_realisation_haut,
    CASE WHEN est_mur AND NOT trop_d_inconnus THEN si_sure(abandon_brut, abandon_bas, abandon_haut) END
        AS taux_abandon,
    CASE WHEN est_mur THEN abandon_bas END AS taux_abandon_bas,
    CASE WHEN est_mur THEN abandon_haut END AS taux_abandon_haut,
    CASE
        WHEN trop_d_inconnus THEN 'maturite, taux_realisation, taux_abandon : trop de statuts inconnus'
        ELSE nullif(concat_ws(
            ' ; ',
            motif('maturite', maturite_brute, maturite_bas, maturite_haut),
            CASE WHEN NOT est_mur THEN 'taux_realisation, taux_abandon : trimestre immature' END,
            CASE WHEN est_mur THEN motif('taux_realisation', realisation_brute, realisation_bas, realisation_haut) END,
            CASE WHEN est_mur THEN motif('taux_abandon', abandon_brut, abandon_bas, abandon_haut) END
        ), '')
    END AS motifs
FROM juges
