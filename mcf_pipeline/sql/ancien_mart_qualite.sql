-- `mart_qualite` under its former names.
SELECT
    * RENAME (
        release_id_debut_etat AS release_id,
        nb_lignes_dossiers_masques AS nb_dossiers_masques,
        nb_lignes_titulaires_masques AS nb_titulaires_masques,
        nb_lignes_montants_masques AS nb_montants_masques
    )
FROM mart_qualite
