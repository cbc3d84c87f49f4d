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

-- Sum of `mesure` with one for each masked line, the least that a line can have: a lower bound.
CREATE OR REPLACE MACRO au_moins_un_par_ligne(mesure) AS
    coalesce(sum(mesure), 0) + count(*) - count(mesure);
