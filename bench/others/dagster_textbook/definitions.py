"""The project as Dagster's documentation recommends: assets, `DuckDBPandasIOManager`, a partition per quarter.

Frames come in and go out through the I/O manager, Pandera validates each, DuckDB in memory computes the marts.
`release.py`, beside this file, materializes a release.
"""

import hashlib
import json
import os
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import pandas as pd
from dagster_duckdb_pandas import DuckDBPandasIOManager

from mcf_pipeline.quarter import FIRST_QUARTER, Quarter
from mcf_pipeline.schemas.base import Table, describe, schema_of
from mcf_pipeline.schemas.ddl import query, typed
from mcf_pipeline.schemas.marts import QUARTERLY_MARTS, MartRevisions
from mcf_pipeline.schemas.staging import StgPart, StgUsagers
from mcf_pipeline.schemas.warehouse import (
    DimClasseAge,
    DimFinanceur,
    DimGenre,
    DimRegion,
    DimRelease,
    DimSituation,
    DimStatut,
    DimTrimestre,
    FctDossiers,
    FctFinancements,
)

EXPORT = Path(os.environ["OTHERS_EXPORT"])
RELEASE = os.environ["OTHERS_RELEASE"]
GIVEN: dict[str, Any] = json.loads((Path(__file__).parents[1] / "dlt" / "given.json").read_text(encoding="utf-8"))

QUARTERS = dg.StaticPartitionsDefinition([(FIRST_QUARTER + i).id for i in range(40)])
BY_QUARTER: dict[str, Any] = {"partitions_def": QUARTERS, "metadata": {"partition_expr": "trimestre_id"}}
DIMENSIONS = {
    "region": (DimRegion, "region"),
    "genre": (DimGenre, "genre"),
    "classe_age": (DimClasseAge, "classe_age"),
    "situation": (DimSituation, "situation"),
    "statut": (DimStatut, "statut_dossier"),
}
AMOUNTS = {"titulaire": "titulaire", "regions": "region", "entreprises": "entreprise", "france_travail": "pole_emploi"}
COUNTS = {"titulaire": "titulaires", "france_travail": "pole_emploi"}
FINANCERS = ("france_competences", "titulaire", "etat", "france_travail", "regions", "opco", "entreprises", "cec")
MACROS = {"resume": ("fct_dossiers",), "taux": ("fct_dossiers", "dim_statut"), "financement": ("fct_financements",)}
KNOWN: dict[str, type[Table]] = {
    describe(model).name: model
    for model in (*(m for m, _ in DIMENSIONS.values()), DimTrimestre, DimRelease, FctDossiers, FctFinancements)
}


def validated(con: duckdb.DuckDBPyConnection, model: type[Table], rows: str) -> pd.DataFrame:
    """A query's rows with the model's types, validated."""
    arrow = con.sql(typed(describe(model), f"({rows})")).to_arrow_table()
    return schema_of(model).validate(arrow.to_pandas(types_mapper=pd.ArrowDtype), lazy=True)


def of_rows(model: type[Table], rows: Sequence[dict[str, Any]]) -> pd.DataFrame:
    """Rows that are given here as a validated frame."""
    given = pd.DataFrame(rows, dtype=object).reindex(columns=list(describe(model).column_names))
    with duckdb.connect() as con:
        con.register("given", given)
        return validated(con, model, "FROM given")


@dg.asset(**BY_QUARTER, backfill_policy=dg.BackfillPolicy.single_run())
def raw_usagers(context: dg.AssetExecutionContext) -> pd.DataFrame:
    """The export as received, all text; one run writes every quarter."""
    raw = pd.read_csv(EXPORT, sep=";", dtype=str, keep_default_na=False, encoding="utf-8-sig")
    raw = raw.rename(columns={"trimestre": "trimestre_id"})
    return raw[raw["trimestre_id"].isin(context.partition_keys)]


@dg.asset(**BY_QUARTER)
def stg_usagers(raw_usagers: pd.DataFrame) -> pd.DataFrame:
    """A quarter's lines, typed and validated."""
    with duckdb.connect() as con:
        con.register("raw", raw_usagers)
        con.register("textes", pd.DataFrame(GIVEN["seeds"]["textes"]))
        ids = ", ".join(f"{name}.id AS {name}_id" for name in DIMENSIONS)
        joins = " ".join(
            f"LEFT JOIN textes AS {name} ON {name}.dimension = '{name}' AND {name}.texte = raw.{column}"
            for name, (_, column) in DIMENSIONS.items()
        )
        measures = "nb_dossiers, nb_titulaires, montant_engage, prix_moyen, duree_moyenne, nb_dossiers_a_duree_connue"
        figures = ", ".join(f"nullif(raw.{name}, '') AS {name}" for name in measures.split(", "))
        parts = []
        for name in FINANCERS:
            parts.append(f"nullif(raw.part_{AMOUNTS.get(name, name)}, '')::DECIMAL(18,2) AS part_{name}")
            if name != "france_competences":
                source = f"nb_dossiers_finances_par_{COUNTS.get(name, name)}"
                parts.append(f"nullif(raw.{source}, '')::BIGINT AS nb_dossiers_finances_par_{name}")
        con.execute(f"""
            CREATE TABLE lignes AS
            SELECT raw.trimestre_id, {ids}, '{RELEASE}' AS release_id, {figures}, {", ".join(parts)},
                row_number() OVER () + 1 AS numero_ligne, raw.nb_dossiers = '' OR raw.montant_engage = '' AS est_masque
            FROM raw {joins}
        """)
        lines = validated(con, StgUsagers, "FROM lignes")
        shares = con.sql("SELECT COLUMNS('^(part|nb_dossiers_finances_par)_') FROM lignes").to_arrow_table()
    financed = shares.to_pandas(types_mapper=pd.ArrowDtype)
    rules = schema_of(StgPart).columns
    for name, values in financed.items():
        rule = rules["montant" if str(name).startswith("part_") else "nb_dossiers_finances"]
        for check in rule.checks:
            check(values.dropna())
    return pd.concat([lines, financed], axis=1)


