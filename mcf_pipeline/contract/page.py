"""The page `docs/contract.md`, made from the tables of columns, names, modalities and rules.

What does not belong here: anything that is decided by them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from mcf_pipeline.contract import source_map
from mcf_pipeline.contract.columns import COLUMNS
from mcf_pipeline.contract.financers import FINANCER_TABLE
from mcf_pipeline.contract.grammar import NEVER, Grammar, Words, grammar
from mcf_pipeline.contract.modalities import DIMENSIONS, KNOWN
from mcf_pipeline.contract.parsing import MASKS
from mcf_pipeline.contract.rules import TABLE, Severity

_TITLES: Mapping[Severity, str] = {
    "refuse": "Refused: the release or the quarter is not applied; the previous state stays",
    "quarantine": "Quarantined: the line goes to `stg_rejets`",
    "warn": "Warnings: the line is used, and a check reports it",
}
_KINDS = {
    "quarter": "quarter",
    "text": "text",
    "count": "integer",
    "amount": "euros",
    "decimal": "decimal",
    "date": "date",
    "marker": "marker",
}


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> list[str]:
    cells = [[cell.replace("|", "\\|") for cell in row] for row in rows]
    lines = [head, tuple("---" for _ in head), *cells]
    return [f"| {' | '.join(line)} |" for line in lines]


def _words(found: Iterable[str]) -> str:
    return " ".join(sorted(found)).replace(" entreeformation", " (entrée en formation)")


def _beside(found: Grammar) -> tuple[Words, Words]:
    return found.qualifiers, found.excluding


def contract_page() -> str:
    """The page `docs/contract.md`."""
    page = [
        "# The contract with the source",
        "",
        "<!-- Made by `mcf_pipeline.contract.page.contract_page`; edit the tables there, not this page. -->",
        "",
        "None of the authors has seen the real file. This page lists what is accepted, what is not, and what happens "
        "then.",
        "",
        "## Columns",
        "",
        "Recognised by technical name or label; case, accents, separators, plurals and order do not matter.",
        "If two columns fit one canonical column, or none fits a required one, the file is refused, with the lines to "
        "put",
        "into `MCF_SOURCE_MAP`.",
        "",
    ]
    columns = [
        (
            f"`{rule.name}`",
            _KINDS[rule.kind],
            "yes" if rule.required else "no",
            rule.description,
            ", ".join((*rule.synonyms, *rule.fallbacks)) if not rule.financer else "",
        )
        for rule in COLUMNS.values()
    ]
    page += _table(("canonical", "type", "required", "description", "also called"), columns)
    page += [
        "",
        "The quarter is given as `trimestre`, or as `annee` and `numero_trimestre`. At least one `part_…` is",
        "required. An empty count or amount is masked by the publisher; it never means zero.",
        "",
        "## Financers",
        "",
        "Known as `part …`, `montant …`, `montant financé par …` and the like; `nb dossiers financés par …`.",
        "",
    ]
    page += _table(
        ("identifier", "label", "called"),
        [(f"`{f.id}`", f.libelle, ", ".join((*f.names, *f.amounts))) for f in FINANCER_TABLE],
    )
    page += [
        "",
        "## Names",
        "",
        "A name is recognised if it has the head words of a column and, besides them, only qualifiers. A name with an",
        "excluding word is never recognised. A name with any other word is recognised only if its values fit and no "
        "other",
        "column competes; `run` and `doctor` then say so. Case, accents, plurals and order are ignored; the table "
        "lists stems.",
        "",
    ]
    page += _table(
        ("canonical", "head words", "qualifiers", "excluding"),
        [
            (f"`{name}`", "; ".join(map(_words, (*found.heads, *found.weak))), *map(_words, _beside(found)))
            for name, found in grammar().items()
            if not COLUMNS[name].financer
        ],
    )
    page += ["", f"Excluding in every column: {_words(NEVER)}.", "", "## Modalities", ""]
    page += _table(
        ("dimension", "column", "identifiers"),
        [
            (
                name,
                f"`{dimension.column}`",
                ", ".join(f"`{modality.id}` {modality.libelle}" for modality in KNOWN[name]),
            )
            for name, dimension in DIMENSIONS.items()
        ],
    )
    page += [
        "",
        "## The source map",
        "",
        "What `MCF_SOURCE_MAP` can declare; it overrides recognition. `mcf-pipeline doctor` writes the lines that a "
        "file",
        "needs. Lines that `[totals]` drops are kept in `stg_rejets`. Use `[accept]` only where the source really is "
        "like that.",
        "",
        "```toml",
        *(source_map.__doc__ or "").split("\n\n", 1)[1].strip().splitlines(),
        "```",
        "",
        f"These texts in a figure are read as masked: {', '.join(f'`{marker}`' for marker in MASKS)}.",
    ]
    for severity, title in _TITLES.items():
        page += ["", f"## {title}", ""]
        rows = [(f"`{r.name}`", r.meaning, r.threshold, r.action) for r in TABLE if r.severity == severity]
        page += _table(("rule", "what is wrong", "threshold", "what to do"), rows)
    return "\n".join(page) + "\n"
