"""One look at a source: what each column and modality was understood as, and whether the source can be used.

Plain data in, plain data out: the caller asks the portal or reads the file. What does not belong here: any
decision (`contract.recognition`, `contract.modalities`), any reading or writing, and how it is shown
(`commands.doctor_page`).
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from mcf_pipeline.contract.columns import MEASURES, kind_of
from mcf_pipeline.contract.days import loading_day
from mcf_pipeline.contract.guesses import toml_for, with_unknown_modalities
from mcf_pipeline.contract.masking import Masking
from mcf_pipeline.contract.modalities import DIMENSIONS, resolve, resolve_situation
from mcf_pipeline.contract.parsing import MASKS, quarter_problem
from mcf_pipeline.contract.recognition import RecognisedColumn, Recognition, RecognitionError, recognise
from mcf_pipeline.contract.source import SourceField
from mcf_pipeline.contract.source_map import SourceMap
from mcf_pipeline.contract.text import clean
from mcf_pipeline.quarter import FIRST_QUARTER, Quarter

Values = Mapping[str | None, int]
"""Distinct values of one column, with how often each was seen."""

MAX_PROBLEMS = 20
_MAX_MODALITIES = 60

_FORMATS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("1234", re.compile(r"-?[0-9]+")),
    ("1234.5", re.compile(r"-?[0-9]*\.[0-9]+")),
    ("1234,5", re.compile(r"-?[0-9]*,[0-9]+")),
    ("1 234", re.compile(r"-?[0-9]{1,3}(?:[ \u00a0\u202f\u2009][0-9]{3})+")),
    ("1.2E+3", re.compile(r"-?[0-9]+(?:[.,][0-9]*)?[eE][+-]?[0-9]{1,2}")),
    ("1,234.5", re.compile(r"-?[0-9]{1,3}(?:,[0-9]{3})+\.[0-9]+")),
    ("1.234,5", re.compile(r"-?[0-9]{1,3}(?:\.[0-9]{3})+,[0-9]+")),
    ("1 234,5", re.compile(r"-?[0-9]{1,3}(?:[ \u00a0\u202f\u2009][0-9]{3})+[.,][0-9]+")),
)
_EMPTY, _UNREADABLE = "empty", "unreadable"


@dataclass(frozen=True, slots=True)
class SourceFacts:
    """What the caller learned of the source; None where nobody said it.

    Attributes:
        origin: address or path, without any secret.
        reachable: False if it could not be reached; `error` says why.
        error: one line; where the source was reached, why what it sent is of no use.
        quota_left: requests left, as the portal counts them.
        licence: as the source names it.
        data_processed: the portal's time of the data.
        records_count: lines that the source announces.
        lines_read: lines that the values were taken from.
    """

    origin: str
    reachable: bool = True
    error: str | None = None
    quota_left: int | None = None
    licence: str | None = None
    data_processed: dt.datetime | None = None
    records_count: int | None = None
    lines_read: int | None = None


@dataclass(frozen=True, slots=True)
class ColumnFinding:
    """What one column of the source became; `canonical` is None for one that is not used."""

    source: str
    canonical: str | None
    rule: str | None


@dataclass(frozen=True, slots=True)
class ModalityFinding:
    """What one text in a dimension met."""

    dimension: str
    text: str
    id: str
    libelle: str
    known: bool
    lines: int


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """The result of one examination of the source.

    Attributes:
        ready: the source can be used as it is.
        facts: of the source.
        columns: in the source's order.
        modalities: by dimension, commonest first.
        formats: by measure, how many values are written in which form.
        quarters: identifiers of the quarters seen, in time order.
        masking: how its lines are masked; None where they could not be read.
        problems: first ones, what stops the pipeline first.
        notes: what is worth knowing and stops nothing.
        toml: lines for `MCF_SOURCE_MAP`; empty if nothing is to be mapped.
        opens: whether these lines were tried, and a run with them ends well; None where nothing was tried.
    """

    ready: bool
    facts: SourceFacts
    columns: tuple[ColumnFinding, ...] = ()
    modalities: tuple[ModalityFinding, ...] = ()
    formats: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    quarters: tuple[str, ...] = ()
    masking: Masking | None = None
    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    toml: str = ""
    opens: bool | None = None

    @property
    def unknown(self) -> dict[str, list[str]]:
        """By dimension, the texts that nobody knows."""
        found: dict[str, list[str]] = {}
        for modality in self.modalities:
            if not modality.known:
                found.setdefault(modality.dimension, []).append(modality.text)
        return found

    def to_json(self) -> dict[str, Any]:
        """As plain types, for ``--json``."""
        data = asdict(self)
        processed = self.facts.data_processed
        data["facts"]["data_processed"] = processed.isoformat() if processed else None
        return data


def diagnose(
    facts: SourceFacts,
    fields: Sequence[SourceField],
    values: Mapping[str, Values],
    source_map: SourceMap | None = None,
    *,
    today: dt.date | None = None,
    pairs: Mapping[tuple[str | None, ...], int] | None = None,
) -> Diagnosis:
    """Look at a source.

    Args:
        facts: what is known of it.
        fields: its columns.
        values: by column of the source, distinct or sampled values with their counts.
        source_map: overrides.
        today: quarters after this day are in the future.
        pairs: where one thing is given by two columns (year and number, or flag and CSP), the values seen
            together, in the order of the columns; without it these are judged one by one.
    """
    if not facts.reachable:
        return Diagnosis(False, facts, problems=(facts.error or "the source could not be reached",))
    source_map = source_map or SourceMap()
    samples = {name: [v for v in found if v] for name, found in values.items()}
    problems: list[str] = [facts.error] if facts.error else []
    notes: list[str] = []
    toml = ""
    recognition: Recognition | None = None
    found: Mapping[str, RecognisedColumn]
    try:
        recognition = recognise(fields, source_map, samples)
        found = recognition.columns
        notes += recognition.flags
    except RecognitionError as error:
        found = error.found
        problems += error.problems or (str(error),)
        toml = error.toml
    canonical_of = {column.source: (name, column.rule) for name, column in found.items()}
    columns = tuple(ColumnFinding(f.name, *canonical_of.get(f.name, (None, None))) for f in fields)

    modalities = _modalities(found, values, source_map)
    unknown: dict[str, list[str]] = {}
    for modality in modalities:
        if not modality.known:
            unknown.setdefault(modality.dimension, []).append(modality.text)
    for dimension, texts in unknown.items():
        shown = ", ".join(repr(clean(text, 40)) for text in texts[:5])
        notes.append(f"{len(texts)} unknown in {dimension}: {shown}; kept with est_connue = false")

    own = frozenset(marker.strip().lower() for marker in source_map.masks)
    formats = {name: _formats(values.get(column.source, {}), own) for name, column in found.items() if _measures(name)}
    for name, counts in formats.items():
        if counts.get(_UNREADABLE):
            examples = [v for v in values[found[name].source] if v and _format(v, own) == _UNREADABLE][:3]
            shown = ", ".join(repr(clean(v, 40)) for v in examples)
            notes.append(f"{counts[_UNREADABLE]:,} values of {name} are not numbers: {shown}")

    quarters: tuple[str, ...] = ()
    if recognition is not None:
        quarters, quarter_problems = _quarters(recognition, values, pairs, today or dt.date.today())
        problems += quarter_problems
    if "date_chargement" in found and facts.data_processed is None:
        newest = Quarter.parse(max(quarters)) if quarters else FIRST_QUARTER
        day = today or dt.date.today()
        texts = [text.strip() for text in samples[found["date_chargement"].source]]
        notes += filter(None, loading_day(texts, newest.first_day, day, day)[1:])
    if facts.records_count is not None and facts.lines_read is not None and not facts.lines_read:
        problems.append(f"the source announces {facts.records_count} lines and gives none")
    if unknown:
        toml = with_unknown_modalities(toml or toml_for({}, (), (), source_map), unknown)
    blocked = recognition is None or (bool(fields) and not quarters and _has_values(values))
    blocked = blocked or facts.lines_read == 0 or facts.error is not None
    return Diagnosis(
        ready=not blocked,
        facts=facts,
        columns=columns,
        modalities=modalities,
        formats=formats,
        quarters=quarters,
        problems=tuple(problems[:MAX_PROBLEMS]),
        notes=tuple(notes),
        toml=toml,
    )


def _has_values(values: Mapping[str, Values]) -> bool:
    return any(values.values())


def _measures(canonical: str) -> bool:
    return kind_of(canonical) in MEASURES


def _format(value: str | None, own_masks: Collection[str] = ()) -> str:
    text = (value or "").strip()
    if not text:
        return _EMPTY
    if text.lower() in MASKS or text.lower() in own_masks:
        return f"masked as {clean(text, 20)!r}"
    if len(text) <= 60:
        for name, pattern in _FORMATS:
            if pattern.fullmatch(text.removeprefix("+")):
                return name
        if bare := _with_currency(text):
            return f"{bare} €"
    return _UNREADABLE


def _with_currency(text: str) -> str | None:
    """How an amount is written that stands before its currency; None where none does."""
    match = re.fullmatch(r"(.*?)\s*(?:€|EUR|[Ee]uros?)", text)
    found = match and _format(match[1])
    return found if found not in (None, _EMPTY, _UNREADABLE) else None


def _formats(values: Values, own_masks: Collection[str] = ()) -> dict[str, int]:
    counts: dict[str, int] = {}
    for value, lines in values.items():
        name = _format(value, own_masks)
        counts[name] = counts.get(name, 0) + lines
    return counts


def _modalities(
    found: Mapping[str, RecognisedColumn], values: Mapping[str, Values], source_map: SourceMap
) -> tuple[ModalityFinding, ...]:
    findings: list[ModalityFinding] = []
    for name, dimension in DIMENSIONS.items():
        columns = [dimension.column]
        if name == "situation":
            columns.append("demandeur_emploi")
        for canonical in columns:
            if canonical not in found:
                continue
            seen = values.get(found[canonical].source, {})
            for text, lines in sorted(seen.items(), key=lambda item: (-item[1], item[0] or ""))[:_MAX_MODALITIES]:
                if canonical == "demandeur_emploi":
                    met = resolve_situation(None, text, source_map)
                else:
                    met = resolve(name, text, source_map)
                findings.append(ModalityFinding(name, clean(text or ""), met.id, met.libelle, met.est_connue, lines))
    return tuple(findings)


def _quarters(
    recognition: Recognition,
    values: Mapping[str, Values],
    pairs: Mapping[tuple[str | None, ...], int] | None,
    today: dt.date,
) -> tuple[tuple[str, ...], list[str]]:
    """The valid quarters seen, and one sentence for each kind of trouble."""
    columns = recognition.quarter.columns
    seen: Mapping[tuple[str | None, ...], int]
    if pairs is not None:
        seen = pairs
    elif recognition.quarter.is_pair:
        years, numbers = (values.get(column, {}) for column in columns)
        seen = {(year, number): min(years[year], numbers[number]) for year in years for number in numbers}
    else:
        seen = {(value,): lines for value, lines in values.get(columns[0], {}).items()}
    valid: set[Quarter] = set()
    unreadable: list[str] = []
    impossible: set[str] = set()
    guessed = pairs is None and recognition.quarter.is_pair
    for texts in seen:
        quarter = recognition.quarter.read(texts)
        if quarter is None:
            unreadable.append(" ".join(clean(part or "", 30) for part in texts))
            continue
        problem = quarter_problem(quarter, today)
        if problem is None:
            valid.add(quarter)
        elif not guessed:  # years and numbers that were not seen together prove nothing
            impossible.add(problem)
    problems = sorted(impossible)[:3]
    if unreadable and not guessed:
        problems.append(f"{len(unreadable)} quarters cannot be read: {', '.join(map(repr, unreadable[:3]))}")
    if seen and not valid:
        problems.insert(0, f"no valid quarter in {' and '.join(repr(clean(column, 60)) for column in columns)}")
    return tuple(quarter.id for quarter in sorted(valid)), problems
