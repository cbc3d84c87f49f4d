"""Texts that no column name and no modality should have, and some will."""

from __future__ import annotations

HOSTILE = (
    "<script>alert(1)</script>",
    "=cmd()|'/C calc'!A0",
    "'; DROP TABLE fct_dossiers; --",
    "../..",
    "/etc/passwd",
    "C:\\Windows\\system32",
    "a\x00b",
    "\u202egnp.exe",
    "é" * 100_000,
    "x" * 10_000_000,
    "\ud800",
    "𝕳𝖔𝖒𝖒𝖊\u0301 𝖋",
    "CON",
    '"] = 1\n[columns',
)
