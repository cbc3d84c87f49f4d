-- Figures that others published, as we know them; nothing here is computed.
SELECT *, CAST(NULL AS DATE) AS publie_le
FROM (VALUES
    ('entrees', 2020, 'dossiers', 984000, 'Dares', 'Entrées en formation', NULL),
    ('entrees', 2021, 'dossiers', 1982900, 'Dares', 'Entrées en formation', NULL),
    ('entrees', 2022, 'dossiers', 1851200, 'Dares', 'Entrées en formation', NULL),
    ('entrees', 2023, 'dossiers', 1335900, 'Dares', 'Entrées en formation', NULL),
    ('entrees', 2024, 'dossiers', 1387500, 'Dares', 'Entrées en formation', NULL),
    ('personnes', 2023, 'personnes', 1160100, 'Dares', 'Personnes distinctes dans l''année', 'un majorant seulement se déduit de la source'),
    ('personnes', 2024, 'personnes', 1232000, 'Dares', 'Personnes distinctes dans l''année', 'un majorant seulement se déduit de la source'),
    ('prix_moyen', 2020, 'euros', 1235, 'Caisse des Dépôts, Dares', 'Prix moyen d''une formation', 'valeur approchée'),
    ('prix_moyen', 2024, 'euros', 1770, 'Caisse des Dépôts, Dares', 'Prix moyen d''une formation', 'valeur approchée'),
    ('prix_moyen', 2021, 'euros', 1358, 'Caisse des Dépôts, Dares', 'Prix moyen d''une formation', NULL),
    ('prix_moyen', 2022, 'euros', 1473, 'Caisse des Dépôts, Dares', 'Prix moyen d''une formation', NULL),
    ('prix_moyen', 2023, 'euros', 1560, 'Caisse des Dépôts, Dares', 'Prix moyen d''une formation', NULL),
    ('duree_moyenne', 2023, 'heures', 61, 'Dares', 'Durée moyenne d''une formation', NULL),
    ('montant', 2022, 'euros', 3000000000, 'Caisse des Dépôts', 'Montant engagé, arrondi', 'deux ou trois chiffres significatifs'),
    ('montant', 2023, 'euros', 2260000000, 'Caisse des Dépôts', 'Montant engagé, arrondi', 'deux ou trois chiffres significatifs'),
    ('montant', 2024, 'euros', 2460000000, 'Caisse des Dépôts', 'Montant engagé, arrondi', 'deux ou trois chiffres significatifs'),
    ('part_demandeurs_emploi', 2020, 'ratio', 0.36, 'Dares', 'Part des demandeurs d''emploi', 'arrondi au point de pourcentage'),
    ('part_demandeurs_emploi', 2021, 'ratio', 0.31, 'Dares', 'Part des demandeurs d''emploi', 'arrondi au point de pourcentage'),
    ('part_demandeurs_emploi', 2022, 'ratio', 0.3, 'Dares', 'Part des demandeurs d''emploi', 'arrondi au point de pourcentage'),
    ('part_demandeurs_emploi', 2023, 'ratio', 0.3, 'Dares', 'Part des demandeurs d''emploi', 'arrondi au point de pourcentage'),
    ('part_demandeurs_emploi', 2024, 'ratio', 0.32, 'Dares', 'Part des demandeurs d''emploi', 'arrondi au point de pourcentage'),
    ('part_femmes', 2020, 'ratio', 0.5, 'Dares', 'Part des femmes', 'arrondi au point de pourcentage'),
    ('part_femmes', 2021, 'ratio', 0.5, 'Dares', 'Part des femmes', 'arrondi au point de pourcentage'),
    ('part_femmes', 2022, 'ratio', 0.5, 'Dares', 'Part des femmes', 'arrondi au point de pourcentage'),
    ('part_femmes', 2023, 'ratio', 0.5, 'Dares', 'Part des femmes', 'arrondi au point de pourcentage'),
    ('part_femmes', 2024, 'ratio', 0.49, 'Dares', 'Part des femmes', 'arrondi au point de pourcentage')
) AS publies(indicateur, annee, unite, valeur, source, champ, remarque)
ORDER BY indicateur, annee
