-- Line by line.
SELECT 1 AS lignes, * FROM ({lignes}) ORDER BY cle
