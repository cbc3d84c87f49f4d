"""What is wrong with a release, and the lines for `MCF_SOURCE_MAP` that put it right: valid TOML, with the whole map.

What does not belong here: what is proposed (`contract.guesses`, `contract.release`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from mcf_pipeline.contract.columns import PART_COLUMNS
from mcf_pipeline.contract.source_map import PARTS, SourceMap, toml_key, toml_string

Value = str | bool | tuple[str, ...]

_QUARTER = {"annee": "year", "numero_trimestre": "number", "trimestre": "column"}
_ORDER = ("columns", "quarter", "units", "numbers", "masked", "totals", "accept", "modalities", "ignore")


@dataclass(frozen=True, slots=True)
class Proposal:
    """One line for the map.

    Attributes:
        section: of the map, ``columns`` or ``modalities.region``.
        key: in the section.
        value: what to write; several texts are added to those that are there.
        note: what to check, said behind the line.
        is_remark: whether only a user can decide it: written as a comment.
    """

    section: str
    key: str
    value: Value
    note: str = ""
    is_remark: bool = False


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a release is not taken.

    Attributes:
        rule: as in `contract.rules`.
        message: what is wrong, with the numbers, and the likely cause.
        proposals: the lines for the map that put it right; none where only the publisher can.
    """

    rule: str
    message: str
    proposals: tuple[Proposal, ...] = ()

    def __str__(self) -> str:
        return self.message


def for_column(canonical: str, source: str, note: str = "", *, is_remark: bool = False) -> Proposal:
    """A proposal that says which column of the file is which; the quarter has a section of its own."""
    section = "quarter" if canonical in _QUARTER else "columns"
    return Proposal(section, _QUARTER.get(canonical, canonical), source, note, is_remark)


def map_lines(source_map: SourceMap, proposals: Iterable[Proposal] = (), without: Iterable[str] = ()) -> str:
    """TOML: what a map says, and what is proposed beside it.

    Args:
        source_map: what is mapped already.
        proposals: a later one takes the place of an earlier one of the same key.
        without: canonical columns whose mapping did not work, and is left out.
    """
    sections: dict[str, dict[str, tuple[Value, str]]] = {}
    remarks: dict[str, list[str]] = {}
    for proposal in (*_said(source_map, set(without)), *proposals):
        if proposal.is_remark:
            remarks.setdefault(proposal.section, []).append(_line(proposal.key, proposal.value, proposal.note))
            continue
        section = sections.setdefault(proposal.section, {})
        value = proposal.value
        if isinstance(value, tuple) and proposal.key in section:
            before = section[proposal.key][0]
            value = tuple(dict.fromkeys((*(before if isinstance(before, tuple) else ()), *value)))
        section[proposal.key] = value, proposal.note
    quarter = sections.get("quarter", {})
    if "column" in quarter and len(quarter) > 1:
        # It is given in one way only; what was proposed last counts.
        last = list(quarter)[-1]
        sections["quarter"] = {k: v for k, v in quarter.items() if (k == "column") == (last == "column")}
    for name in ("units", "numbers"):
        if name in sections:
            sections[name] = _parts_together(sections[name])
    lines: list[str] = []
    for name in sorted({*sections, *remarks}, key=lambda n: (_ORDER.index(n.partition(".")[0]), n)):
        entries = sections.get(name, {})
        lines.append(f"[{name}]")
        lines += [_line(key, value, note) for key, (value, note) in entries.items()]
        lines += [f"# {line}" for line in remarks.get(name, ())]
    return "\n".join(lines) + ("\n" if lines else "")


def _parts_together(section: Mapping[str, tuple[Value, str]]) -> dict[str, tuple[Value, str]]:
    """One line for the parts of all financers, where the same is said of each of them."""
    parts = {name: said for name, said in section.items() if name in PART_COLUMNS}
    if len(parts) < len(PART_COLUMNS) or len({value for value, _ in parts.values()}) > 1:
        return dict(section)
    value, note = next(iter(parts.values()))
    rest = {name: said for name, said in section.items() if name not in parts}
    return {**rest, PARTS: (value, note)}


def _line(key: str, value: Value, note: str) -> str:
    return f"{toml_key(key)} = {_toml(value)}" + (f"  # {note}" if note else "")


def _toml(value: Value) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return toml_string(value)
    return f"[{', '.join(map(toml_string, value))}]"


def _said(source_map: SourceMap, without: set[str]) -> Sequence[Proposal]:
    """What a map says, as proposals."""
    said = [for_column(name, source) for name, source in source_map.columns.items() if name not in without]
    said += [
        Proposal(f"modalities.{dimension}", text, identifier)
        for dimension, texts in source_map.modalities.items()
        for text, identifier in texts.items()
    ]
    said += [Proposal("units", name, unit) for name, unit in source_map.units.items()]
    said += [Proposal("numbers", name, meaning) for name, meaning in source_map.numbers.items()]
    said += [Proposal("totals", name, texts) for name, texts in source_map.totals.items()]
    if source_map.masks:
        said.append(Proposal("masked", "markers", source_map.masks))
    if source_map.zero_is_masked:
        said.append(Proposal("masked", "zero_dossiers", True))
    if source_map.accepted:
        said.append(Proposal("accept", "rules", source_map.accepted))
    if source_map.ignored:
        said.append(Proposal("ignore", "columns", source_map.ignored))
    return said
