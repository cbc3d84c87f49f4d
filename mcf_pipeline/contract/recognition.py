"""Which column of a file is which canonical column, and by which rule; or one page that says what to map.

Order and position mean nothing. A guess from values is proposed, never applied. What does not belong here:
the names themselves (`contract.columns`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from mcf_pipeline.contract.columns import COLUMNS, PART_COLUMNS, column_key, names_by_key
from mcf_pipeline.contract.guesses import Guess, guess_missing, toml_for
from mcf_pipeline.contract.parsing import parse_quarter, quarter_from_pair
from mcf_pipeline.contract.source import SourceField
from mcf_pipeline.contract.source_map import SourceMap
from mcf_pipeline.contract.text import clean, shorten
from mcf_pipeline.errors import ContractError
from mcf_pipeline.quarter import Quarter
from mcf_pipeline.settings import Limits

RuleName = Literal["source_map", "technical name", "synonym", "label", "description", "fallback"]

_MAX_NAMES = 700
"""Characters of the file's column names that a message shows."""
ANY_PART = "part_<financeur>"
"""How messages call "the part of at least one financer"."""


@dataclass(frozen=True, slots=True)
class RecognisedColumn:
    """A column of the file, and the rule that recognised it."""

    source: str
    rule: RuleName


@dataclass(frozen=True, slots=True)
class QuarterColumns:
    """How a file gives the quarter.

    Attributes:
        columns: the file's column of the quarter, or its columns of the year and of the number.
    """

    columns: tuple[str, ...]

    @property
    def is_pair(self) -> bool:
        """Whether it is a year and a number."""
        return len(self.columns) == 2

    def read(self, values: Sequence[str | None]) -> Quarter | None:
        """The quarter that the values of `columns` say, or None; its year is not judged here."""
        return quarter_from_pair(values[0], values[1]) if self.is_pair else parse_quarter(values[0])


@dataclass(frozen=True, slots=True)
class Recognition:
    """What the columns of a file are.

    Attributes:
        columns: by canonical column, in the order of `contract.columns.COLUMNS`. The quarter is either
            `trimestre`, or `annee` and `numero_trimestre` (where the second may be the source's own
            `trimestre`).
        unused: columns of the file that are kept in raw and used nowhere, in the file's order.
        flags: what a reader should know of how it was read, one sentence each.
    """

    columns: Mapping[str, RecognisedColumn]
    unused: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()

    def source_of(self, canonical: str) -> str | None:
        """The file's column for a canonical one, or None."""
        found = self.columns.get(canonical)
        return found.source if found else None

    @property
    def quarter(self) -> QuarterColumns:
        """How the file gives the quarter."""
        is_pair = "annee" in self.columns and "numero_trimestre" in self.columns
        names = ("annee", "numero_trimestre") if is_pair else ("trimestre",)
        return QuarterColumns(tuple(self.columns[name].source for name in names))

    @property
    def has_job_seeker_flag(self) -> bool:
        """Whether the situation is given as a flag beside a CSP (`modalities.resolve_situation`)."""
        return "demandeur_emploi" in self.columns

    @property
    def financers(self) -> tuple[str, ...]:
        """Identifiers of the financers whose part or number of dossiers the file gives."""
        found = {COLUMNS[name].financer: None for name in self.columns}
        return tuple(financer for financer in found if financer is not None)


class RecognitionError(ContractError):
    """Columns are missing or ambiguous.

    Attributes:
        guesses: proposals, best first.
        toml: the lines for `MCF_SOURCE_MAP`, ready to be pasted once checked.
        columns: the file's columns.
        problems: one sentence each.
        found: what was recognised nevertheless.
    """

    def __init__(
        self,
        message: str,
        *,
        rule: str,
        columns: Sequence[str] = (),
        problems: Sequence[str] = (),
        guesses: Sequence[Guess] = (),
        toml: str = "",
        found: Mapping[str, RecognisedColumn] | None = None,
    ) -> None:
        super().__init__(message, rule=rule)
        self.columns = tuple(columns)
        self.problems = tuple(problems)
        self.guesses = tuple(guesses)
        self.toml = toml
        self.found = dict(found or {})


@dataclass(slots=True)
class _State:
    """What is known so far while recognising."""

    candidates: dict[str, list[RecognisedColumn]] = field(default_factory=dict)
    flags: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def claimed(self) -> set[str]:
        return {column.source for columns in self.candidates.values() for column in columns}


