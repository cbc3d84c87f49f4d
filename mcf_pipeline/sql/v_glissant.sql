-- Each quarter with the three before it.
SELECT periode AS trimestre_id, * EXCLUDE (periode, groupe)
FROM periode('glissant', 'national', true)
ORDER BY trimestre_id
