"""The rules on the marts: their sums are those of the facts, and what is masked is empty, never 0.

The sums are computed a second time, group by group, by SQL that is not the marts' own. Each function takes the rows to
look at as SQL: a table's name, or a query over files.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mcf_pipeline.duck import one
from mcf_pipeline.quality.finding import SAMPLE_ROWS, Finding
from mcf_pipeline.schemas.base import Table, describe
from mcf_pipeline.schemas.financing import MartFinancement, MartRegionFinancement
from mcf_pipeline.schemas.marts import (
    MartProfil,
    MartQualite,
    MartRegion,
    MartRegionSituation,
    MartStatut,
    MartTrimestre,
)

if TYPE_CHECKING:
    import duckdb

TIES = "egal_aux_faits"
NEVER_ZERO = "masque_jamais_zero"


@dataclass(frozen=True, slots=True)
class Ties:
    """How a mart hangs on a fact.

    Attributes:
        fact: the fact's table.
        sums: of the mart's columns that add up, the SQL over the fact.
        given: of the mart's columns that can be empty, what counts the lines of the fact that give them a value.
    """

    fact: str = "fct_dossiers"
    sums: Mapping[str, str] = field(default_factory=dict)
    given: Mapping[str, str] = field(default_factory=dict)


def _given(*columns: str) -> str:
    return f"count(*) FILTER (WHERE {' AND '.join(f'{column} IS NOT NULL' for column in columns)})"


MOST_DOSSIERS = 5
"""Of a masked line: the hypothesis behind the bounds, written a second time so that a change of it is noticed."""
_PRICE = "CAST(10000 * coalesce(prix_moyen, montant_engage / nullif(nb_dossiers, 0)) AS HUGEINT)"
"""In ten-thousandths, rounded once and as `resume.sql` rounds it."""
_LINES = {"nb_lignes": "count(*)", "nb_lignes_masquees": "count(*) FILTER (WHERE est_masque)"}
_SUMMARY_SUMS = _LINES | {
    "nb_dossiers": "sum(nb_dossiers)",
    "nb_dossiers_min": "coalesce(sum(nb_dossiers), 0) + count(*) - count(nb_dossiers)",
    "nb_dossiers_max": f"coalesce(sum(nb_dossiers), 0) + {MOST_DOSSIERS} * (count(*) - count(nb_dossiers))",
    "nb_titulaires_max": "sum(nb_titulaires)",
    "montant_engage": "sum(montant_engage)",
    "montant_a_prix_connu": f"CAST(sum({_PRICE} * nb_dossiers) / 10000 AS DECIMAL(28, 4))",
    "nb_dossiers_a_prix_connu": f"sum(nb_dossiers) FILTER (WHERE {_PRICE} IS NOT NULL)",
    "heures_a_duree_connue": "sum(duree_moyenne * nb_dossiers_a_duree_connue)",
    "nb_dossiers_a_duree_connue": "sum(nb_dossiers_a_duree_connue) FILTER (WHERE duree_moyenne IS NOT NULL)",
}
_SUMMARY_GIVEN = {
    "nb_dossiers": "count(nb_dossiers)",
    "nb_titulaires_max": "count(nb_titulaires)",
    "montant_engage": "count(montant_engage)",
    "prix_moyen": _given(_PRICE, "nb_dossiers"),
    "duree_moyenne": _given("duree_moyenne", "nb_dossiers_a_duree_connue"),
}
_SHARES = {"part_dossiers": "count(nb_dossiers)", "part_montant": "count(montant_engage)"}
_RATES = dict.fromkeys(("maturite", "taux_realisation", "taux_abandon"), "count(nb_dossiers)")
_FINANCING = Ties(
    fact="fct_financements",
    sums=_LINES
    | {
        "montant": "sum(montant)",
        "nb_dossiers_finances": "sum(nb_dossiers_finances)",
        "montant_a_dossiers_connus": "sum(montant) FILTER (WHERE nb_dossiers_finances IS NOT NULL)",
        "nb_dossiers_finances_a_montant_connu": "sum(nb_dossiers_finances) FILTER (WHERE montant IS NOT NULL)",
    },
    given={
        "montant": "count(montant)",
        "part_montant": "count(montant)",
        "nb_dossiers_finances": "count(nb_dossiers_finances)",
        "montant_moyen_par_dossier": _given("montant", "nb_dossiers_finances"),
    },
)

MART_TIES: Mapping[type[Table], Ties] = {
    MartTrimestre: Ties(
        sums=_SUMMARY_SUMS,
        given=_SUMMARY_GIVEN
        | _RATES
        | {"part_demandeurs_emploi": "count(nb_dossiers)", "part_femmes": "count(nb_dossiers)"},
    ),
    MartRegion: Ties(sums=_SUMMARY_SUMS, given=_SUMMARY_GIVEN | _SHARES),
    MartRegionSituation: Ties(sums=_SUMMARY_SUMS, given=_SUMMARY_GIVEN),
    MartProfil: Ties(sums=_SUMMARY_SUMS, given=_SUMMARY_GIVEN),
    MartFinancement: _FINANCING,
    MartRegionFinancement: _FINANCING,
    MartStatut: Ties(sums=_SUMMARY_SUMS, given=_SUMMARY_GIVEN | {"part_dossiers": "count(nb_dossiers)"}),
    MartQualite: Ties(
        sums={
            "nb_lignes_valides": "count(*)",
            "nb_lignes_masquees": "count(*) FILTER (WHERE est_masque)",
            "nb_lignes_dossiers_masques": "count(*) - count(nb_dossiers)",
            "nb_lignes_titulaires_masques": "count(*) - count(nb_titulaires)",
            "nb_lignes_montants_masques": "count(*) - count(montant_engage)",
            "nb_prix_connus": "count(prix_moyen)",
            "nb_durees_connues": "count(duree_moyenne)",
        },
        given={
            "ecart_parts_montant": "count(montant_engage)",
            "ecart_prix_montant": _given("prix_moyen", "nb_dossiers", "montant_engage"),
        },
    ),
}


def bounded(model: type[Table]) -> list[str]:
    """The columns of a table that have bounds beside them."""
    names = describe(model).column_names
    return [name for name in names if f"{name}_bas" in names]


def mart_findings(con: duckdb.DuckDBPyConnection, model: type[Table], rows: str, facts: str) -> dict[str, Finding]:
    """Hold a quarterly mart against its fact: `TIES` and `NEVER_ZERO`; a figure out of its own bounds ties to nothing.

    Args:
        con: any database.
        model: the mart.
        rows: SQL of the mart's rows.
        facts: SQL of the rows of `MART_TIES[model].fact`, of the same quarters.
    """
    spec, ties = describe(model), MART_TIES[model]
    key = ", ".join(spec.key)
    sums = ", ".join(
        [f"{sql} AS s_{name}" for name, sql in ties.sums.items()]
        + [f"{sql} AS n_{name}" for name, sql in ties.given.items()]
    )
    unequal = " OR ".join(
        [f"coalesce({name}, 0) <> coalesce(s_{name}, 0)" for name in ties.sums]
        + [f"coalesce(NOT {name} BETWEEN {name}_bas AND {name}_haut, false)" for name in bounded(model)]
    )
    zeroed = " OR ".join(f"({name} IS NOT NULL AND n_{name} = 0)" for name in ties.given)
    # One pass over the facts serves both rules; `comparaison` is as small as the mart.
    con.execute(f"""
        CREATE OR REPLACE TEMP TABLE comparaison AS
        SELECT *, {unequal} AS differe, coalesce({zeroed}, false) AS invente
        FROM (FROM {rows}) AS mart
        FULL JOIN (SELECT {key}, {sums} FROM {facts} GROUP BY {key}) AS faits USING ({key})
    """)
    try:
        return {
            TIES: _finding(con, TIES, spec.key, "differe", [c for n in ties.sums for c in (n, f"s_{n}")]),
            NEVER_ZERO: _finding(con, NEVER_ZERO, spec.key, "invente", list(ties.given)),
        }
    finally:
        con.execute("DROP TABLE comparaison")


def _finding(con: duckdb.DuckDBPyConnection, rule: str, key: tuple[str, ...], broken: str, shown: list[str]) -> Finding:
    total, count = one(con, f"SELECT count(*), count(*) FILTER (WHERE {broken}) FROM comparaison")
    columns = (*key, *shown)
    sample: list[tuple[object, ...]] = []
    quarters: list[tuple[str]] = []
    if count:
        sample = con.execute(
            f"SELECT {', '.join(columns)} FROM comparaison WHERE {broken} ORDER BY {', '.join(key)} LIMIT {SAMPLE_ROWS}"
        ).fetchall()
        quarters = con.execute(f"SELECT DISTINCT trimestre_id FROM comparaison WHERE {broken} ORDER BY 1").fetchall()
    return Finding(
        rule=rule,
        count=count,
        total=total,
        columns=tuple(f"{c[2:]} (faits)" if c.startswith("s_") else c for c in columns),
        sample=tuple(sample),
        quarters=tuple(quarter for (quarter,) in quarters),
    )


def _parts_of(name: str) -> str:
    return " + ".join(f"{name}_ecart_{part}" for part in ("visibles", "demasques", "masques", "apparus", "disparus"))


def revision_findings(con: duckdb.DuckDBPyConnection, rows: str, history: str) -> dict[str, Finding]:
    """Hold `mart_revisions` against the history: what each release says of a quarter after it, and before it.

    Args:
        con: any database.
        rows: SQL of the rows of `mart_revisions`.
        history: SQL of the rows of `fct_dossiers_historique`, of the same quarters.
    """
    con.execute(f"""
        CREATE OR REPLACE TEMP TABLE comparaison AS
        WITH etats AS (
            SELECT
                trimestre_id,
                valide_depuis,
                valide_jusqua,
                count(*) AS lignes,
                count(*) FILTER (WHERE est_masque) AS masquees,
                sum(nb_dossiers) AS dossiers,
                sum(montant_engage) AS montant,
                count(nb_dossiers) AS n_dossiers,
                count(montant_engage) AS n_montant
            FROM {history}
            GROUP BY ALL
        )
        SELECT
            mart.*,
            apres.lignes AS s_lignes,
            apres.dossiers AS s_dossiers_apres,
            avant.dossiers AS s_dossiers_avant,
            coalesce(lignes_ajoutees + lignes_modifiees + lignes_identiques, 0) <> coalesce(apres.lignes, 0)
                OR coalesce(lignes_supprimees + lignes_modifiees + lignes_identiques, 0) <> coalesce(avant.lignes, 0)
                OR nb_lignes_masquees_apres <> coalesce(apres.masquees, 0)
                OR nb_lignes_masquees_avant <> coalesce(avant.masquees, 0)
                OR dossiers_apres IS DISTINCT FROM apres.dossiers
                OR dossiers_avant IS DISTINCT FROM avant.dossiers
                OR montant_apres IS DISTINCT FROM apres.montant
                OR montant_avant IS DISTINCT FROM avant.montant
                OR dossiers_ecart <> coalesce(dossiers_apres, 0) - coalesce(dossiers_avant, 0)
                OR montant_ecart <> coalesce(montant_apres, 0) - coalesce(montant_avant, 0)
                OR {" OR ".join(f"{name}_ecart <> {_parts_of(name)}" for name in ("dossiers", "montant", "parts"))}
                AS differe,
            coalesce(dossiers_apres IS NOT NULL AND coalesce(apres.n_dossiers, 0) = 0, false)
                OR coalesce(dossiers_avant IS NOT NULL AND coalesce(avant.n_dossiers, 0) = 0, false)
                OR coalesce(montant_apres IS NOT NULL AND coalesce(apres.n_montant, 0) = 0, false)
                OR coalesce(montant_avant IS NOT NULL AND coalesce(avant.n_montant, 0) = 0, false) AS invente
        FROM (FROM {rows}) AS mart
        LEFT JOIN etats AS apres ON apres.trimestre_id = mart.trimestre_id AND apres.valide_depuis = mart.release_id
        LEFT JOIN etats AS avant ON avant.trimestre_id = mart.trimestre_id AND avant.valide_jusqua = mart.release_id
    """)
    key = ("trimestre_id", "release_id")
    try:
        return {
            TIES: _finding(
                con,
                TIES,
                key,
                "differe",
                ["dossiers_apres", "s_dossiers_apres", "dossiers_avant", "s_dossiers_avant"],
            ),
            NEVER_ZERO: _finding(con, NEVER_ZERO, key, "invente", ["dossiers_avant", "dossiers_apres"]),
        }
    finally:
        con.execute("DROP TABLE comparaison")
