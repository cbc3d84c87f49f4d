"""What is synthetic: the generator of sample releases, and a local portal that serves them.

Everything made here is labelled as synthetic.
"""

from __future__ import annotations
