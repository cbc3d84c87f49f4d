-- `mart_profil` under its former names.
SELECT * RENAME (release_id_debut_etat AS release_id) FROM mart_profil