def fields_of(header: Sequence[str], described: Sequence[SourceField]) -> tuple[SourceField, ...]:
    """The columns of a file with what the portal says of them.

    The header holds technical names or labels, as the export was asked for; a column that the portal does
    not describe stands for itself.
    """
    by_name = {found.name: found for found in described}
    by_label = {found.label: found for found in reversed(described) if found.label}
    fields = []
    for name in header:
        if name in by_name:
            fields.append(by_name[name])
        elif name in by_label:
            # The technical name takes the place of the label: name and label are both looked at.
            match = by_label[name]
            fields.append(SourceField(name, match.name, match.description))
        else:
            fields.append(SourceField(name))
    return tuple(fields)


def recognise(
    fields: Sequence[SourceField],
    source_map: SourceMap | None = None,
    samples: Mapping[str, Sequence[str]] | None = None,
    *,
    max_columns: int = Limits().max_columns,
) -> Recognition:
    """Say what each column of a file is.

    Args:
        fields: the file's columns, with labels and descriptions where they are known.
        source_map: overrides.
        samples: some values of each column, by its name; for proposals only.
        max_columns: more are refused.

    Raises:
        RecognitionError: the rule is `colonne_manquante`, `colonne_ambigue`, `entete_en_double` or
            `trop_de_colonnes`.
    """
    source_map = source_map or SourceMap()
    names = [found.name for found in fields]
    _check_header(names, max_columns)
    state = _State()
    _apply_map(fields, source_map, state)
    ignored = {name for name in names if any(_same(name, other) for other in source_map.ignored)}
    free = [f for f in fields if f.name not in state.claimed() and f.name not in ignored]
    settled = set(source_map.columns)
    if "trimestre" in settled or "annee" in settled:
        settled |= {"trimestre", "annee", "numero_trimestre"}
    for found in free:
        match = _match(found)
        if match is not None and match[0] not in settled:
            state.candidates.setdefault(match[0], []).append(RecognisedColumn(found.name, match[1]))
    for found in free:
        fallback = names_by_key(fallbacks=True).get(column_key(found.name))
        if fallback and found.name not in state.claimed() and fallback not in settled:
            others = state.candidates.get(fallback, [])
            if all(other.rule == "fallback" for other in others):
                state.candidates.setdefault(fallback, []).append(RecognisedColumn(found.name, "fallback"))
    _settle_quarter(state)

    ambiguous = {name: found for name, found in state.candidates.items() if len(found) > 1}
    missing = _missing(state)
    if ambiguous or missing or state.problems:
        raise _refusal(fields, state, ambiguous, missing, source_map, samples or {})

    columns = {name: state.candidates[name][0] for name in COLUMNS if name in state.candidates}
    used = {column.source for column in columns.values()}
    unused = tuple(name for name in names if name not in used)
    if "demandeur_emploi" in columns:
        flag, csp = (clean(columns[name].source) for name in ("demandeur_emploi", "situation"))
        state.flags.append(f"the situation is read from two columns: job seeker if {flag!r} says so, else {csp!r}")
    return Recognition(columns, unused, tuple(state.flags))


def _check_header(names: Sequence[str], max_columns: int) -> None:
    if len(names) > max_columns:
        raise RecognitionError(
            f"the file has {len(names)} columns, more than {max_columns}: this is not the dataset; "
            "look at the file, or raise MCF_LIMIT_MAX_COLUMNS",
            rule="trop_de_colonnes",
            columns=names,
        )
    seen: dict[str, str] = {}
    for name in names:
        # DuckDB's names ignore case, so "Region" beside "region" would be one column.
        folded = clean(name, 500).casefold()
        if folded and folded in seen:
            raise RecognitionError(
                f"column {clean(name, 60)!r} stands twice in the header: look at the file, it may be damaged",
                rule="entete_en_double",
                columns=names,
            )
        seen[folded] = name


def _same(name: str, other: str) -> bool:
    return name == other or clean(name, 500).casefold() == clean(other, 500).casefold()


