"""Everything of Dagster, and nothing else: assets, checks, the runner, the sensor and the schedules.

What orchestrates computes nothing; what computes does not import Dagster.
"""

from __future__ import annotations
