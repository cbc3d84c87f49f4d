"""A local Opendatasoft portal that serves synthetic releases, to try the pipeline on.

    with SimulatedPortal(releases(3)) as portal:
        portal.url                            # http://127.0.0.1:…
        portal.next()                         # as POST /next: the next release

It is the Explore API v2.1 as far as the pipeline uses it, after what is known of the real one. What it serves says
that it is synthetic: title, keyword, and a column of every line. The tests have one that fails on request.
"""

from __future__ import annotations

from mcf_pipeline.sample.portal.server import SimulatedPortal, serve
from mcf_pipeline.sample.portal.store import Release

__all__ = ["Release", "SimulatedPortal", "serve"]
