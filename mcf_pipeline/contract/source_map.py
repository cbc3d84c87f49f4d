"""`MCF_SOURCE_MAP`: what a user declares about the source; it overrides recognition.

[columns]                    # canonical = "name in the source"
region = "Région (domicile)"
[quarter]                    # column = "…", or year = "…" and number = "…"
year = "annee_entree"
number = "trim_entree"
[modalities.region]          # "text in the source" = "identifier of a modality"
"Ile de Fr." = "11"
"ZZ" = "non_renseigne"
"Inconnue" = "a_part"        # a modality of its own, even if it would be recognised
[units]                      # canonical = unit
montant_engage = "milliers"
parts = "pourcent"           # of the amount engaged; or one: part_titulaire = …
[numbers]                    # what a separator followed by three digits is: "thousands" or "decimals"
prix_moyen = "thousands"
[masked]                     # markers of a masked figure, in addition to the usual ones
markers = ["conf."]
zero_dossiers = true         # a line with 0 dossiers and a mean price is masked
[totals]                     # texts of lines that are sums of others, dropped; all = in every dimension at once
region = ["Ensemble"]
all = [""]
[accept]                     # rules on whole releases to waive, for a reason that you know
rules = ["relation_prix_montant"]
[ignore]                     # columns to ignore
columns = ["region_ancienne"]
"""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Any

from mcf_pipeline.contract.columns import COLUMNS, DIMENSION_COLUMNS, MEASURES, PART_COLUMNS
from mcf_pipeline.contract.modalities import APART, DIMENSIONS, allowed_ids, modality_key
from mcf_pipeline.contract.text import clean
from mcf_pipeline.errors import UsageError

AMOUNT_UNITS: Mapping[str, Decimal] = {
    "euros": Decimal(1),
    "centimes": Decimal("0.01"),
    "milliers": Decimal(1_000),
    "millions": Decimal(1_000_000),
}
SHARE_UNITS: Mapping[str, Decimal] = {"pourcent": Decimal("0.01"), "ratio": Decimal(1)}
"""Units of a financer's part that is a share of the amount engaged, with the factor to that share."""
DURATION_UNITS: Mapping[str, Decimal] = {"heures": Decimal(1), "minutes": Decimal(1) / Decimal(60)}
"""No days: how many hours a day of training has is nothing that we know."""

THOUSANDS, DECIMALS = "thousands", "decimals"
"""What a separator with three digits behind it can be (`[numbers]`)."""
TOGETHER = "+"
"""Between the columns of a key of `[totals]`, for texts that stand in all of these at once."""
PARTS = "parts"
"""Key of `[units]` and `[numbers]` for the part of every financer."""
ALL = "all"
"""Key of `[totals]` for texts that stand in every dimension of a line at once."""
ACCEPTABLE = (
    "lignes_de_total",
    "relation_prix_montant",
    "relation_parts_montant",
    "relation_effectifs",
    "prix_hors_du_jeu",
    "duree_hors_du_jeu",
    "part_hors_unite",
    "effectifs_multiplies",
    "niveau_invraisemblable",
    "trimestres_cumules",
    "chiffres_recopies",
    "semestres",
    "regions_autres",
)
"""Rules on whole releases that a user can let pass: what they suspect can be how a source is."""

_SECTIONS = ("columns", "quarter", "modalities", "units", "numbers", "masked", "totals", "accept", "ignore")
_QUARTER_KEYS = ("column", "year", "number")
_PAIR = {"annee": "year", "numero_trimestre": "number"}
_MAX_BYTES = 1024 * 1024


def units_of(canonical: str) -> Mapping[str, Decimal]:
    """The units that a canonical column can be given in, with the factor to ours; empty if none."""
    if canonical == "duree_moyenne":
        return DURATION_UNITS
    if canonical in PART_COLUMNS:
        return {**AMOUNT_UNITS, **SHARE_UNITS}
    if canonical == "prix_moyen" or (canonical in COLUMNS and COLUMNS[canonical].kind == "amount"):
        return AMOUNT_UNITS
    return {}


