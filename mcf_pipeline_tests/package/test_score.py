"""data.gouv.fr's quality score of what our catalogue says is 100, computed from the catalogue as it is harvested.

The score is that of udata, the software of data.gouv.fr: nine criteria (`compute_quality` of its dataset model), one
point each (`compute_quality_score`), out of nine, fed as its DCAT harvester feeds them (`dataset_from_rdf`). Two are
stricter here: a licence that is not recognised counts there as "not specified", and so as a licence; a file counts
there as available until a robot has failed to get it. The source's page has five of the nine: 55.
"""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path
from urllib.parse import unquote, urlparse

import pytest
from rdflib import DCAT, DCTERMS, RDF, RDFS, Graph, Literal, Namespace, URIRef

from mcf_pipeline_tests.package.harvested import graph_of

EU = "http://publications.europa.eu/resource/authority"
GEO = Namespace("http://www.opengis.net/ont/geosparql#")
LICENCE_URL = "https://www.etalab.gouv.fr/wp-content/uploads/2017/04/ETALAB-Licence-Ouverte-v2.0.pdf"
CLOSED_FORMATS = {"pdf", "doc", "docx", "word", "xls", "excel", "xlsx"}
FREQUENCIES = {f"{EU}/frequency/QUARTERLY": dt.timedelta(days=31 * 3), f"{EU}/frequency/IRREG": None}
LATE = dt.timedelta(days=1)
RELEASED = dt.date(2026, 10, 8)
TODAY = dt.date(2026, 11, 23)


def quality(graph: Graph, today: dt.date = TODAY) -> dict[str, bool]:
    """The nine criteria, of what a harvester makes of the graph."""
    dataset = graph.value(predicate=RDF.type, object=DCAT.Dataset)
    resources = [r for r in graph.objects(dataset, DCAT.distribution) if address(graph, r)]
    frequency = str(graph.value(dataset, DCTERMS.accrualPeriodicity))
    period = graph.value(dataset, DCTERMS.temporal)
    told = {
        "license": licence(graph, dataset, resources) == LICENCE_URL,
        "temporal_coverage": any(graph.value(period, edge) for edge in (DCAT.startDate, DCAT.endDate)),
        "spatial": bool(polygons(graph, dataset)),
        "update_frequency": frequency in FREQUENCIES,
        "update_fulfilled_in_time": in_time(graph, dataset, resources, frequency, today),
        "dataset_description_quality": len(str(graph.value(dataset, DCTERMS.description) or "")) > 100,
    }
    if resources:
        formats = [str(graph.value(r, DCTERMS["format"]) or "").rpartition("/")[2].lower() for r in resources]
        told["has_open_format"] = not all(form in CLOSED_FORMATS or not form for form in formats)
        told["all_resources_available"] = all(is_there(address(graph, r)) for r in resources)
        told["resources_documentation"] = any(graph.value(r, DCTERMS.description) for r in resources)
    return told


def score(criteria: dict[str, bool]) -> int:
    return round(100 * sum(criteria.values()) / 9)


def address(graph: Graph, resource: object) -> object:
    return graph.value(resource, DCAT.downloadURL) or graph.value(resource, DCAT.accessURL)


def licence(graph: Graph, dataset: object, resources: list) -> str | None:
    """What the licence is looked up by: its label or description where it has one, else its address."""
    for node in (dataset, *resources):
        found = graph.value(node, DCTERMS.license)
        if found is not None:
            return str(graph.value(found, RDFS.label) or graph.value(found, DCTERMS.description) or found)
    return None


def polygons(graph: Graph, dataset: object) -> list[str]:
    """Any literal of a place that is a shape; points are left out."""
    return [
        str(literal)
        for place in graph.objects(dataset, DCTERMS.spatial)
        for literal in graph.objects(place)
        if isinstance(literal, Literal) and literal.datatype == GEO.wktLiteral and "POLYGON" in literal
    ]


def in_time(graph: Graph, dataset: object, resources: list, frequency: str, today: dt.date) -> bool:
    """The dataset's own day of change counts, else its files' newest; a day of grace."""
    if frequency not in FREQUENCIES:
        return False
    own = [day.toPython() for day in graph.objects(dataset, DCTERMS.modified)]
    last = max(own or [day.toPython() for r in resources for day in graph.objects(r, DCTERMS.modified)], default=today)
    within = FREQUENCIES[frequency]
    return within is None or today <= last + within + LATE


def is_there(url: object) -> bool:
    return Path(unquote(urlparse(str(url)).path)).is_file()


@pytest.fixture
def graph(handmade) -> Graph:
    return graph_of(handmade)


@pytest.mark.parametrize("made", ["handmade", "synthetic", "revised"])
def test_the_score_is_100(request, made):
    graph = graph_of(request.getfixturevalue(made))
    dataset = graph.value(predicate=RDF.type, object=DCAT.Dataset)
    criteria = quality(graph, graph.value(dataset, DCTERMS.modified).toPython() + (TODAY - RELEASED))
    assert [name for name, met in criteria.items() if not met] == []
    assert len(criteria) == 9
    assert score(criteria) == 100


