SELECT
    trimestre_id,
    region_id,
    genre_id,
    classe_age_id,
    situation_id,
    statut_id,
    nb_dossiers,
    nb_titulaires,
    montant_engage,
    prix_moyen,
    duree_moyenne,
    nb_dossiers_a_duree_connue,
    est_masque,
    release_id
FROM {{ ref("stg_usagers") }}