@dataclass(frozen=True)
class SourceMap:
    """The overrides of one source; empty by default.

    Attributes:
        columns: name in the source by canonical column; the quarter's columns included
            (`trimestre`, or `annee` and `numero_trimestre`).
        modalities: by dimension, identifier by text in the source.
        units: unit by canonical column.
        ignored: columns of the source that are not used.
        numbers: by canonical column, what a separator with three digits behind it is.
        masks: markers of masked figures besides the usual ones.
        zero_is_masked: whether a line of 0 dossiers is a masked one.
        totals: by column of a dimension, the texts of lines that are sums of others; `ALL` for texts that stand in
            every dimension at once.
        accepted: rules on whole releases that are let pass.
    """

    columns: Mapping[str, str] = field(default_factory=dict)
    modalities: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)
    ignored: tuple[str, ...] = ()
    numbers: Mapping[str, str] = field(default_factory=dict)
    masks: tuple[str, ...] = ()
    zero_is_masked: bool = False
    totals: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    accepted: tuple[str, ...] = ()

    @classmethod
    def load(cls, path: Path | None) -> SourceMap:
        """Read the file; None gives an empty map.

        Raises:
            UsageError: it cannot be read, or says something that is not allowed; the message says what is.
        """
        if path is None:
            return cls()
        try:
            if path.is_file() and path.stat().st_size > _MAX_BYTES:
                raise UsageError(f"MCF_SOURCE_MAP {path}: larger than 1 MiB, not a source map")
            content = path.read_text(encoding="utf-8-sig")
            return cls.from_toml(tomllib.loads(content))
        except OSError as error:
            raise UsageError(f"MCF_SOURCE_MAP {path}: {error.strerror or 'cannot be read'}") from error
        except UnicodeDecodeError as error:
            raise UsageError(f"MCF_SOURCE_MAP {path}: not UTF-8; save it as UTF-8") from error
        except (tomllib.TOMLDecodeError, RecursionError) as error:
            raise UsageError(f"MCF_SOURCE_MAP {path}: not valid TOML: {clean(str(error), 200)}") from error
        except _WrongMapError as error:
            raise UsageError(f"MCF_SOURCE_MAP {path}: {error}") from error

    @classmethod
    def from_toml(cls, data: Mapping[str, Any]) -> SourceMap:
        """Read parsed TOML."""
        _only(data, _SECTIONS, "section")
        columns = _strings(data, "columns")
        _only(columns, [name for name in COLUMNS if name not in _PAIR], "column in [columns]")
        columns.update(_quarter(_strings(data, "quarter"), columns))
        _no_repetition(columns)

        modalities: dict[str, Mapping[str, str]] = {}
        by_column = {dimension.column: name for name, dimension in DIMENSIONS.items()}
        for name in _table(data, "modalities"):
            dimension = by_column.get(name, name)
            _only([dimension], DIMENSIONS, "dimension in [modalities.…]")
            texts = _strings(_table(data, "modalities"), name)
            for identifier in texts.values():
                _only([identifier], (*allowed_ids(dimension), APART), f"identifier in [modalities.{name}]")
            modalities[dimension] = {**modalities.get(dimension, {}), **texts}

        units = _for_parts(_strings(data, "units"))
        _only(units, [name for name in COLUMNS if units_of(name)], "column in [units]")
        for canonical, unit in units.items():
            _only([unit], units_of(canonical), f"unit of {canonical}")

        numbers = _for_parts(_strings(data, "numbers"))
        _only(numbers, [name for name in COLUMNS if COLUMNS[name].kind in MEASURES], "column in [numbers]")
        _only(numbers.values(), (THOUSANDS, DECIMALS), "meaning in [numbers]")

        masked = _table(data, "masked")
        _only(masked, ("markers", "zero_dossiers"), "key in [masked]")
        zero = masked.get("zero_dossiers", False)
        if not isinstance(zero, bool):
            raise _WrongMapError("[masked] zero_dossiers must be true or false")

        totals = _table(data, "totals")
        _only((c for key in totals for c in key.split(TOGETHER)), (*DIMENSION_COLUMNS, ALL), "column in [totals]")
        if any(ALL in key.split(TOGETHER) and key != ALL for key in totals):
            raise _WrongMapError(f"[totals] {ALL} must be the only entry")

        accept = _table(data, "accept")
        _only(accept, ("rules",), "key in [accept]")
        accepted = _list(accept, "rules", "accept")
        _only(accepted, ACCEPTABLE, "rule in [accept]")

        ignore = _table(data, "ignore")
        _only(ignore, ("columns",), "key in [ignore]")
        return cls(
            columns,
            modalities,
            units,
            _list(ignore, "columns", "ignore"),
            numbers,
            _list(masked, "markers", "masked"),
            zero,
            {name: _list(totals, name, "totals") for name in totals},
            accepted,
        )

    @cached_property
    def _modality_keys(self) -> Mapping[str, Mapping[str, str]]:
        return {
            dimension: {modality_key(text): identifier for text, identifier in texts.items() if modality_key(text)}
            for dimension, texts in self.modalities.items()
        }

    def modality(self, dimension: str, text: str) -> str | None:
        """The identifier that this map gives a text, or None; exactly as written first, then any spelling."""
        texts = self.modalities.get(dimension)
        if not texts:
            return None
        exact = texts.get(text)
        if exact is not None:
            return exact
        alike = self._modality_keys[dimension].get(modality_key(text))
        # What is kept apart is apart from its other spellings, too.
        return None if alike == APART else alike

    def is_share(self, canonical: str) -> bool:
        """Whether a financer's part is given as a share of the amount engaged."""
        return self.units.get(canonical) in SHARE_UNITS

    def factor(self, canonical: str) -> Decimal:
        """What a number in this column is multiplied with to give euros or hours (or a share, see `is_share`)."""
        unit = self.units.get(canonical)
        return Decimal(1) if unit is None else units_of(canonical)[unit]

    def fingerprint(self) -> str:
        """A hash of what this map says; the order of its lines means nothing."""
        content = json.dumps(
            [
                *(self.columns, self.modalities, self.units, sorted(self.ignored), self.numbers),
                *(sorted(self.masks), self.zero_is_masked, {k: sorted(v) for k, v in self.totals.items()}),
                sorted(self.accepted),
            ],
            sort_keys=True,
            ensure_ascii=True,
        )
        return hashlib.sha256(content.encode()).hexdigest()


