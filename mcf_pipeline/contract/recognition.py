"""Which column of a file is which canonical column, and by which rule; or one page that says what to map.

Order and position mean nothing. A name that the grammar does not know for certain counts where the values agree and no
other column competes, and that is said; anything less sure is proposed, never applied. What does not belong here: the
names themselves (`contract.columns`, `contract.grammar`), and what values look like (`contract.evidence`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from mcf_pipeline.contract.columns import COLUMNS, MEASURES, PART_COLUMNS, column_key, names_by_key
from mcf_pipeline.contract.evidence import confirms
from mcf_pipeline.contract.grammar import Reading, read_name
from mcf_pipeline.contract.guesses import Guess, guess_missing, toml_for
from mcf_pipeline.contract.quarter_columns import Together, settle_quarter
from mcf_pipeline.contract.recognised import RecognisedColumn, Recognition, RuleName
from mcf_pipeline.contract.source import SourceField
from mcf_pipeline.contract.source_map import SourceMap
from mcf_pipeline.contract.text import clean, shorten
from mcf_pipeline.errors import ContractError
from mcf_pipeline.settings import Limits

__all__ = [
    "ANY_PART",
    "RecognisedColumn",
    "Recognition",
    "RecognitionError",
    "RuleName",
    "fields_of",
    "recognise",
]

_MAX_NAMES = 700
"""Characters of the file's column names that a message shows."""
ANY_PART = "part_<financeur>"
"""How messages call "the part of at least one financer"."""


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
    quarter_choice: str | None = None

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
    together: Together | None = None,
    max_columns: int = Limits().max_columns,
) -> Recognition:
    """Say what each column of a file is.

    Args:
        fields: the file's columns, with labels and descriptions where they are known.
        source_map: overrides.
        samples: some values of each column, by its name: the second witness of a name that is not certain, and for
            proposals.
        together: what some columns hold side by side; tells whether three columns of the quarter agree.
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
        fallback = _fallback(found)
        if fallback and found.name not in state.claimed() and fallback not in settled:
            others = state.candidates.get(fallback, [])
            if all(other.rule == "fallback" for other in others):
                state.candidates.setdefault(fallback, []).append(RecognisedColumn(found.name, "fallback"))
    settled_quarter = settle_quarter(state.candidates, samples or {}, together)
    state.flags += settled_quarter.flags
    state.problems += settled_quarter.problems
    state.quarter_choice = settled_quarter.choice
    _confirmed_by_values(free, settled, samples or {}, state)

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
                f"column {clean(name, 60)!r} appears twice in the header: look at the file, it may be damaged",
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
    """What a field's name says for certain, else its label, else the first sentence of its description."""
    names = names_by_key()
    key = column_key(found.name)
    canonical = names.get(key)
    if canonical is not None:
        is_technical = key == column_key(canonical.replace("_", " "))
        return canonical, "technical name" if is_technical else "synonym"
    if canonical := _certain(found.name):
        return canonical, "grammar"
    if found.label and (canonical := names.get(column_key(found.label)) or _certain(found.label)):
        return canonical, "label"
    if found.description:
        sentence = found.description.replace(";", ".").replace(":", ".").split(".", 1)[0]
        if canonical := names.get(column_key(sentence)) or _certain(sentence):
            return canonical, "description"
    return None


def _certain(name: str) -> str | None:
    reading = read_name(name)
    return reading.canonical if reading and reading.is_certain and not reading.is_code else None


def _fallback(found: SourceField) -> str | None:
    """The canonical column that this one says by a code."""
    if canonical := names_by_key(fallbacks=True).get(column_key(found.name)):
        return canonical
    reading = read_name(found.name)
    return reading.canonical if reading and reading.is_certain and reading.is_code else None


def _confirmed_by_values(
    free: Sequence[SourceField], settled: set[str], samples: Mapping[str, Sequence[str]], state: _State
) -> None:
    """Take a column whose name is not certain where its values agree and no other column competes.

    A measure that may be missing is not taken this way: any number would agree.
    """
    missing = {name for name in _missing(state) if name in COLUMNS}
    competing: dict[str, list[tuple[SourceField, Reading]]] = {}
    claimed = state.claimed()
    for found in free:
        if found.name in claimed:
            continue
        readings = [read_name(text) for text in (found.name, found.label or "")]
        for reading in readings:
            if reading and reading.canonical in missing - settled:
                competing.setdefault(reading.canonical, []).append((found, reading))
                break
    for canonical, readings_ in competing.items():
        confirmed = [(f, r) for f, r in readings_ if confirms(canonical, samples.get(f.name, ()))]
        if len(confirmed) != 1 or (COLUMNS[canonical].kind in MEASURES and len(readings_) != 1):
            continue
        found, reading = confirmed[0]
        state.candidates[canonical] = [RecognisedColumn(found.name, "name and values")]
        why = (
            f"its name has unknown words ({', '.join(map(repr, reading.unknown))})"
            if reading.unknown
            else ("its name alone is not enough")
        )
        state.flags.append(f"{clean(found.name, 60)!r} is read as {canonical}: {why}; its values agree")


def _missing(state: _State) -> list[str]:
    has = state.candidates
    missing = [rule.name for rule in COLUMNS.values() if rule.required and rule.name not in has]
    if "trimestre" in missing and "annee" in has and "numero_trimestre" in has:
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
    if state.quarter_choice:
        kept_quarter = [state.quarter_choice]
        state.candidates = {k: v for k, v in state.candidates.items() if k not in ("annee", "numero_trimestre")}
        ambiguous = {**ambiguous, "trimestre": [RecognisedColumn(name, "synonym") for name in kept_quarter]}
    choices = {name: [column.source for column in found] for name, found in ambiguous.items()}
    found = {name: columns[0] for name, columns in state.candidates.items() if len(columns) == 1}
    guesses = guess_missing(missing, free, samples, has_year="annee" in found)
    kept = {name: source for name, source in source_map.columns.items() if name in found}
    pair = ("annee", "numero_trimestre")
    if any(name in choices for name in pair) or any(guess.canonical in pair for guess in guesses):
        # A map that gives one of the two has to give the other.
        kept |= {name: found[name].source for name in pair if name in found}
    toml = toml_for(choices, missing, guesses, replace(source_map, columns=kept))
    shown = "; ".join(f"{g.canonical} = {clean(g.source, 60)!r} ({g.reason})" for g in guesses[:6])
    written = [line.split("  # ")[0] for line in toml.splitlines() if not line.startswith("#")]
    lines = " / ".join(written) if any(not line.startswith("[") for line in written) else ""
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
