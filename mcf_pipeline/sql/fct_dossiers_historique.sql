-- Every state of every line: the current ones, and those that a later release has replaced.
SELECT *, release_id AS valide_depuis, NULL AS valide_jusqua FROM fct_dossiers
UNION ALL BY NAME
SELECT * FROM fct_dossiers_etats_passes
