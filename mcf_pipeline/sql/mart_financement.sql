-- What each financer brings in some quarters.
SELECT unnest(groupe), * EXCLUDE (groupe)
FROM financement(
    {'trimestre_id': trimestre_id, 'release_id_debut_etat': release_id},
    list_contains($trimestres, trimestre_id)
)
