-- The lines of the current state; {cle} is a number that says quarter, region, gender, age, situation and status.
SELECT
    ({cle})::BIGINT AS cle,
    est_masque,
    nb_dossiers,
    nb_titulaires,
    (montant_engage * 100)::BIGINT AS montant,
    (prix_moyen * 10000)::BIGINT AS prix,
    (duree_moyenne * 10000)::BIGINT AS duree,
    nb_dossiers_a_duree_connue AS duree_connue
FROM fct_dossiers AS fait
{jointures}
