"""The plain script that a full build is measured against: one export to a DuckDB file, and no pipeline.

    .venv/bin/python bench/plain_script.py export.csv out.duckdb release_id

What an able analyst would write in an afternoon who had our models and our SQL: pandas reads the CSV, DuckDB makes
the facts, the dimensions, every mart and every view, Pandera validates what comes out. `bench/run.py` holds each table
against that of the pipeline. The script knows the export's columns by name, and has no archive, no history, no
rejects, no checks, no Dagster, no package and no dashboard.
"""

from __future__ import annotations

import hashlib
import sys
from datetime import date
from pathlib import Path

import duckdb
import pandas as pd

from mcf_pipeline.contract.financers import FINANCER_ROWS
from mcf_pipeline.contract.modalities import DIMENSIONS, KNOWN, resolve
from mcf_pipeline.quarter import Quarter
from mcf_pipeline.schemas.base import Table, describe, schema_of
from mcf_pipeline.schemas.ddl import comments, create_table, query, typed
from mcf_pipeline.schemas.marts import QUARTERLY_MARTS, MartRevisions
from mcf_pipeline.schemas.views import VIEWS
from mcf_pipeline.schemas.warehouse import DimFinanceur, DimRelease, DimTrimestre, FctDossiers, FctFinancements
from mcf_pipeline.tables.dimensions import MODALITY_DIMENSIONS
from mcf_pipeline.warehouse.assembly import MACROS, PUBLISHED, PUBLISHED_VIEWS

RENAMED = {"pole_emploi": "france_travail", "region": "regions", "entreprise": "entreprises", "titulaires": "titulaire"}
"""Financers whose id is not what the sample's columns call them."""


def validated(
    con: duckdb.DuckDBPyConnection, model: type[Table], source: str, parameters: object = None
) -> pd.DataFrame:
    """A query's rows with the model's types, validated."""
    statement = typed(describe(model), f"({source})")
    arrow = (con.sql(statement, params=parameters) if parameters else con.sql(statement)).to_arrow_table()
    return schema_of(model).validate(arrow.to_pandas(types_mapper=pd.ArrowDtype), lazy=True)


def insert(con: duckdb.DuckDBPyConnection, model: type[Table], frame: pd.DataFrame) -> None:
    """A validated frame's rows into its table."""
    con.register("rows_to_insert", frame)
    con.execute(f"INSERT INTO {describe(model).name} BY NAME {typed(describe(model), 'rows_to_insert')}")
    con.unregister("rows_to_insert")


def small(con: duckdb.DuckDBPyConnection, model: type[Table], rows: list[dict[str, object]]) -> None:
    """Rows that are written here into a table."""
    con.register("given", pd.DataFrame(rows, dtype=object).reindex(columns=list(describe(model).column_names)))
    insert(con, model, validated(con, model, "FROM given"))
    con.unregister("given")


def dimensions(con: duckdb.DuckDBPyConnection, raw: pd.DataFrame, release_id: str, source: Path) -> list[str]:
    """Fill the dimensions; returns the quarters."""
    for name, model in MODALITY_DIMENSIONS.items():
        rows = [
            {f"{name}_id": m.id, "libelle": m.libelle, "est_connue": m.est_connue, **m.attributes} for m in KNOWN[name]
        ]
        small(con, model, rows)
        pairs = [(text, resolve(name, text).id) for text in raw[DIMENSIONS[name].column].unique()]
        con.register("pairs", pd.DataFrame(pairs, columns=["texte", "id"]))
        con.execute(f"CREATE TEMP TABLE textes_{name} AS FROM pairs")
        con.unregister("pairs")
    small(con, DimFinanceur, list(FINANCER_ROWS))
    quarters = [Quarter.parse(text) for text in sorted(raw["trimestre"].unique())]
    rows = [
        {"trimestre_id": q.id, "annee": q.year, "trimestre": q.number, "libelle": q.label}
        | {"date_debut": q.first_day, "date_fin": q.last_day}
        for q in quarters
    ]
    small(con, DimTrimestre, rows)
    release = {
        "release_id": release_id,
        "rang": 1,
        "date_release": date.fromisoformat(release_id),
        "nb_lignes": len(raw),
        "nb_trimestres": len(quarters),
        "sha256": hashlib.sha256(source.read_bytes()).hexdigest(),
        "origine": source.name,
        "est_courante": True,
        "est_synthetique": True,
    }
    small(con, DimRelease, [release])
    return [q.id for q in quarters]


