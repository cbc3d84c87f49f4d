"""What each command of `mcf-pipeline` does, one module per command; `cli` declares them and imports these late."""

from __future__ import annotations