class _WrongMapError(Exception):
    """Something in the map that is not allowed."""


def _only(found: Iterable[str], allowed: Iterable[str], what: str) -> None:
    allowed = list(allowed)
    for name in found:
        if name not in allowed:
            raise _WrongMapError(f"unknown {what}: {clean(name, 60)!r}; allowed: {', '.join(allowed)}")


def _table(data: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    table = data.get(name, {})
    if not isinstance(table, Mapping):
        raise _WrongMapError(f"{clean(name, 60)!r} must be a section: [{clean(name, 60)}]")
    return table


def _strings(data: Mapping[str, Any], name: str) -> dict[str, str]:
    table = dict(_table(data, name))
    for key, value in table.items():
        if not isinstance(value, str):
            raise _WrongMapError(f"[{clean(name, 60)}] {clean(key, 60)} must be a text in quotes")
    return table


def _for_parts(section: Mapping[str, str]) -> dict[str, str]:
    """A section in which `PARTS` speaks of the part of each financer that has no entry of its own."""
    given = {name: value for name, value in section.items() if name != PARTS}
    if PARTS not in section:
        return given
    return {**dict.fromkeys(PART_COLUMNS, section[PARTS]), **given}


def _list(section: Mapping[str, Any], key: str, name: str) -> tuple[str, ...]:
    values = section.get(key, [])
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise _WrongMapError(f'[{name}] {clean(key, 60)} must be a list of names: {clean(key, 60)} = ["a", "b"]')
    return tuple(values)


def _quarter(section: Mapping[str, str], columns: Mapping[str, str]) -> dict[str, str]:
    _only(section, _QUARTER_KEYS, "key in [quarter]")
    if not section:
        return {}
    if "trimestre" in columns:
        raise _WrongMapError("the quarter is given twice: in [columns] trimestre and in [quarter]; keep one")
    if set(section) == {"column"}:
        return {"trimestre": section["column"]}
    if set(section) == {"year", "number"}:
        return {"annee": section["year"], "numero_trimestre": section["number"]}
    raise _WrongMapError("[quarter] must have either column, or year and number")


def _no_repetition(columns: Mapping[str, str]) -> None:
    seen: dict[str, str] = {}
    for canonical, source in columns.items():
        if source in seen:
            raise _WrongMapError(
                f"column {clean(source, 60)!r} is given for both {seen[source]} and {canonical}; keep one"
            )
        seen[source] = canonical


def toml_string(text: str) -> str:
    """A text as a TOML string that reads back as the same text."""
    quoted = json.dumps(text.encode("utf-8", "replace").decode(), ensure_ascii=False)
    return quoted.replace("\x7f", "\\u007f")


def toml_key(text: str) -> str:
    """A text as a TOML key: bare where it may be."""
    bare = text.isascii() and text.replace("_", "").replace("-", "").isalnum()
    return text if bare else toml_string(text)