def facts(con: duckdb.DuckDBPyConnection, raw: pd.DataFrame, release_id: str) -> None:
    """Fill the two facts from the export's lines."""
    con.register("lues", raw)
    ids = ", ".join(f"textes_{name}.id AS {d.id_column}" for name, d in DIMENSIONS.items())
    joins = " ".join(f"JOIN textes_{name} ON textes_{name}.texte = lues.{d.column}" for name, d in DIMENSIONS.items())
    measures = ["nb_dossiers", "nb_titulaires", "montant_engage", "prix_moyen", "duree_moyenne"]
    measures.append("nb_dossiers_a_duree_connue")
    con.execute(f"""
        CREATE TEMP TABLE typees AS
        SELECT {ids}, left(trimestre, 4) || '-T' || right(trimestre, 1) AS trimestre_id, '{release_id}' AS release_id,
            {", ".join(f"nullif(lues.{name}, '') AS {name}" for name in measures)},
            lues.nb_dossiers = '' OR lues.montant_engage = '' AS est_masque,
            COLUMNS('^part_.*'), COLUMNS('^nb_dossiers_finances_par_.*')
        FROM lues {joins}
    """)
    insert(con, FctDossiers, validated(con, FctDossiers, "FROM typees"))
    by_financer: dict[str, dict[str, str]] = {}
    for column in raw.columns:
        for prefix, measure in (("part_", "montant"), ("nb_dossiers_finances_par_", "nb_dossiers_finances")):
            if column.startswith(prefix):
                name = column.removeprefix(prefix)
                by_financer.setdefault(RENAMED.get(name, name), {})[measure] = f"nullif({column}, '')"
    cells = ", ".join(
        f"{{'financeur_id': '{name}', 'montant': {given.get('montant', 'NULL::VARCHAR')}, "
        f"'nb_dossiers_finances': {given.get('nb_dossiers_finances', 'NULL::VARCHAR')}}}"
        for name, given in by_financer.items()
    )
    # As in the pipeline: Pandera has validated the lines that these are taken from.
    rows = typed(describe(FctFinancements), f"(SELECT *, unnest([{cells}], recursive := true) FROM typees)")
    con.execute(f"INSERT INTO fct_financements BY NAME {rows}")


def main(source: str, target: str, release_id: str) -> None:
    """Make the file."""
    raw = pd.read_csv(source, sep=";", dtype=str, keep_default_na=False, encoding="utf-8-sig")
    con = duckdb.connect(target)
    for model in PUBLISHED:
        con.execute(";\n".join([create_table(model), *comments(model)]))
    quarters = dimensions(con, raw, release_id, Path(source))
    facts(con, raw, release_id)
    for model in PUBLISHED_VIEWS:
        if model is VIEWS[0]:
            con.execute(";\n".join(query(name) for name in MACROS))
        spec = describe(model)
        con.execute(f"CREATE VIEW {spec.name} AS {typed(spec, f'({query(spec.name)})')}")
        con.execute(";\n".join(comments(model, kind="VIEW")))
    for model in QUARTERLY_MARTS:
        insert(con, model, validated(con, model, query(describe(model).name), {"trimestres": quarters}))
    insert(con, MartRevisions, validated(con, MartRevisions, query(describe(MartRevisions).name)))
    (lines,) = con.execute("SELECT count(*) FROM fct_dossiers").fetchall()[0]
    con.close()
    print(f"{lines:,} lines")


if __name__ == "__main__":
    main(*sys.argv[1:])
