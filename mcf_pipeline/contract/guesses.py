"""Proposals for columns that no name, label or description settles: by likeness of names and by values.

A proposal is never applied; a user puts it into `MCF_SOURCE_MAP` after a look. What does not belong here:
anything that decides.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from mcf_pipeline.contract.columns import COLUMNS, PART_COLUMNS, column_key, names_by_key
from mcf_pipeline.contract.map_lines import Proposal, for_column, map_lines
from mcf_pipeline.contract.modalities import DIMENSIONS, NOT_GIVEN_ID, resolve
from mcf_pipeline.contract.parsing import parse_quarter
from mcf_pipeline.contract.source import SourceField
from mcf_pipeline.contract.source_map import SourceMap, toml_key

_ALIKE = 0.62
"""Least likeness of two names worth a proposal, 0 to 1 (difflib's ratio)."""
_ALIKE_PART = 0.85
"""The same for a financer's part: its names are many and alike."""
_SHARE = 0.6
"""Least share of a column's values that must look like a modality or a quarter."""
_MAX_VALUES = 200


@dataclass(frozen=True, slots=True)
class Guess:
    """A proposal.

    Attributes:
        canonical: the column that is missing.
        source: the file's column that might be it.
        reason: why, in a few words.
        score: how sure, 0 to 1; values weigh more than names.
    """

    canonical: str
    source: str
    reason: str
    score: float


def guess_missing(
    missing: Sequence[str],
    free: Sequence[SourceField],
    samples: Mapping[str, Sequence[str]],
    *,
    has_year: bool = False,
) -> list[Guess]:
    """Propose a column for each missing one, none twice, best first.

    Args:
        missing: canonical columns; a name that is none stands for "any financer's part".
        free: the file's columns that nothing claims.
        samples: values by column of the file.
        has_year: a column of the year was recognised, so only the number of the quarter is missing.
    """
    wanted = [name for name in missing if name in COLUMNS]
    if "trimestre" in wanted:
        wanted += ["numero_trimestre"] if has_year else ["annee", "numero_trimestre"]
    parts = PART_COLUMNS if any(name not in COLUMNS for name in missing) else ()
    found = []
    for column in free:
        by_values = _by_values(samples.get(column.name, ()))
        for canonical in (*wanted, *parts):
            alike = _alike(canonical, column)
            if canonical in by_values:
                found.append(Guess(canonical, column.name, "values look like it", 0.5 + by_values[canonical] / 2))
            elif alike >= (_ALIKE_PART if canonical in parts else _ALIKE):
                found.append(Guess(canonical, column.name, "name is alike", alike / 2))
    chosen: dict[str, Guess] = {}
    for guess in sorted(found, key=lambda g: (g.canonical in parts, -g.score, g.canonical, g.source)):
        if guess.canonical not in chosen and all(guess.source != g.source for g in chosen.values()):
            chosen[guess.canonical] = guess
    is_pair = "numero_trimestre" in chosen and (has_year or "annee" in chosen)
    if "trimestre" in chosen or not is_pair:
        chosen.pop("annee", None)
        chosen.pop("numero_trimestre", None)
    return list(chosen.values())


def _alike(canonical: str, column: SourceField) -> float:
    """Likeness of the column's name or label to the canonical column's names."""
    keys = [key for key, name in names_by_key().items() if name == canonical]
    best = 0.0
    for text in (column.name, column.label or ""):
        mine = column_key(text)[:80]
        if len(mine) < 3:
            continue
        for key in keys:
            ratio = difflib.SequenceMatcher(None, mine, key).ratio()
            if key in mine and len(key) >= 4:
                ratio = max(ratio, 0.8)
            best = max(best, ratio)
    return best


def _by_values(values: Iterable[str]) -> dict[str, float]:
    """Canonical columns that the values look like, with the share of values that do."""
    given = [value for value in list(values)[:_MAX_VALUES] if value and value.strip()]
    if not given:
        return {}
    shares = {
        "trimestre": sum(parse_quarter(value) is not None for value in given) / len(given),
        "annee": sum(value.strip().isdecimal() and 2020 <= int(value.strip()[:9]) <= 2099 for value in given)
        / len(given),
        "numero_trimestre": sum(value.strip().upper().lstrip("TQ") in {"1", "2", "3", "4"} for value in given)
        / len(given),
    }
    for name, dimension in DIMENSIONS.items():
        met = [resolve(name, value[:200]) for value in given]
        known = [m for m in met if m.id != NOT_GIVEN_ID and (m.est_connue or m.attributes.get("age_max"))]
        shares[dimension.column] = len(known) / len(given)
    if shares["numero_trimestre"] >= _SHARE:
        shares.pop("region")  # 1, 2, 3 and 4 are also codes of regions
    return {canonical: share for canonical, share in shares.items() if share >= _SHARE}


def toml_for(
    choices: Mapping[str, Sequence[str]],
    missing: Sequence[str],
    guesses: Sequence[Guess],
    source_map: SourceMap,
) -> str:
    """The lines for `MCF_SOURCE_MAP`: valid TOML, what the map says already included.

    Args:
        choices: by ambiguous canonical column, the file's columns that could be it.
        missing: canonical columns without any.
        guesses: proposals for these.
        source_map: what is mapped already.
    """
    proposed = {guess.canonical: guess for guess in guesses}
    proposals: list[Proposal] = []
    for canonical, sources in choices.items():
        first, *others = sources
        proposals.append(for_column(canonical, first, "choose one" if others else "check"))
        proposals += [for_column(canonical, source, is_remark=True) for source in others]
    proposals += [for_column(g.canonical, g.source, f"check: {g.reason}") for g in guesses]
    for canonical in missing:
        covered = canonical in proposed or (canonical == "trimestre" and "numero_trimestre" in proposed)
        if canonical not in COLUMNS:
            covered = any(name in proposed for name in PART_COLUMNS)
        if not covered:
            name = canonical if canonical in COLUMNS else PART_COLUMNS[0]
            proposals.append(for_column(name, "name of the column", is_remark=True))
    return map_lines(source_map, proposals, without={*missing, *choices, *proposed})


def with_unknown_modalities(toml: str, unknown: Mapping[str, Sequence[str]]) -> str:
    """Add a line for each modality that nobody knows, commented out: only the user can say what it is.

    A section that `toml` has already is not opened twice, so that the lines can be uncommented as they are.
    """
    lines = toml.splitlines()
    for dimension, texts in unknown.items():
        added = [f'# {toml_key(text)} = "identifier of a modality"' for text in texts]
        header = f"[modalities.{dimension}]"
        if header in lines:
            at = lines.index(header) + 1
            lines[at:at] = added
        elif added:
            lines += [f"# {header}", *added]
    return "\n".join(lines) + ("\n" if lines else "")
