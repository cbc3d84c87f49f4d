"""Pages of ``docs/`` that are made from the code and from the sample, so that they cannot say something else.

`dictionary` writes the data dictionary, `questions` the results under the fifteen questions, `examples` the
warehouses that these are asked of; `site_hook` watches over the site's build.

    python -m mcf_pipeline.documentation docs

The command also regenerates the pages of the contract and of the sample. What does not belong here: prose (it
is in ``docs/``), and what these two pages say (`contract.rules`, `sample.synthetic.report`).
"""

from __future__ import annotations
