"""The portal's fixtures, which its client and its server share."""

from mcf_pipeline_tests.tiny_portal import client, key, portal, tiny

__all__ = ["client", "key", "portal", "tiny"]