def _apply_map(fields: Sequence[SourceField], source_map: SourceMap, state: _State) -> None:
    for canonical, wanted in source_map.columns.items():
        exact = [f.name for f in fields if f.name == wanted]
        found = exact or [f.name for f in fields if _same(f.name, wanted) or (f.label and _same(f.label, wanted))]
        if len(found) == 1:
            state.candidates[canonical] = [RecognisedColumn(found[0], "source_map")]
        else:
            how = "is not in the file" if not found else "is the name of several columns"
            state.problems.append(f"MCF_SOURCE_MAP gives {clean(wanted, 60)!r} for {canonical}, which {how}")
    taken: dict[str, str] = {}
    for canonical, columns in state.candidates.items():
        source = columns[0].source
        if source in taken:
            state.problems.append(
                f"MCF_SOURCE_MAP gives {clean(source, 60)!r} for both {taken[source]} and {canonical}"
            )
        taken[source] = canonical


def _match(found: SourceField) -> tuple[str, RuleName] | None:
    """What a field's name says, else its label, else the first sentence of its description."""
    names = names_by_key()
    key = column_key(found.name)
    canonical = names.get(key)
    if canonical is not None:
        is_technical = key == column_key(canonical.replace("_", " "))
        return canonical, "technical name" if is_technical else "synonym"
    if found.label and (canonical := names.get(column_key(found.label))):
        return canonical, "label"
    if found.description:
        sentence = found.description.replace(";", ".").replace(":", ".").split(".", 1)[0]
        if canonical := names.get(column_key(sentence)):
            return canonical, "description"
    return None


def _settle_quarter(state: _State) -> None:
    """Decide between one column and a pair.

    Beside a year, `trimestre` is the number, whatever it holds: a whole quarter in it is read too, if it
    agrees with the year. A year beside neither, or a number beside a whole quarter and no year, adds nothing.
    """
    has = state.candidates
    if "annee" in has and "trimestre" in has and "numero_trimestre" not in has:
        has["numero_trimestre"] = has.pop("trimestre")
    elif "annee" in has and "numero_trimestre" in has and "trimestre" in has:
        state.flags.append("the quarter is given both whole and as a year and a number: the whole one is used")
        del has["annee"], has["numero_trimestre"]
    elif "trimestre" in has:
        has.pop("numero_trimestre", None)
        has.pop("annee", None)


def _missing(state: _State) -> list[str]:
    has = state.candidates
    missing = [rule.name for rule in COLUMNS.values() if rule.required and rule.name not in has]
    if "annee" in has and "numero_trimestre" in has:
        missing.remove("trimestre")
    if not any(name in has for name in PART_COLUMNS):
        missing.append(ANY_PART)
    return missing


def _refusal(
    fields: Sequence[SourceField],
    state: _State,
    ambiguous: Mapping[str, Sequence[RecognisedColumn]],
    missing: Sequence[str],
    source_map: SourceMap,
    samples: Mapping[str, Sequence[str]],
) -> RecognitionError:
    names = [found.name for found in fields]
    problems = list(state.problems)
    for canonical, candidates in ambiguous.items():
        sources = [repr(clean(column.source, 60)) for column in candidates]
        problems.append(f"several columns could be {canonical}: {shorten(sources, 200)}")
    if missing:
        problems.append(f"no column found for {', '.join(missing)}")
    free = [found for found in fields if found.name not in state.claimed()]
    choices = {name: [column.source for column in found] for name, found in ambiguous.items()}
    found = {name: columns[0] for name, columns in state.candidates.items() if len(columns) == 1}
    guesses = guess_missing(missing, free, samples, has_year="annee" in found)
    kept = {name: source for name, source in source_map.columns.items() if name in found}
    if "annee" in found and any(guess.canonical == "numero_trimestre" for guess in guesses):
        kept["annee"] = found["annee"].source
    toml = toml_for(choices, missing, guesses, replace(source_map, columns=kept))
    shown = "; ".join(f"{g.canonical} = {clean(g.source, 60)!r} ({g.reason})" for g in guesses[:6])
    lines = " / ".join(line.split("  # ")[0] for line in toml.splitlines() if not line.startswith("#"))
    message = "; ".join(problems)
    message += f"; the file's columns are: {shorten(names, _MAX_NAMES)}"
    message += f"; best guesses: {shown}" if shown else "; no guess"
    message += f"; write into the file that MCF_SOURCE_MAP names: {clean(lines, 600)}" if lines else ""
    message += "; `mcf-pipeline doctor` shows the whole page"
    return RecognitionError(
        message,
        rule="colonne_ambigue" if ambiguous and not missing else "colonne_manquante",
        columns=names,
        problems=problems,
        guesses=guesses,
        toml=toml,
        found=found,
    )
