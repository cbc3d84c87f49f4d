-- What each financer brings to the lines that meet `condition`, grouped by `cle`, with its bounds. What a masked line
-- hides goes to one financer or to another: each has all of it at most, and nothing at least.
CREATE OR REPLACE MACRO financement(cle, condition) AS TABLE
WITH visibles AS (
    SELECT
        cle AS groupe,
        financeur_id,
        count(*) AS nb_lignes,
        count(*) FILTER (WHERE est_masque) AS nb_lignes_masquees,
        count(*) FILTER (WHERE est_masque AND montant IS NULL) AS montants_caches,
        count(*) FILTER (WHERE est_masque AND nb_dossiers_finances IS NULL) AS dossiers_caches,
        sum(montant) AS montant,
        sum(nb_dossiers_finances) AS dossiers,
        sum(montant) FILTER (WHERE nb_dossiers_finances IS NOT NULL) AS montant_compte,
        sum(nb_dossiers_finances) FILTER (WHERE montant IS NOT NULL) AS dossiers_comptes
    FROM fct_financements
    WHERE condition
    GROUP BY ALL
),
-- The most that the masked lines can hold, in ten-thousandths of a euro.
masquees AS (
    SELECT
        cle AS groupe,
        sum(dossiers_max) AS dossiers_max,
        CASE WHEN bool_and(montant_max IS NOT NULL) THEN sum(montant_max) END AS montant_max
    FROM (
        SELECT
            *,
            coalesce(nb_dossiers, dossiers_max_par_ligne_masquee()) AS dossiers_max,
            CAST(10000 * coalesce(montant_engage, (prix_moyen + 0.005) * dossiers_max) AS HUGEINT) AS montant_max
        FROM fct_dossiers
        WHERE est_masque
    )
    WHERE condition
    GROUP BY ALL
),
-- Lines that are given and leave a part blank. Where the other parts make up the amount (to the hundredth that rounding
-- may take), a blank part is none, and holds what is left at most; else it is hidden, and can be all of it. Line by line,
-- so that a financer hidden in some quarters is no financer without a column there.
incompletes AS (
    SELECT
        *,
        donne < 0.99 * montant_engage AS est_cachee,
        CAST(
            10000 * CASE WHEN est_cachee THEN montant_engage ELSE greatest(montant_engage - donne, 0) END AS HUGEINT
        ) AS reste
    FROM (
        SELECT
            trimestre_id,
            region_id,
            genre_id,
            classe_age_id,
            situation_id,
            statut_id,
            release_id,
            coalesce(sum(montant), 0) AS donne
        FROM fct_financements
        SEMI JOIN (
            SELECT trimestre_id, region_id, genre_id, classe_age_id, situation_id, statut_id
            FROM fct_financements
            WHERE NOT est_masque AND montant IS NULL
        ) AS vides USING (trimestre_id, region_id, genre_id, classe_age_id, situation_id, statut_id)
        GROUP BY ALL
    )
    JOIN (
        SELECT trimestre_id, region_id, genre_id, classe_age_id, situation_id, statut_id, montant_engage
        FROM fct_dossiers
    ) USING (trimestre_id, region_id, genre_id, classe_age_id, situation_id, statut_id)
    WHERE condition
),
-- What each financer's blank parts can hold, and its blank numbers of dossiers.
en_partie AS (
    SELECT
        cle AS groupe,
        financeur_id,
        coalesce(sum(nb_dossiers) FILTER (WHERE nb_dossiers_finances IS NULL), 0) AS dossiers_max,
        coalesce(sum(reste) FILTER (WHERE montant IS NULL), 0) AS montant_max,
        coalesce(bool_or(est_cachee) FILTER (WHERE montant IS NULL), false) AS est_cache
    FROM (SELECT * FROM fct_financements WHERE NOT est_masque AND (montant IS NULL OR nb_dossiers_finances IS NULL))
    JOIN (
        SELECT trimestre_id, region_id, genre_id, classe_age_id, situation_id, statut_id, nb_dossiers
        FROM fct_dossiers
    ) USING (trimestre_id, region_id, genre_id, classe_age_id, situation_id, statut_id)
    LEFT JOIN (
        SELECT trimestre_id, region_id, genre_id, classe_age_id, situation_id, statut_id, reste, est_cachee
        FROM incompletes
    ) USING (trimestre_id, region_id, genre_id, classe_age_id, situation_id, statut_id)
    WHERE condition
    GROUP BY ALL
),
-- The same of all financers together: two of them can hide on two lines.
restes AS (
    SELECT cle AS groupe, sum(reste) AS reste
    FROM incompletes
    GROUP BY ALL
),
caches AS (
    SELECT
        visibles.*,
        -- A financer that has no column has no part, hidden or not.
        montant IS NULL AND montants_caches < nb_lignes AND NOT coalesce(en_partie.est_cache, false) AS est_sans_part,
        CASE WHEN montants_caches > 0 THEN masquees.montant_max ELSE 0 END AS masque_max,
        CASE WHEN NOT est_sans_part THEN masque_max + coalesce(en_partie.montant_max, 0) END / 10000 AS cache_max,
        CASE
            WHEN dossiers IS NULL AND dossiers_caches < nb_lignes THEN NULL
            ELSE CASE WHEN dossiers_caches > 0 THEN masquees.dossiers_max ELSE 0 END
                + coalesce(en_partie.dossiers_max, 0)
        END AS dossiers_caches_max,
        coalesce(restes.reste, 0) AS reste
    FROM visibles
    LEFT JOIN masquees USING (groupe)
    LEFT JOIN en_partie USING (groupe, financeur_id)
    LEFT JOIN restes USING (groupe)
),
-- The highest mean: each hidden line adds all it can hold for one dossier, or nothing; so it is the mean with the n
-- that can hold most, for some n. The masked lines are the same for each financer, and put in order once.
plafonds AS (
    SELECT
        cle AS groupe,
        CAST(
            10000 * coalesce(
                montant_engage,
                (prix_moyen + 0.005) * coalesce(nb_dossiers, dossiers_max_par_ligne_masquee())
            ) AS HUGEINT
        ) AS plafond
    FROM fct_dossiers
    WHERE condition AND est_masque
),
rangs AS (
    SELECT groupe, count(*) OVER decroissant AS n, sum(plafond) OVER decroissant AS total
    FROM plafonds
    WINDOW decroissant AS (PARTITION BY groupe ORDER BY plafond DESC)
),
-- Unless masked lines give a part, or others hide one: those lines, of the financers that have any.
ecarts AS (
    SELECT groupe, financeur_id
    FROM (
        SELECT
            cle AS groupe,
            financeur_id,
            count(*) FILTER (WHERE montant IS NULL AND nb_dossiers_finances IS NULL AND est_masque) AS entieres,
            count(*) FILTER (WHERE montant IS NULL OR nb_dossiers_finances IS NULL) AS incompletes,
            count(*) FILTER (WHERE est_masque) AS masquees
        FROM fct_financements
        WHERE condition
        GROUP BY ALL
    )
    JOIN visibles USING (groupe, financeur_id)
    WHERE dossiers_comptes IS NOT NULL AND NOT (entieres = incompletes AND entieres = masquees)
),
lignes_a_part AS (
    SELECT
        groupe,
        financeur_id,
        montant,
        dossiers,
        CASE WHEN est_masque
            THEN CAST(
                10000 * coalesce(
                    montant_engage,
                    (prix_moyen + 0.005) * coalesce(nb_dossiers, dossiers_max_par_ligne_masquee())
                ) AS HUGEINT
            )
            ELSE reste
        END AS plafond
    FROM (
        SELECT
            cle AS groupe,
            financeur_id,
            montant,
            nb_dossiers_finances AS dossiers,
            trimestre_id,
            region_id,
            genre_id,
            classe_age_id,
            situation_id,
            statut_id
        FROM fct_financements
        WHERE condition AND (montant IS NULL OR nb_dossiers_finances IS NULL)
    )
    JOIN ecarts USING (groupe, financeur_id)
    JOIN (
        SELECT
            trimestre_id,
            region_id,
            genre_id,
            classe_age_id,
            situation_id,
            statut_id,
            est_masque,
            nb_dossiers,
            montant_engage,
            prix_moyen
        FROM fct_dossiers
    ) USING (trimestre_id, region_id, genre_id, classe_age_id, situation_id, statut_id)
    LEFT JOIN (
        SELECT trimestre_id, region_id, genre_id, classe_age_id, situation_id, statut_id, reste
        FROM incompletes
    ) USING (trimestre_id, region_id, genre_id, classe_age_id, situation_id, statut_id)
),
-- A line that gives one of the two adds it whatever the mean is, with the most or the fewest of the other.
ajouts AS (
    SELECT
        groupe,
        financeur_id,
        coalesce(sum(CAST(10000 * montant AS HUGEINT)), 0)
            + coalesce(sum(plafond) FILTER (WHERE montant IS NULL AND dossiers > 0), 0) AS montant_ajoute,
        coalesce(sum(dossiers), 0) + count(*) FILTER (WHERE montant > 0) AS dossiers_ajoutes,
        bool_or(montant IS NULL AND plafond IS NULL AND dossiers IS DISTINCT FROM 0) AS sans_plafond
    FROM lignes_a_part
    GROUP BY ALL
),
rangs_a_part AS (
    SELECT groupe, financeur_id, count(*) OVER decroissant AS n, sum(plafond) OVER decroissant AS total
    FROM lignes_a_part
    WHERE montant IS NULL AND dossiers IS NULL
    WINDOW decroissant AS (PARTITION BY groupe, financeur_id ORDER BY plafond DESC)
),
moyens_hauts AS (
    SELECT groupe, financeur_id, max((10000 * montant_compte + total) / (dossiers_comptes + n)) AS le_plus_haut
    FROM rangs
    JOIN visibles USING (groupe)
    ANTI JOIN ecarts USING (groupe, financeur_id)
    GROUP BY ALL
    UNION ALL
    SELECT
        groupe,
        financeur_id,
        max((10000 * montant_compte + montant_ajoute + total) / (dossiers_comptes + dossiers_ajoutes + n))
    FROM rangs_a_part
    JOIN visibles USING (groupe, financeur_id)
    JOIN ajouts USING (groupe, financeur_id)
    GROUP BY ALL
),
totaux AS (
    SELECT
        *,
        sum(montant) OVER ensemble AS total,
        (coalesce(max(masque_max) FILTER (WHERE NOT est_sans_part) OVER ensemble, 0) + reste) / 10000
            AS total_cache_max,
        bool_and(cache_max IS NOT NULL OR est_sans_part) OVER ensemble AS est_borne
    FROM caches
    WINDOW ensemble AS (PARTITION BY groupe)
),
bornes AS (
    SELECT
        *,
        part(montant, total) AS part_brute,
        CASE WHEN est_borne THEN part(coalesce(montant, 0), total + total_cache_max) END AS part_bas,
        CASE WHEN est_borne THEN part(coalesce(montant, 0) + cache_max, total + cache_max) END AS part_haut,
        en_centimes(part(montant_compte, dossiers_comptes)) AS moyen_brut,
        -- Dossiers whose amount is blank are counted with those that are hidden.
        centimes_bas(part(montant_compte, dossiers + dossiers_caches_max)) AS moyen_bas,
        CASE WHEN cache_max IS NOT NULL AND sans_plafond IS NOT TRUE THEN centimes_haut(greatest(
            part(
                10000 * montant_compte + coalesce(montant_ajoute, 0),
                dossiers_comptes + coalesce(dossiers_ajoutes, 0)
            ),
            le_plus_haut
        ) / 10000) END AS moyen_haut
    FROM totaux
    LEFT JOIN ajouts USING (groupe, financeur_id)
    LEFT JOIN moyens_hauts USING (groupe, financeur_id)
)
SELECT
    groupe,
    financeur_id,
    nb_lignes,
    nb_lignes_masquees,
    montant,
    CASE WHEN cache_max IS NOT NULL THEN coalesce(montant, 0) END AS montant_min,
    centimes_haut(coalesce(montant, 0) + cache_max) AS montant_max,
    si_sure(part_brute, part_bas, part_haut) AS part_montant,
    CASE WHEN cache_max IS NOT NULL THEN part_bas END AS part_montant_bas,
    part_haut AS part_montant_haut,
    dossiers AS nb_dossiers_finances,
    CASE WHEN dossiers_caches_max IS NOT NULL THEN coalesce(dossiers, 0) END AS nb_dossiers_finances_min,
    coalesce(dossiers, 0) + dossiers_caches_max AS nb_dossiers_finances_max,
    si_sure(moyen_brut, moyen_bas, moyen_haut) AS montant_moyen_par_dossier,
    moyen_bas AS montant_moyen_par_dossier_bas,
    moyen_haut AS montant_moyen_par_dossier_haut,
    montant_compte AS montant_a_dossiers_connus,
    dossiers_comptes AS nb_dossiers_finances_a_montant_connu,
    nullif(concat_ws(
        ' ; ',
        CASE WHEN cache_max IS NOT NULL THEN motif('part_montant', part_brute, part_bas, part_haut) END,
        CASE WHEN dossiers_caches_max IS NOT NULL AND cache_max IS NOT NULL
            THEN motif('montant_moyen_par_dossier', moyen_brut, moyen_bas, moyen_haut)
        END
    ), '') AS motifs_vides
FROM bornes
