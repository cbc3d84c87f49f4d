"""The published file: its assembly from the tables' files, its publication, its dictionary, and its verification."""

from __future__ import annotations
