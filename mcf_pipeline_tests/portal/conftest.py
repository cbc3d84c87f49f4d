"""Two tiny releases in a portal."""

from mcf_pipeline_tests.tiny_portal import portal, tiny

__all__ = ["portal", "tiny"]
