"""The asset graph, one module per group: raw, staging, warehouse, marts, publication.

An asset says which quarters, calls what computes, and shows the result; it computes nothing itself.
"""

from __future__ import annotations
