"""What starts runs: jobs, the quarterly schedule, the release sensor, and the steps they share."""

from __future__ import annotations
