-- National figures of some quarters. A line whose situation (or gender) nobody knows may be anyone's: the bounds take
-- it for either. One that is not given says nothing of the share: it leaves both terms.
WITH lignes AS (
    SELECT
        trimestre_id,
        nb_dossiers,
        coalesce(nb_dossiers, 1) AS dossiers_min,
        coalesce(nb_dossiers, dossiers_max_par_ligne_masquee()) AS dossiers_max,
        est_demandeur_emploi,
        NOT dim_situation.est_connue AS situation_inconnue,
        CASE WHEN genre_id IN ('femme', 'homme') THEN genre_id = 'femme' END AS est_femme,
        NOT dim_genre.est_connue AS genre_inconnu
    FROM fct_dossiers
    LEFT JOIN dim_situation USING (situation_id)
    LEFT JOIN dim_genre USING (genre_id)
    WHERE list_contains($trimestres, trimestre_id)
),
sommes AS (
    SELECT
        trimestre_id,
        sum(dossiers_min) AS tous_min,
        coalesce(sum(nb_dossiers) FILTER (WHERE est_demandeur_emploi), 0) AS demandeurs,
        coalesce(sum(dossiers_min) FILTER (WHERE est_demandeur_emploi), 0) AS demandeurs_min,
        coalesce(sum(dossiers_max) FILTER (WHERE est_demandeur_emploi), 0) AS demandeurs_max,
        coalesce(sum(nb_dossiers) FILTER (WHERE NOT est_demandeur_emploi), 0) AS autres,
        coalesce(sum(dossiers_min) FILTER (WHERE NOT est_demandeur_emploi), 0) AS autres_min,
        coalesce(sum(dossiers_max) FILTER (WHERE NOT est_demandeur_emploi), 0) AS autres_max,
        coalesce(sum(dossiers_max) FILTER (WHERE situation_inconnue), 0) AS situations_inconnues,
        coalesce(sum(nb_dossiers) FILTER (WHERE est_femme), 0) AS femmes,
        coalesce(sum(dossiers_min) FILTER (WHERE est_femme), 0) AS femmes_min,
        coalesce(sum(dossiers_max) FILTER (WHERE est_femme), 0) AS femmes_max,
        coalesce(sum(nb_dossiers) FILTER (WHERE NOT est_femme), 0) AS hommes,
        coalesce(sum(dossiers_min) FILTER (WHERE NOT est_femme), 0) AS hommes_min,
        coalesce(sum(dossiers_max) FILTER (WHERE NOT est_femme), 0) AS hommes_max,
        coalesce(sum(dossiers_max) FILTER (WHERE genre_inconnu), 0) AS genres_inconnus
    FROM lignes
    GROUP BY trimestre_id
),
parts AS (
    SELECT
        trimestre_id,
        demandeurs + autres AS nb_dossiers_de_situation_connue,
        demandeurs_min + autres_min AS nb_dossiers_de_situation_connue_min,
        demandeurs_max + autres_max + situations_inconnues AS nb_dossiers_de_situation_connue_max,
        part(demandeurs, demandeurs + autres) AS demandeurs,
        part_bas(demandeurs_min, autres_max + situations_inconnues) AS demandeurs_bas,
        part_haut(demandeurs_max + situations_inconnues, autres_min) AS demandeurs_haut,
        situations_inconnues > part_inconnue_max() * tous_min AS situations_inconnues,
        femmes + hommes AS nb_dossiers_de_genre_connu,
        femmes_min + hommes_min AS nb_dossiers_de_genre_connu_min,
        femmes_max + hommes_max + genres_inconnus AS nb_dossiers_de_genre_connu_max,
        part(femmes, femmes + hommes) AS femmes,
        part_bas(femmes_min, hommes_max + genres_inconnus) AS femmes_bas,
        part_haut(femmes_max + genres_inconnus, hommes_min) AS femmes_haut,
        genres_inconnus > part_inconnue_max() * tous_min AS genres_inconnus
    FROM sommes
),
mesures AS (
    SELECT unnest(groupe), * EXCLUDE (groupe)
    FROM resume({'trimestre_id': trimestre_id, 'release_id': release_id}, list_contains($trimestres, trimestre_id))
),
rythme AS (
    SELECT groupe AS trimestre_id, * EXCLUDE (groupe)
    FROM taux(trimestre_id, list_contains($trimestres, trimestre_id))
)
SELECT
    mesures.* EXCLUDE (motifs, release_id),
    CASE WHEN NOT situations_inconnues THEN si_sure(demandeurs, demandeurs_bas, demandeurs_haut) END
        AS part_demandeurs_emploi,
    demandeurs_bas AS part_demandeurs_emploi_bas,
    demandeurs_haut AS part_demandeurs_emploi_haut,
    nb_dossiers_de_situation_connue,
    nb_dossiers_de_situation_connue_min,
    nb_dossiers_de_situation_connue_max,
    CASE WHEN NOT genres_inconnus THEN si_sure(femmes, femmes_bas, femmes_haut) END AS part_femmes,
    femmes_bas AS part_femmes_bas,
    femmes_haut AS part_femmes_haut,
    nb_dossiers_de_genre_connu,
    nb_dossiers_de_genre_connu_min,
    nb_dossiers_de_genre_connu_max,
    rythme.* EXCLUDE (trimestre_id, motifs),
    nullif(concat_ws(
        ' ; ',
        mesures.motifs,
        CASE
            WHEN situations_inconnues THEN 'part_demandeurs_emploi : trop de situations inconnues'
            ELSE motif('part_demandeurs_emploi', demandeurs, demandeurs_bas, demandeurs_haut)
        END,
        CASE
            WHEN genres_inconnus THEN 'part_femmes : trop de genres inconnus'
            ELSE motif('part_femmes', femmes, femmes_bas, femmes_haut)
        END,
        rythme.motifs
    ), '') AS motifs_vides,
    mesures.release_id AS release_id_debut_etat
FROM mesures
JOIN parts USING (trimestre_id)
JOIN rythme USING (trimestre_id)
