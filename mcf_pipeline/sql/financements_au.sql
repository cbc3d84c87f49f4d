-- The state of every financer's part as of one release; an unknown release is an error, never an empty answer.
CREATE OR REPLACE MACRO financements_au(publication) AS TABLE
    SELECT historique.* EXCLUDE (valide_depuis, valide_jusqua)
    FROM fct_financements_historique AS historique
    JOIN dim_release AS debut ON debut.release_id = historique.valide_depuis
    LEFT JOIN dim_release AS fin ON fin.release_id = historique.valide_jusqua
    WHERE debut.rang <= rang_de(publication)
        AND (fin.rang IS NULL OR fin.rang > rang_de(publication))
