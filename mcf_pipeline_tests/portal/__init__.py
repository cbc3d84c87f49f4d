"""The simulated portal as tests need it: it keeps a log and a quota, and misbehaves on request.

with SimulatedPortal(releases(3)) as portal:
    portal.misbehave("cut", at=0.5)       # as POST /misbehave {"fault": "cut", "at": 0.5}
    portal.behave()                       # as POST /behave
    portal.requests                       # as GET /log
"""

from __future__ import annotations

from mcf_pipeline_tests.portal.faults import FAULTS
from mcf_pipeline_tests.portal.server import Logged, SimulatedPortal

__all__ = ["FAULTS", "Logged", "SimulatedPortal"]