@dg.asset(**BY_QUARTER)
def fct_dossiers(stg_usagers: pd.DataFrame) -> pd.DataFrame:
    """A row per line."""
    with duckdb.connect() as con:
        con.register("lignes", stg_usagers)
        return validated(con, FctDossiers, "FROM lignes")


@dg.asset(**BY_QUARTER)
def fct_financements(stg_usagers: pd.DataFrame) -> pd.DataFrame:
    """A row per line and financer."""
    cells = ", ".join(
        f"{{'financeur_id': '{name}', 'montant': part_{name}, 'nb_dossiers_finances': "
        f"{'NULL' if name == 'france_competences' else f'nb_dossiers_finances_par_{name}'}}}"
        for name in FINANCERS
    )
    with duckdb.connect() as con:
        con.register("lignes", stg_usagers)
        return validated(con, FctFinancements, f"SELECT *, unnest([{cells}], recursive := true) FROM lignes")


def dimension(model: type[Table]) -> dg.AssetsDefinition:
    """A dimension whose rows the nomenclature gives."""

    @dg.asset(name=describe(model).name)
    def made() -> pd.DataFrame:
        return of_rows(model, GIVEN["seeds"][describe(model).name])

    return made


@dg.asset(ins={"fct_dossiers": dg.AssetIn(partition_mapping=dg.AllPartitionMapping())})
def dim_trimestre(fct_dossiers: pd.DataFrame) -> pd.DataFrame:
    """The quarters that the facts have."""
    quarters = [Quarter.parse(text) for text in sorted(fct_dossiers["trimestre_id"].unique())]
    rows = [
        {"trimestre_id": q.id, "annee": q.year, "trimestre": q.number, "libelle": q.label}
        | {"date_debut": q.first_day, "date_fin": q.last_day}
        for q in quarters
    ]
    return of_rows(DimTrimestre, rows)


@dg.asset(ins={"fct_dossiers": dg.AssetIn(partition_mapping=dg.AllPartitionMapping())})
def dim_release(fct_dossiers: pd.DataFrame) -> pd.DataFrame:
    """The release."""
    release = {
        "release_id": RELEASE,
        "rang": 1,
        "date_release": date.fromisoformat(RELEASE),
        "nb_lignes": len(fct_dossiers),
        "nb_trimestres": fct_dossiers["trimestre_id"].nunique(),
        "sha256": hashlib.sha256(EXPORT.read_bytes()).hexdigest(),
        "origine": EXPORT.name,
        "est_courante": True,
        "est_synthetique": True,
    }
    return of_rows(DimRelease, [release])


def computed(model: type[Table], frames: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """A mart from the tables that its SQL names."""
    sql = query(describe(model).name).replace("list_contains($trimestres, trimestre_id)", "true")
    with duckdb.connect() as con:
        for name, frame in frames.items():
            con.register("frame", frame)
            con.execute(f"CREATE TABLE {name} AS {typed(describe(KNOWN[name]), 'frame')}")
            con.unregister("frame")
        con.execute("CREATE TABLE stg_rejets (trimestre_id VARCHAR, numero_ligne BIGINT)")
        for name in ("fct_dossiers", "fct_financements"):
            if name in frames:
                con.execute(
                    f"CREATE VIEW {name}_historique AS SELECT *, release_id AS valide_depuis, NULL AS valide_jusqua "
                    f"FROM {name}"
                )
        con.execute(query("macros"))
        for macro in MACROS:
            if f"{macro}(" in sql:
                con.execute(query(macro))
        return validated(con, model, sql)


def needed(model: type[Table]) -> list[str]:
    """The tables that a mart's SQL and its macros name."""
    sql = query(describe(model).name)
    sql += "".join(query(macro) for macro in MACROS if f"{macro}(" in sql)
    return [name for name in KNOWN if name in sql]


def mart(model: type[Table]) -> dg.AssetsDefinition:
    """A mart of one quarter."""

    @dg.asset(name=describe(model).name, ins={name: dg.AssetIn() for name in needed(model)}, **BY_QUARTER)
    def made(**frames: pd.DataFrame) -> pd.DataFrame:
        return computed(model, frames)

    return made


def of_all(name: str) -> dg.AssetIn:
    """A table as a whole."""
    return dg.AssetIn(partition_mapping=dg.AllPartitionMapping()) if name.startswith("fct_") else dg.AssetIn()


@dg.asset(name="mart_revisions", ins={name: of_all(name) for name in needed(MartRevisions)})
def mart_revisions(**frames: pd.DataFrame) -> pd.DataFrame:
    """What the release changed in each quarter."""
    return computed(MartRevisions, frames)


GIVEN_DIMENSIONS = [dimension(model) for model in (*(m for m, _ in DIMENSIONS.values()), DimFinanceur)]
OF_A_QUARTER = [stg_usagers, fct_dossiers, fct_financements, *map(mart, QUARTERLY_MARTS)]
OF_A_RELEASE = [dim_trimestre, dim_release, mart_revisions]
RESOURCES = {"io_manager": DuckDBPandasIOManager(database=os.environ["OTHERS_DATABASE"], schema="mcf")}

defs = dg.Definitions(assets=[raw_usagers, *GIVEN_DIMENSIONS, *OF_A_QUARTER, *OF_A_RELEASE], resources=RESOURCES)
