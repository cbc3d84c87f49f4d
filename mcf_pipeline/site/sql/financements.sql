-- What each financer paid of each line, where it is neither masked nor zero; {cle} as in cube.sql.
SELECT ({cle})::BIGINT AS cle, rang_financeur.rang AS financeur, (montant * 100)::BIGINT AS montant, nb_dossiers_finances
FROM (SELECT * FROM fct_financements WHERE montant <> 0 OR nb_dossiers_finances <> 0) AS fait
JOIN rang_financeur ON rang_financeur.id = fait.financeur_id
{jointures}
