"""The whole project with dlt: it loads the export and the nomenclature into DuckDB, SQL makes the rest.

    python pipeline.py export.csv out.duckdb release_id

As dlt's documentation recommends for files and for speed: Arrow tables, which it copies as they are, with a schema
contract that is frozen, into DuckDB; then SQL in its `sql_client`. dlt's community edition has no tests of data, so the
rules of the lines are queries that must find nothing. `given.json`, beside this file, holds the nomenclature and the
SQL of the marts (`render.py`).
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dlt
import duckdb
import pyarrow as pa
import pyarrow.csv as pa_csv

GIVEN: dict[str, Any] = json.loads(Path(__file__).with_name("given.json").read_text(encoding="utf-8"))
FINANCERS = {
    "france_competences": ("part_france_competences", None),
    "titulaire": ("part_titulaire", "nb_dossiers_finances_par_titulaires"),
    "etat": ("part_etat", "nb_dossiers_finances_par_etat"),
    "france_travail": ("part_pole_emploi", "nb_dossiers_finances_par_pole_emploi"),
    "regions": ("part_region", "nb_dossiers_finances_par_regions"),
    "opco": ("part_opco", "nb_dossiers_finances_par_opco"),
    "entreprises": ("part_entreprise", "nb_dossiers_finances_par_entreprises"),
    "cec": ("part_cec", "nb_dossiers_finances_par_cec"),
}
DIMENSIONS = {
    "region": "region",
    "genre": "genre",
    "classe_age": "classe_age",
    "situation": "situation",
    "statut": "statut_dossier",
}
KEY = "trimestre_id, region_id, genre_id, classe_age_id, situation_id, statut_id"
COUNTS = ("nb_dossiers", "nb_titulaires", "nb_dossiers_a_duree_connue")
BOUNDS = {"montant_engage": 10_000_000_000, "prix_moyen": 10_000_000, "duree_moyenne": 100_000} | dict.fromkeys(
    COUNTS, 100_000_000
)
FROZEN = {"tables": "evolve", "columns": "freeze", "data_type": "freeze"}


def column_types() -> dict[str, pa.DataType]:
    """What Arrow reads each column of the export as; what is neither that nor empty is an error."""
    texts = ("trimestre", *DIMENSIONS.values())
    types: dict[str, pa.DataType] = dict.fromkeys(texts, pa.string())
    types |= dict.fromkeys(COUNTS, pa.int64())
    types |= {"montant_engage": pa.decimal128(18, 2)}
    types |= dict.fromkeys(("prix_moyen", "duree_moyenne"), pa.decimal128(18, 4))
    for amount, dossiers in FINANCERS.values():
        types[amount] = pa.decimal128(18, 2)
        if dossiers:
            types[dossiers] = pa.int64()
    return types


@dlt.resource(name="export", write_disposition="replace", schema_contract=FROZEN)
def export(path: str) -> Iterator[pa.Table]:
    """The export's lines, typed."""
    yield pa_csv.read_csv(
        path,
        parse_options=pa_csv.ParseOptions(delimiter=";"),
        convert_options=pa_csv.ConvertOptions(column_types=column_types(), null_values=[""], strings_can_be_null=True),
    )


def nomenclature() -> Iterator[Any]:
    """The dimensions that are given, and what text means which modality."""
    for name, rows in GIVEN["seeds"].items():
        yield dlt.resource(pa.Table.from_pylist(rows), name=name, write_disposition="replace")


def facts(release_id: str, path: Path) -> list[str]:
    """SQL of the lines, the facts, and the dimensions that follow from them."""
    ids = ", ".join(f"{name}.id AS {name}_id" for name in DIMENSIONS)
    joins = " ".join(
        f"LEFT JOIN textes AS {name} ON {name}.dimension = '{name}' AND {name}.texte = coalesce(export.{column}, '')"
        for name, column in DIMENSIONS.items()
    )
    measures = ", ".join(BOUNDS)
    cells = ", ".join(
        f"{{'financeur_id': '{name}', 'montant': {amount}, 'nb_dossiers_finances': {dossiers or 'NULL::BIGINT'}}}"
        for name, (amount, dossiers) in FINANCERS.items()
    )
    parts = " + ".join(amount for amount, _ in FINANCERS.values())
    return [
        f"""CREATE OR REPLACE TABLE stg_usagers AS
        SELECT trimestre AS trimestre_id, {ids}, '{release_id}' AS release_id, {measures},
            nb_dossiers IS NULL OR montant_engage IS NULL AS est_masque, {parts} AS parts, [{cells}] AS financeurs
        FROM export {joins}""",
        f"""CREATE OR REPLACE TABLE fct_dossiers AS
        SELECT {KEY}, {measures}, est_masque, release_id FROM stg_usagers""",
        f"""CREATE OR REPLACE TABLE fct_financements AS
        SELECT {KEY}, est_masque, release_id, unnest(financeurs, recursive := true) FROM stg_usagers""",
        """CREATE OR REPLACE TABLE dim_trimestre AS
        SELECT trimestre_id, annee, trimestre, make_date(annee, 3 * trimestre - 2, 1) AS date_debut,
            CAST(make_date(annee, 3 * trimestre - 2, 1) + INTERVAL 3 MONTH - INTERVAL 1 DAY AS DATE) AS date_fin,
            trimestre || CASE trimestre WHEN 1 THEN 'er' ELSE 'e' END || ' trimestre ' || annee AS libelle
        FROM (
            SELECT DISTINCT trimestre_id, CAST(left(trimestre_id, 4) AS INTEGER) AS annee,
                CAST(right(trimestre_id, 1) AS INTEGER) AS trimestre
            FROM stg_usagers
        )""",
        f"""CREATE OR REPLACE TABLE dim_release AS
        SELECT release_id, 1 AS rang, CAST(release_id AS DATE) AS date_release, NULL::TIMESTAMP AS data_processed,
            count(*) AS nb_lignes, CAST(count(DISTINCT trimestre_id) AS INTEGER) AS nb_trimestres,
            '{hashlib.sha256(path.read_bytes()).hexdigest()}' AS sha256, '{path.name}' AS origine,
            NULL::VARCHAR AS licence, true AS est_courante, true AS est_synthetique
        FROM stg_usagers GROUP BY release_id""",
        "CREATE OR REPLACE VIEW stg_rejets AS SELECT trimestre_id, NULL::BIGINT AS numero_ligne FROM stg_usagers "
        "WHERE false",
        *(
            f"CREATE OR REPLACE VIEW {fact}_historique AS SELECT *, release_id AS valide_depuis, NULL::VARCHAR AS "
            f"valide_jusqua FROM {fact}"
            for fact in ("fct_dossiers", "fct_financements")
        ),
    ]


