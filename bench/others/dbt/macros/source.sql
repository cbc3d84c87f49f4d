{% macro dimensions() %}
    {{ return({
        "region": "region",
        "genre": "genre",
        "classe_age": "classe_age",
        "situation": "situation",
        "statut": "statut_dossier",
    }) }}
{% endmacro %}

{# What the export calls each financer's amount and its dossiers. #}
{% macro financers() %}
    {{ return({
        "france_competences": ("part_france_competences", "NULL"),
        "titulaire": ("part_titulaire", "nb_dossiers_finances_par_titulaires"),
        "etat": ("part_etat", "nb_dossiers_finances_par_etat"),
        "france_travail": ("part_pole_emploi", "nb_dossiers_finances_par_pole_emploi"),
        "regions": ("part_region", "nb_dossiers_finances_par_regions"),
        "opco": ("part_opco", "nb_dossiers_finances_par_opco"),
        "entreprises": ("part_entreprise", "nb_dossiers_finances_par_entreprises"),
        "cec": ("part_cec", "nb_dossiers_finances_par_cec"),
    }) }}
{% endmacro %}
