-- Figures of some quarters for each region and situation.
SELECT unnest(groupe), * EXCLUDE (groupe, motifs), motifs AS motifs_vides
FROM resume(
    {
        'trimestre_id': trimestre_id,
        'region_id': region_id,
        'situation_id': situation_id,
        'release_id_debut_etat': release_id
    },
    list_contains($trimestres, trimestre_id)
)
