"""The plain script that a full build is measured against: the same export to a DuckDB file, and no pipeline.

    .venv/bin/python bench/plain_script.py export.csv out.duckdb

Pandas and DuckDB, the same Pandera models, the facts, the dimensions and three marts. It knows the export's columns by
name, and has no archive, no history, no bounds, no rejects, no Dagster, no checks, no package and no dashboard.
"""

from __future__ import annotations

import sys

import duckdb
import pandas as pd

from mcf_pipeline.contract.modalities import DIMENSIONS, modality_key
from mcf_pipeline.schemas.base import describe, schema_of
from mcf_pipeline.schemas.warehouse import FctDossiers, FctFinancements

RENAMED = {"pole_emploi": "france_travail", "region": "regions", "entreprise": "entreprises"}
"""Financers whose id is not what the sample's columns call them."""
MARTS = {
    "mart_trimestre": "trimestre_id",
    "mart_region": "trimestre_id, region_id",
    "mart_profil": "trimestre_id, genre_id, classe_age_id, situation_id",
}


def validated(con: duckdb.DuckDBPyConnection, model: type, sql: str) -> pd.DataFrame:
    """A query's rows with the model's types, validated."""
    columns = ", ".join(f"CAST({c.name} AS {c.duckdb_type}) AS {c.name}" for c in describe(model).columns)
    frame = con.sql(f"SELECT {columns} FROM ({sql})").to_arrow_table().to_pandas(types_mapper=pd.ArrowDtype)
    return schema_of(model).validate(frame, lazy=True)


def main(source: str, target: str) -> None:
    raw = pd.read_csv(source, sep=";", dtype=str, keep_default_na=False, encoding="utf-8-sig")
    con = duckdb.connect(target)
    con.register("lues", raw)
    texts = {name: "statut_dossier" if name == "statut" else name for name in DIMENSIONS}
    for name, column in texts.items():
        pairs = pd.DataFrame([(text, modality_key(text)) for text in raw[column].unique()], columns=["texte", "id"])
        con.register("paires", pairs)
        con.execute(f"CREATE TABLE dim_{name} AS FROM paires")
        con.unregister("paires")
    ids = ", ".join(f"dim_{name}.id AS {name}_id" for name in texts)
    joins = " ".join(f"JOIN dim_{name} ON dim_{name}.texte = lues.{column}" for name, column in texts.items())
    measures = ["nb_dossiers", "nb_titulaires", "montant_engage", "prix_moyen", "duree_moyenne"]
    known = "nb_dossiers_a_duree_connue"
    last = f"nullif({known}, '')" if known in raw.columns else "NULL"
    con.execute(f"""
        CREATE TEMP TABLE typees AS
        SELECT {ids}, left(trimestre, 4) || '-T' || right(trimestre, 1) AS trimestre_id, 'release' AS release_id,
            {", ".join(f"nullif(lues.{name}, '') AS {name}" for name in measures)}, {last} AS {known},
            lues.nb_dossiers = '' OR lues.montant_engage = '' AS est_masque,
            lues.* LIKE 'part_%'
        FROM lues {joins}
    """)
    con.register("f1", validated(con, FctDossiers, "FROM typees"))
    con.execute("CREATE TABLE fct_dossiers AS FROM f1")
    parts = [name for name in raw.columns if name.startswith("part_")]
    cells = ", ".join(f"{{'financeur_id': '{RENAMED.get(p[5:], p[5:])}', 'montant': nullif({p}, '')}}" for p in parts)
    con.register(
        "f2",
        validated(
            con,
            FctFinancements,
            "SELECT *, NULL AS nb_dossiers_finances FROM (SELECT *, unnest(["
            + cells
            + "], recursive := true) FROM typees)",
        ),
    )
    con.execute("CREATE TABLE fct_financements AS FROM f2")
    for mart, keys in MARTS.items():
        con.execute(
            f"CREATE TABLE {mart} AS SELECT {keys}, count(*) AS nb_lignes, "
            "count(*) FILTER (WHERE est_masque) AS nb_lignes_masquees, sum(nb_dossiers) AS nb_dossiers, "
            "sum(montant_engage) AS montant_engage, sum(prix_moyen * nb_dossiers) / sum(nb_dossiers) AS prix_moyen "
            "FROM fct_dossiers GROUP BY ALL"
        )
    (lines,) = con.execute("SELECT count(*) FROM fct_dossiers").fetchall()[0]
    con.close()
    print(f"{lines:,} lines")


if __name__ == "__main__":
    main(*sys.argv[1:])
