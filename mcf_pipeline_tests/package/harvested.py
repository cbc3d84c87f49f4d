"""The catalogue of a package as a harvester reads it."""

from __future__ import annotations

from rdflib import Graph

from mcf_pipeline.settings import DataDir


def graph_of(data_dir: DataDir) -> Graph:
    """The graph of ``dcat.jsonld``, its addresses those of the folder it lies in."""
    path = data_dir.package / "dcat.jsonld"
    return Graph().parse(path, format="json-ld", publicID=path.resolve().as_uri())