def take(*paths):
    def damage(graph: Graph) -> None:
        dataset = graph.value(predicate=RDF.type, object=DCAT.Dataset)
        for path in paths:
            graph.remove((dataset, path, None))

    return damage


def no_licence(graph):
    graph.remove((None, DCTERMS.license, None))


def another_licence(graph):
    for subject in list(graph.subjects(DCTERMS.license)):
        graph.set((subject, DCTERMS.license, URIRef("https://example.org/licence")))


def a_label_for_the_licence(graph):
    graph.add((URIRef(LICENCE_URL), RDFS.label, Literal("La licence qui va bien")))


def closed_formats(graph):
    for resource in list(graph.subjects(RDF.type, DCAT.Distribution)):
        graph.set((resource, DCTERMS["format"], URIRef(f"{EU}/file-type/XLSX")))


def no_format(graph):
    graph.remove((None, DCTERMS["format"], None))


def a_file_gone(graph):
    resource = graph.value(predicate=RDF.type, object=DCAT.Distribution)
    graph.set((resource, DCAT.downloadURL, URIRef(f"{graph.value(resource, DCAT.downloadURL)}.bak")))


def no_file_described(graph):
    for resource in list(graph.subjects(RDF.type, DCAT.Distribution)):
        graph.remove((resource, DCTERMS.description, None))


def a_short_description(graph):
    dataset = graph.value(predicate=RDF.type, object=DCAT.Dataset)
    graph.set((dataset, DCTERMS.description, Literal("Les usagers de Mon Compte Formation.", lang="fr")))


def centroids_alone(graph):
    graph.remove((None, DCAT.bbox, None))


WITHOUT = {
    "no licence": (no_licence, {"license"}),
    "another licence": (another_licence, {"license"}),
    "a licence known by a label": (a_label_for_the_licence, {"license"}),
    "no period": (take(DCTERMS.temporal), {"temporal_coverage"}),
    "no place": (take(DCTERMS.spatial), {"spatial"}),
    "places without a shape": (centroids_alone, {"spatial"}),
    # Whoever does not say how often cannot be in time either: 4 of the 45 points that the source's page lacks.
    "no frequency": (take(DCTERMS.accrualPeriodicity), {"update_frequency", "update_fulfilled_in_time"}),
    "no description": (take(DCTERMS.description), {"dataset_description_quality"}),
    "a short description": (a_short_description, {"dataset_description_quality"}),
    "closed formats": (closed_formats, {"has_open_format"}),
    "no format": (no_format, {"has_open_format"}),
    "a file gone": (a_file_gone, {"all_resources_available"}),
    "no file described": (no_file_described, {"resources_documentation"}),
}


@pytest.mark.parametrize(("damage", "lost"), WITHOUT.values(), ids=WITHOUT)
def test_each_input_that_is_taken_away_costs_its_criterion(graph, damage, lost):
    damage(graph)
    criteria = quality(graph)
    assert {name for name, met in criteria.items() if not met} == lost
    assert score(criteria) == round(100 * (9 - len(lost)) / 9)


def test_every_criterion_can_be_lost(graph):
    assert {name for _, lost in WITHOUT.values() for name in lost} == set(quality(graph))


def test_a_release_that_is_overdue_costs_its_criterion(graph):
    on_time, late = RELEASED + dt.timedelta(days=94), RELEASED + dt.timedelta(days=95)
    assert score(quality(graph, on_time)) == 100
    assert {name for name, met in quality(graph, late).items() if not met} == {"update_fulfilled_in_time"}
    assert score(quality(graph, late)) == 89


def test_without_files_three_criteria_are_gone(graph):
    dataset = graph.value(predicate=RDF.type, object=DCAT.Dataset)
    graph.remove((dataset, DCAT.distribution, None))
    assert score(quality(graph)) == 67


def test_beyond_the_score_every_file_is_described_and_the_granularity_is_said(graph):
    for resource in graph.subjects(RDF.type, DCAT.Distribution):
        assert len(str(graph.value(resource, DCTERMS.description))) > 100
    resolution = URIRef("http://data.europa.eu/930/spatialResolutionAsText")
    assert [str(text) for text in graph.objects(predicate=resolution)] == ["région"]


def test_the_shapes_are_closed_boxes_of_france(graph):
    dataset = graph.value(predicate=RDF.type, object=DCAT.Dataset)
    boxes = polygons(graph, dataset)
    assert len(boxes) == 6
    for box in boxes:
        corners = re.findall(r"(-?\d+\.\d) (-?\d+\.\d)", box)
        assert len(corners) == 5
        assert corners[0] == corners[-1]
        assert len({*corners}) == 4
