-- Each year by scope, the widest first.
SELECT CAST(periode AS INTEGER) AS annee, groupe AS perimetre, * EXCLUDE (periode, groupe)
FROM periode('annee', 'perimetre', perimetre)
ORDER BY annee, list_position(['tous', 'hors_annules', 'commences'], perimetre)
