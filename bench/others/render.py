"""What the other ways take from us, written into a folder before anything is measured.

The nomenclature (as seeds and as JSON), the SQL of the marts (as dbt models and macros, and as statements), and each
table's columns (as dbt contracts). Whoever writes such a project without us writes these by hand; with them, all ways
have the same rules and the same figures, and none pays for importing our package.
"""

from __future__ import annotations

import csv
import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mcf_pipeline.contract.financers import FINANCER_ROWS
from mcf_pipeline.contract.modalities import KNOWN
from mcf_pipeline.quality.marts import MART_TIES
from mcf_pipeline.schemas.base import Table, describe, schema_of
from mcf_pipeline.schemas.ddl import query, typed
from mcf_pipeline.schemas.marts import QUARTERLY_MARTS, MartRevisions
from mcf_pipeline.schemas.staging import StgUsagers
from mcf_pipeline.schemas.warehouse import DIMENSIONS, FACTS, DimFinanceur
from mcf_pipeline.tables.dimensions import MODALITY_DIMENSIONS

HERE = Path(__file__).parent
MARTS: tuple[type[Table], ...] = (*QUARTERLY_MARTS, MartRevisions)
COMPARED: tuple[type[Table], ...] = (*DIMENSIONS, *FACTS, *MARTS)
"""The tables that every way makes."""
TABLE_MACROS = ("resume", "taux", "financement")
NOT_GIVEN = {"-1", ""}
"""What the sample writes for what is not given, beside the label."""
OUR_TABLES = re.compile(r"\b(FROM|JOIN) ((?:fct|dim|stg)_\w+)")
QUARTERS = "list_contains($trimestres, trimestre_id)"


def without_comments(sql: str) -> str:
    return re.sub(r"^\s*--.*\n", "", sql, flags=re.MULTILINE)


def of_all_quarters(name: str) -> str:
    """A mart's query over all quarters, with its model's types."""
    model = next(model for model in MARTS if describe(model).name == name)
    return typed(describe(model), f"({without_comments(query(name)).replace(QUARTERS, 'true')})")


def seeds() -> dict[str, list[dict[str, Any]]]:
    """The dimensions that are given, and what text means which modality."""
    found: dict[str, list[dict[str, Any]]] = {"dim_financeur": [dict(row) for row in FINANCER_ROWS], "textes": []}
    for name, model in MODALITY_DIMENSIONS.items():
        empty = dict.fromkeys(describe(model).column_names)
        found[describe(model).name] = [
            empty | {f"{name}_id": m.id, "libelle": m.libelle, "est_connue": m.est_connue} | dict(m.attributes)
            for m in KNOWN[name]
        ]
        texts = {m.libelle: m.id for m in KNOWN[name]} | dict.fromkeys(NOT_GIVEN, "non_renseigne")
        found["textes"] += [{"dimension": name, "texte": text, "id": id_} for text, id_ in texts.items()]
    return found


def pieces(text: str) -> Iterator[str]:
    """The arguments of a call, which end where its bracket closes."""
    depth, start = 0, 0
    for place, sign in enumerate(text):
        if sign in "({[":
            depth += 1
        elif depth and sign in ")}]":
            depth -= 1
        elif sign in ",)" and not depth:
            yield text[start:place]
            start = place + 1
            if sign == ")":
                return


def as_dbt(sql: str) -> str:
    """Our SQL with dbt's references, our table macros as calls of its own."""
    done = ""
    while match := re.search(rf"\b({'|'.join(TABLE_MACROS)})\(", sql):
        inside = sql[match.end() :]
        arguments = list(pieces(inside))
        length = sum(map(len, arguments)) + len(arguments)
        calls = ", ".join(f'"{" ".join(argument.split())}"' for argument in arguments)
        done += OUR_TABLES.sub(r"\1 {{ ref('\2') }}", sql[: match.start()]) + f"{{{{ {match[1]}({calls}) }}}}"
        sql = inside[length:]
    return done + OUR_TABLES.sub(r"\1 {{ ref('\2') }}", sql)


def dbt_macros() -> str:
    """What the marts share: scalar macros of DuckDB's, and the table macros as macros of dbt's."""
    made = [f"{{% macro scalar_macros() %}}\n{without_comments(query('macros'))}\n{{% endmacro %}}"]
    for name in TABLE_MACROS:
        body = without_comments(query(name)).split("AS TABLE", 1)[1]
        body = re.sub(r"\b(cle|condition)\b", r"{{ \1 }}", OUR_TABLES.sub(r"\1 {{ ref('\2') }}", body))
        made.append(f"{{% macro {name}(cle, condition) %}}(\n{body}\n){{% endmacro %}}")
    return "\n\n".join(made)


