"""``python -m mcf_pipeline.documentation docs``: regenerates the generated pages and parts of pages."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from mcf_pipeline.contract.page import contract_page
from mcf_pipeline.documentation import dictionary, examples, questions
from mcf_pipeline.sample.synthetic.report import refresh


def main(docs: Path) -> None:
    """Write what comes from the code, then ask the fifteen questions again; the latter takes a minute or two."""
    (docs / "contract.md").write_text(contract_page(), encoding="utf-8")
    (docs / dictionary.FILE_NAME).write_text(dictionary.page(), encoding="utf-8")
    refresh(docs / "sample.md")
    with tempfile.TemporaryDirectory(prefix="mcf-docs-") as folder:
        warehouses = examples.build(Path(folder))
        page = docs / questions.FILE_NAME
        page.write_text(questions.answered(page.read_text(encoding="utf-8"), warehouses), encoding="utf-8")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python -m mcf_pipeline.documentation docs")
    main(Path(sys.argv[1]))
