-- Aggregates that several marts share. A masked value is NULL, so no sum and no mean ever counts it.

-- Mean of `valeur` weighted by `poids`, over the lines that give both; NULL where there is none.
CREATE OR REPLACE MACRO moyenne_ponderee(valeur, poids) AS
    sum(valeur * poids) / nullif(sum(poids) FILTER (WHERE valeur IS NOT NULL), 0);

-- `partie` / `total`, NULL where there is nothing to share.
CREATE OR REPLACE MACRO part(partie, total) AS
    partie / nullif(total, 0);

-- Lines of the group whose `mesure` is masked.
CREATE OR REPLACE MACRO nb_masques(mesure) AS
    count(*) - count(mesure);

-- The hypothesis behind every bound: a masked line stands for 1 to this many dossiers.
CREATE OR REPLACE MACRO dossiers_max_par_ligne_masquee() AS 5;

-- Sum of `mesure`, a number of dossiers, with one for each masked line, the least that a line can have.
CREATE OR REPLACE MACRO au_moins_un_par_ligne(mesure) AS
    coalesce(sum(mesure), 0) + count(*) - count(mesure);

-- The same with the most that a masked line stands for, by the hypothesis.
CREATE OR REPLACE MACRO au_plus_par_ligne(mesure) AS
    coalesce(sum(mesure), 0) + dossiers_max_par_ligne_masquee() * (count(*) - count(mesure));

-- Bounds of a share, of what is in the part and of what is in the rest: the part's masked lines are the whole's too,
-- so a masked line moves both terms or the lower one alone, and each extreme takes the part and the rest apart.
CREATE OR REPLACE MACRO part_bas(partie_min, reste_max) AS
    part(partie_min, partie_min + reste_max);

CREATE OR REPLACE MACRO part_haut(partie_max, reste_min) AS
    part(partie_max, partie_max + reste_min);

-- Bounds are narrow where they lie at most this part of the upper one apart.
CREATE OR REPLACE MACRO ecart_max_des_bornes() AS 0.05;

CREATE OR REPLACE MACRO bornes_etroites(bas, haut) AS
    haut - bas <= ecart_max_des_bornes() * haut;

-- `valeur` where it can be quoted: within its own bounds, which are narrow; else NULL.
CREATE OR REPLACE MACRO si_sure(valeur, bas, haut) AS
    CASE WHEN valeur BETWEEN bas AND haut AND bornes_etroites(bas, haut) THEN valeur END;

-- Why `si_sure` gives none, in clear; NULL where it gives one.
CREATE OR REPLACE MACRO motif(nom, valeur, bas, haut) AS
    CASE
        WHEN valeur IS NULL THEN nom || ' : rien qui ne soit masqué'
        WHEN bas IS NULL OR haut IS NULL THEN nom || ' : sans bornes'
        WHEN NOT valeur BETWEEN bas AND haut THEN nom || ' : hors de ses bornes'
        WHEN NOT bornes_etroites(bas, haut) THEN nom || ' : bornes trop larges'
    END;

-- An evolution is a ratio less one, and is quoted by the same rule as that ratio.
CREATE OR REPLACE MACRO evolution(apres, avant) AS
    part(apres - avant, avant);

CREATE OR REPLACE MACRO evolution_sure(apres, avant, bas, haut) AS
    CASE WHEN si_sure(part(apres, avant), bas + 1, haut + 1) IS NOT NULL THEN evolution(apres, avant) END;

-- Bounds in cents, outwards; what is beyond the sixth digit is the rounding of a division.
CREATE OR REPLACE MACRO centimes_bas(valeur) AS
    CAST(floor(round(100 * valeur, 4)) / 100 AS DECIMAL(18, 2));

CREATE OR REPLACE MACRO centimes_haut(valeur) AS
    CAST(ceil(round(100 * valeur, 4)) / 100 AS DECIMAL(18, 2));

-- A mean in cents, as it is published: only so does it compare with its bounds, since a division of 1726.32 by 3 in
-- floating point lies a hair beside 575.44.
CREATE OR REPLACE MACRO en_centimes(valeur) AS
    CAST(round(valeur, 2) AS DECIMAL(18, 2));

-- Bounds of a mean over several groups, of each group's bounds and of the least and most that the group weighs. They
-- hold the mean, and may lie a little further apart than the lines allow (`resume` gives these).
CREATE OR REPLACE MACRO moyenne_bas(bas, poids_min, poids_max) AS
    least(
        sum(bas * poids_min) / nullif(sum(poids_min), 0),
        (sum(bas * poids_min) + sum(poids_max - poids_min) * min(bas) FILTER (WHERE poids_max > poids_min))
            / nullif(sum(poids_max), 0)
    );

CREATE OR REPLACE MACRO moyenne_haut(haut, poids_min, poids_max) AS
    greatest(
        sum(haut * poids_min) / nullif(sum(poids_min), 0),
        (sum(haut * poids_min) + sum(poids_max - poids_min) * max(haut) FILTER (WHERE poids_max > poids_min))
            / nullif(sum(poids_max), 0)
    );

-- A rate of completion or abandonment is quoted from this maturity on, taken at its lower bound.
CREATE OR REPLACE MACRO maturite_min() AS 0.9;

-- A share is quoted where at most this part of the dossiers has a modality that nobody knows.
CREATE OR REPLACE MACRO part_inconnue_max() AS 0.01;

-- Year of a quarter.
CREATE OR REPLACE MACRO annee_de(trimestre_id) AS
    CAST(left(trimestre_id, 4) AS INTEGER);

-- A change of a measure between two releases, taken apart. Of each line: the measure before and after, NULL where it is
-- masked, and whether the line is there. The parts add up to `ecart`.
CREATE OR REPLACE MACRO ecart_decompose(mesure_avant, mesure_apres, avant, apres) AS {
    'ecart': coalesce(sum(mesure_apres), 0) - coalesce(sum(mesure_avant), 0),
    'visibles': coalesce(sum(mesure_apres - mesure_avant), 0),
    'demasques': coalesce(sum(mesure_apres) FILTER (WHERE avant AND mesure_avant IS NULL), 0),
    'masques': -coalesce(sum(mesure_avant) FILTER (WHERE apres AND mesure_apres IS NULL), 0),
    'apparus': coalesce(sum(mesure_apres) FILTER (WHERE NOT avant), 0),
    'disparus': -coalesce(sum(mesure_avant) FILTER (WHERE NOT apres), 0)
};
