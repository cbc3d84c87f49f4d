-- Whether a status is in a scope: `tous`, `hors_annules` (neither cancelled nor rejected) or `commences` (its holder
-- entered the training). One that nobody knows is in the first alone.
CREATE OR REPLACE MACRO dans_perimetre(statut, perimetre) AS
    CASE perimetre
        WHEN 'tous' THEN true
        WHEN 'hors_annules'
            THEN coalesce((SELECT NOT est_annule FROM dim_statut WHERE dim_statut.statut_id = statut), false)
        WHEN 'commences'
            THEN coalesce((SELECT est_commence FROM dim_statut WHERE dim_statut.statut_id = statut), false)
        ELSE error('périmètre inconnu : ' || perimetre || ' ; tous, hors_annules ou commences')
    END
