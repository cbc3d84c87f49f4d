"""The fingerprint of the rules: what decides, besides the archived lines, what a file of `tables/` holds.

A declared list, not folders: a comment in the doctor's page must not rebuild the warehouse, and a change of
`quarter.py` must. A test holds the list against what the makers import.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from importlib import resources

from mcf_pipeline.contract.source_map import SourceMap

LINES_DECIDED_BY = (
    "quarter.py",
    "duck.py",
    "contract/columns.py",
    "contract/financers.py",
    "contract/keys.py",
    "contract/line_rules.py",
    "contract/lines.py",
    "contract/map_lines.py",
    "contract/modalities.py",
    "contract/nomenclature.py",
    "contract/parsing.py",
    "contract/rules.py",
    "contract/separators.py",
    "contract/text.py",
    "contract/thresholds.py",
    "contract/totals.py",
    "schemas/base.py",
    "schemas/bounds.py",
    "schemas/staging.py",
    "schemas/warehouse.py",
    "tables/facts.py",
    "tables/staged.py",
    "tables/staging.py",
)
"""The files that determine staging and the facts."""

MARTS_DECIDED_BY = (
    "schemas/financing.py",
    "schemas/marts.py",
    "schemas/measures.py",
    "schemas/revisions.py",
    "tables/dimensions.py",
    "tables/marts.py",
)
"""The files that determine the marts in addition, with every file of ``sql/``."""


@dataclass(frozen=True, slots=True)
class Rules:
    """Fingerprints of the rules.

    Attributes:
        lines: for staging and the facts.
        marts: for the marts; changes whenever `lines` does.
    """

    lines: str
    marts: str

    @classmethod
    def of(cls, source_map: SourceMap) -> Rules:
        """The rules of this code with a user's overrides."""
        lines = _digest(LINES_DECIDED_BY, source_map.fingerprint())
        return cls(lines, _digest((*MARTS_DECIDED_BY, *_sql()), lines))


def _sql() -> tuple[str, ...]:
    names = (file.name for file in resources.files("mcf_pipeline").joinpath("sql").iterdir())
    return tuple(f"sql/{name}" for name in sorted(names) if name.endswith(".sql"))


@cache
def _digest(files: tuple[str, ...], before: str) -> str:
    digest = hashlib.sha256(before.encode())
    root = resources.files("mcf_pipeline")
    for name in files:
        digest.update(name.encode() + b"\0" + root.joinpath(name).read_bytes())
    return digest.hexdigest()
