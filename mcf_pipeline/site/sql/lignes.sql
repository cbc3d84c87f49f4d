-- Line by line.
SELECT 1 AS lignes, est_masque::BIGINT AS masque, * EXCLUDE (est_masque) FROM ({lignes}) ORDER BY cle
