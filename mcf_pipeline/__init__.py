"""Mon Compte Formation - Les usagers: every release, archived, validated and queryable."""

from __future__ import annotations

__version__ = "0.1.0"
