{{ config(materialized="view") }}
-- dbt keeps no past state here: there is the current one alone.
SELECT *, release_id AS valide_depuis, CAST(NULL AS VARCHAR) AS valide_jusqua
FROM {{ ref("fct_financements") }}
