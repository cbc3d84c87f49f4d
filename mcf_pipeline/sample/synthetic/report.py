"""The tables of `docs/sample.md`: the sample held against the published figures.

Bring the page up to date with ``python -m mcf_pipeline.sample.synthetic.report docs/sample.md``. What is
measured, and how, is in `figures`.
"""

from __future__ import annotations

import sys
from pathlib import Path

from mcf_pipeline.sample.synthetic.figures import CONFLICTS, NOT_MEASURABLE, Figure, figures
from mcf_pipeline.sample.synthetic.measure import Measured
from mcf_pipeline.sample.synthetic.release import SyntheticRelease

_BEGIN, _END = "<!-- tables: begin (rendered, see the end of the page) -->\n", "<!-- tables: end -->\n"


def calibration_table(release: SyntheticRelease | None = None) -> str:
    """All that was published, in Markdown: what a release yields, what not, and what does not go together."""
    release = release or SyntheticRelease()
    truth, masked = Measured(release.truth_table()), Measured(release.table())
    return "\n".join(
        [
            "| figure | what it yields | what was published | ratio | in the masked file | source, remarks |",
            "|---|--:|--:|--:|--:|---|",
            *(_row(figure, figure.measure(truth), figure.measure(masked)) for figure in figures()),
            "",
            "| published, not measurable | why, and what is checked instead |",
            "|---|---|",
            *(f"| {what} | {why} |" for what, why in NOT_MEASURABLE),
            "",
            "| year | published figures that do not go together |",
            "|---|---|",
            *(f"| {year} | {what} |" for year, what in CONFLICTS),
            "",
        ]
    )


def refresh(page: Path) -> None:
    """Put today's tables into a page, between its two marks."""
    before, _, rest = page.read_text(encoding="utf-8").partition(_BEGIN)
    after = rest.partition(_END)[2]
    page.write_text(f"{before}{_BEGIN}\n{calibration_table()}\n{_END}{after}", encoding="utf-8")


def _row(figure: Figure, value: float, masked: float) -> str:
    cells = (
        figure.name,
        _written(value, figure.unit),
        _written(figure.published, figure.unit),
        f"{value / figure.published:.3f}",
        _written(masked, figure.unit),
        f"{figure.source}; {figure.note}" if figure.note else figure.source,
    )
    return f"| {' | '.join(cells)} |"


def _written(value: float, unit: str) -> str:
    digits = {"": 0, "€": 2, "M€": 0, "%": 1, "h": 1, "x": 3}[unit]
    return f"{value:,.{digits}f} {unit}".strip()


if __name__ == "__main__":
    refresh(Path(sys.argv[1]))