def rules() -> dict[str, str]:
    """Queries that must find nothing, by the rule's name."""
    beyond = " OR ".join(f"{name} NOT BETWEEN 0 AND {most}" for name, most in BOUNDS.items())
    found = {
        "trimestre_invalide": "FROM stg_usagers WHERE NOT regexp_full_match(trimestre_id, '[0-9]{4}-T[1-4]')",
        "valeur_manquante": f"FROM stg_usagers WHERE {KEY.replace(', ', ' IS NULL OR ')} IS NULL",
        "nombre_invraisemblable": f"FROM stg_usagers WHERE {beyond}",
        "zeros_masques": "FROM stg_usagers WHERE nb_dossiers = 0 AND prix_moyen IS NOT NULL",
        "relation_prix_montant": """
            SELECT trimestre_id, region_id, count(*) AS lignes, count(*) FILTER (
                WHERE abs(prix_moyen * nb_dossiers - montant_engage) > 0.05 * montant_engage
            ) AS fausses
            FROM stg_usagers WHERE prix_moyen IS NOT NULL AND nb_dossiers IS NOT NULL AND montant_engage IS NOT NULL
            GROUP BY GROUPING SETS ((), (trimestre_id), (region_id))
            HAVING lignes >= CASE WHEN trimestre_id IS NULL AND region_id IS NULL THEN 150 ELSE 50 END
                AND fausses > 0.9 * lignes""",
        "relation_parts_montant": """
            SELECT count(*) AS lignes,
                count(*) FILTER (WHERE abs(montant_engage - parts) > greatest(0.01 * montant_engage, 1)) AS fausses
            FROM stg_usagers WHERE montant_engage IS NOT NULL AND parts IS NOT NULL
            HAVING lignes >= 150 AND fausses > 0.9 * lignes""",
        "prix_hors_du_jeu": """
            SELECT median(prix_moyen) AS mediane FROM stg_usagers
            GROUP BY GROUPING SETS ((), (trimestre_id), (region_id)) HAVING mediane NOT BETWEEN 100 AND 20000""",
    }
    for table, key in GIVEN["keys"].items():
        found[f"unique {table}"] = f"SELECT {', '.join(key)} FROM {table} GROUP BY ALL HAVING count(*) > 1"
    for table, ties in GIVEN["ties"].items():
        key, sums = ", ".join(GIVEN["keys"][table]), ties["sums"]
        found[f"sums of {table}"] = (
            f"SELECT {key} FROM {table} FULL JOIN (SELECT {key}, {', '.join(f'{q} AS s_{n}' for n, q in sums.items())} "
            f"FROM {ties['fact']} GROUP BY {key}) USING ({key}) WHERE "
            + " OR ".join(f"coalesce({name}, 0) <> coalesce(s_{name}, 0)" for name in sums)
        )
    return found


def main(source: str, target: str, release_id: str) -> None:
    """Load, transform, check."""
    pipeline = dlt.pipeline(
        "mcf",
        destination=dlt.destinations.duckdb(target),
        dataset_name="mcf",
        pipelines_dir=str(Path(target).with_suffix(".dlt")),
    )
    pipeline.run([export(source), *nomenclature()], loader_file_format="parquet").raise_on_failed_jobs()
    with pipeline.sql_client() as client:
        for statement in (*facts(release_id, Path(source)), *GIVEN["macros"].split(";\n"), *GIVEN["marts"].values()):
            client.execute_sql(statement)
        for rule, query in rules().items():
            (broken,) = client.execute_sql(f"SELECT count(*) FROM ({query})")[0]
            if broken:
                raise SystemExit(f"{rule}: {broken}")
    print(f"DuckDB {duckdb.__version__}: {len(GIVEN['marts'])} marts")


if __name__ == "__main__":
    main(*sys.argv[1:])
