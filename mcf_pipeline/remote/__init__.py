"""A data directory in an object store: the local folder is a working copy that a step pulls and pushes.

Loaded only where ``MCF_DATA_DIR`` is a URL. What computes knows nothing of it: it reads and writes the working copy.
"""
