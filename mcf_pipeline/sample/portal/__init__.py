"""A local Opendatasoft portal that serves synthetic releases, and misbehaves on request.

    with SimulatedPortal(releases(3)) as portal:
        portal.url                            # http://127.0.0.1:…
        portal.next()                         # as POST /next: the next release
        portal.misbehave("cut", at=0.5)       # as POST /misbehave {"fault": "cut", "at": 0.5}
        portal.requests                       # as GET /log

It is the Explore API v2.1 as far as the pipeline and its tests use it, after what is known of the real one.
What it serves says that it is synthetic: title, keyword, and a column of every line.
"""

from __future__ import annotations

from mcf_pipeline.sample.portal.faults import FAULTS, Fault
from mcf_pipeline.sample.portal.server import Logged, SimulatedPortal, serve
from mcf_pipeline.sample.portal.store import Release

__all__ = ["FAULTS", "Fault", "Logged", "Release", "SimulatedPortal", "serve"]
