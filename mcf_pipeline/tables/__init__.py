"""What is made of one quarter: staging, facts, marts; and the dimensions beside them."""

from __future__ import annotations
