"""Pandera models, one module per layer: the one place where tables, columns, types and keys are written.

The DuckDB DDL and comments, Dagster's column schemas, the data dictionary and the data package are all
derived from here (`schemas.base.describe`).
"""

from __future__ import annotations
