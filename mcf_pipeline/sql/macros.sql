-- Aggregates that several marts share. A masked value is NULL, so no sum and no mean ever counts it.

-- Mean of `valeur` weighted by `poids`, over the lines that give both; NULL where there is none.
CREATE OR REPLACE MACRO moyenne_ponderee(valeur, poids) AS
    sum(valeur * poids) / nullif(sum(poids) FILTER (WHERE valeur IS NOT NULL), 0);

-- `partie` / `total`, NULL where there is nothing to share.
CREATE OR REPLACE MACRO part(partie, total) AS
    partie / nullif(total, 0);