def contract(model: type[Table]) -> list[dict[str, Any]]:
    """Columns of a dbt contract: types, what is never empty, and bounds."""
    columns = []
    for column in describe(model).columns:
        rules: list[dict[str, Any]] = [] if column.nullable else [{"type": "not_null"}]
        for check in schema_of(model).columns[column.name].checks:
            bound = check.statistics
            signs = {"min_value": ">=", "max_value": "<="}
            rules += [
                {"type": "check", "expression": f"{column.name} {sign} {bound[of]}"}
                for of, sign in signs.items()
                if isinstance(bound.get(of), int)
            ]
        columns.append({"name": column.name, "data_type": column.duckdb_type, "constraints": rules})
    return columns


def models() -> list[dict[str, Any]]:
    """The description of the dbt models: contracts, and the tests that say what ours say."""
    found: list[dict[str, Any]] = []
    for model in (*FACTS, *MARTS):
        spec = describe(model)
        tests: list[Any] = [{"unique_key": {"arguments": {"columns": list(spec.key)}}}]
        if model in MART_TIES:
            ties = MART_TIES[model]
            given = {"fact": f"ref('{ties.fact}')", "columns": list(spec.key), "sums": dict(ties.sums)}
            tests.append({"adds_up_to": {"name": f"adds_up_{spec.name}", "arguments": given}})
        columns = contract(model)
        for column, described_column in zip(spec.columns, columns, strict=True):
            if model in FACTS and column.references:
                to = {"to": f"ref('{column.references}')", "field": "release_id"}
                if column.references != "dim_release":
                    to["field"] = column.name
                described_column["data_tests"] = [{"relationships": {"arguments": to}}]
        found.append(
            {"name": spec.name, "config": {"contract": {"enforced": True}}, "data_tests": tests, "columns": columns}
        )
    staged = [c for c in contract(StgUsagers) if c["name"] != "numero_ligne"]
    given = {c["name"] for c in staged}
    key = [name for name in describe(StgUsagers).key if name in given]
    # A contract names every column; those of the financers are as in `StgPart`.
    for financer in FINANCER_ROWS:
        name = financer["financeur_id"]
        if name != "autres":
            staged.append(_part(f"part_{name}", "DECIMAL(18,2)", 10_000_000_000))
            staged.append(_part(f"nb_dossiers_finances_par_{name}", "BIGINT", 100_000_000))
    tests = [{"unique_key": {"arguments": {"columns": key}}}]
    found.append(
        {"name": "stg_usagers", "config": {"contract": {"enforced": True}}, "data_tests": tests, "columns": staged}
    )
    return found


def _part(name: str, kind: str, most: int) -> dict[str, Any]:
    bounds = [{"type": "check", "expression": f"{name} {bound}"} for bound in (">= 0", f"<= {most}")]
    return {"name": name, "data_type": kind, "constraints": bounds}


def render(folder: Path) -> None:
    """Write the projects, each whole, below a folder."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(HERE, folder, ignore=shutil.ignore_patterns("__pycache__"))
    dbt, dlt = folder / "dbt", folder / "dlt"
    (dbt / "seeds").mkdir()
    types = {}
    for name, rows in seeds().items():
        with (dbt / "seeds" / f"{name}.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
    of_dimensions: tuple[type[Table], ...] = (*MODALITY_DIMENSIONS.values(), DimFinanceur)
    for model in of_dimensions:
        types[describe(model).name] = {column.name: column.duckdb_type for column in describe(model).columns}
    types["textes"] = dict.fromkeys(("dimension", "texte", "id"), "VARCHAR")
    described = {
        "version": 2,
        "seeds": [{"name": name, "config": {"column_types": columns}} for name, columns in types.items()],
        "models": models(),
    }
    # JSON is YAML, too.
    (dbt / "models" / "schema.yml").write_text(json.dumps(described, indent=1, ensure_ascii=False), encoding="utf-8")
    (dbt / "macros" / "marts.sql").write_text(dbt_macros(), encoding="utf-8")
    statements = {}
    for model in MARTS:
        name = describe(model).name
        (dbt / "models" / f"{name}.sql").write_text(as_dbt(of_all_quarters(name)), encoding="utf-8")
        statements[name] = f"CREATE OR REPLACE TABLE {name} AS {of_all_quarters(name)}"
    given = {
        "seeds": seeds(),
        "macros": ";\n".join(query(name) for name in ("macros", *TABLE_MACROS)),
        "marts": statements,
        "keys": {describe(model).name: list(describe(model).key) for model in (*FACTS, *MARTS)},
        "ties": {describe(model).name: {"fact": t.fact, "sums": dict(t.sums)} for model, t in MART_TIES.items()},
    }
    (dlt / "given.json").write_text(json.dumps(given, indent=1, ensure_ascii=False), encoding="utf-8")
