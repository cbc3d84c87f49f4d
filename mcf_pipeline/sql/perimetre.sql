-- Whether a status is in a scope: `tous`, `hors_annules` (neither cancelled nor rejected) or `commences` (its holder
-- entered the training). One that nobody knows is in the first alone.
CREATE OR REPLACE MACRO dans_perimetre(statut, perimetre) AS
    CASE perimetre
        WHEN 'tous' THEN true
        WHEN 'hors_annules' THEN statut IN (SELECT statut_id FROM dim_statut WHERE NOT est_annule)
        WHEN 'commences' THEN statut IN (SELECT statut_id FROM dim_statut WHERE est_commence)
        ELSE error('périmètre inconnu : ' || perimetre || ' ; tous, hors_annules ou commences')
    END
