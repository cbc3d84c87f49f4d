"""``dcat.jsonld`` meets DCAT-AP 3, and data.gouv.fr's quality score of what it says is 100.

The score is that of udata, the software of data.gouv.fr: nine criteria of one point each (`compute_quality` of
its dataset model), fed as its DCAT harvester feeds them (`dataset_from_rdf`).
"""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from urllib.parse import unquote, urlparse

import pytest
from pyshacl import validate
from rdflib import DCAT, DCTERMS, RDF, RDFS, Graph, Literal, Namespace, URIRef

SHAPES = Path(__file__).with_name("dcat_ap_shapes.ttl")
EU = "http://publications.europa.eu/resource/authority"
GEO = Namespace("http://www.opengis.net/ont/geosparql#")
LICENCE_URL = "https://www.etalab.gouv.fr/wp-content/uploads/2017/04/ETALAB-Licence-Ouverte-v2.0.pdf"
CLOSED_FORMATS = {"pdf", "doc", "docx", "word", "xls", "excel", "xlsx"}
DAYS = {f"{EU}/frequency/QUARTERLY": 93}


def graph_of(data_dir) -> Graph:
    path = data_dir.package / "dcat.jsonld"
    return Graph().parse(path, format="json-ld", publicID=path.resolve().as_uri())


@pytest.fixture
def graph(handmade) -> Graph:
    return graph_of(handmade)


def faults(graph: Graph) -> str:
    conforms, _, text = validate(graph, shacl_graph=str(SHAPES), shacl_graph_format="turtle", inference="none")
    return "" if conforms else text


def quality(graph: Graph, today: dt.date) -> dict[str, bool]:
    """The nine criteria."""
    dataset = graph.value(predicate=RDF.type, object=DCAT.Dataset)
    resources = list(graph.objects(dataset, DCAT.distribution))
    frequency = str(graph.value(dataset, DCTERMS.accrualPeriodicity) or "")
    period = graph.value(dataset, DCTERMS.temporal)
    shapes = [
        literal
        for place in graph.objects(dataset, DCTERMS.spatial)
        for literal in graph.objects(place)
        if isinstance(literal, Literal) and literal.datatype == GEO.wktLiteral
    ]
    modified = [graph.value(resource, DCTERMS.modified) for resource in resources]
    formats = [str(graph.value(resource, DCTERMS.format) or "").rsplit("/", 1)[-1].lower() for resource in resources]
    last = max((value.toPython() for value in modified if value is not None), default=None)
    return {
        "license": licence(graph, dataset) == LICENCE_URL,
        "temporal_coverage": bool(period and graph.value(period, DCAT.startDate) and graph.value(period, DCAT.endDate)),
        "spatial": any(str(shape).startswith("MULTIPOLYGON(((") for shape in shapes),
        "update_frequency": frequency in DAYS,
        "update_fulfilled_in_time": bool(
            last and frequency in DAYS and today <= last + dt.timedelta(days=DAYS[frequency] + 1)
        ),
        "dataset_description_quality": len(str(graph.value(dataset, DCTERMS.description) or "")) > 100,
        "has_open_format": any(form and form not in CLOSED_FORMATS for form in formats),
        "all_resources_available": bool(resources)
        and all(is_there(graph.value(r, DCAT.downloadURL)) for r in resources),
        "resources_documentation": bool(resources) and all(graph.value(r, DCTERMS.description) for r in resources),
    }


def licence(graph: Graph, dataset: object) -> str | None:
    """What the harvester looks the licence up by: its label where it has one, else its address."""
    node = graph.value(dataset, DCTERMS.license)
    return (
        None if node is None else str(graph.value(node, RDFS.label) or graph.value(node, DCTERMS.description) or node)
    )


def is_there(url: object) -> bool:
    return url is not None and Path(unquote(urlparse(str(url)).path)).is_file()


def score(criteria: dict[str, bool]) -> int:
    return round(100 * sum(criteria.values()) / 9)


def test_it_meets_what_dcat_ap_demands_and_recommends(graph):
    assert faults(graph) == ""


def test_synthetic_data_is_described_as_well(synthetic):
    assert faults(graph_of(synthetic)) == ""


@pytest.mark.parametrize(
    ("cls", "path"),
    [
        (DCAT.Catalog, DCTERMS.publisher),
        (DCAT.Dataset, DCTERMS.title),
        (DCAT.Dataset, DCTERMS.description),
        (DCAT.Dataset, DCAT.contactPoint),
        (DCAT.Dataset, DCAT.theme),
        (DCAT.Dataset, DCTERMS.temporal),
        (DCAT.Dataset, DCTERMS.spatial),
        (DCAT.Distribution, DCAT.accessURL),
        (DCAT.Distribution, DCTERMS.license),
        (DCTERMS.PeriodOfTime, DCAT.startDate),
    ],
)
def test_the_shapes_see_what_is_missing(graph, cls, path):
    node = next(graph.subjects(RDF.type, cls))
    graph.remove((node, path, None))
    assert str(path).rsplit("/", 1)[-1].rsplit("#", 1)[-1] in faults(graph)


def test_the_score_of_data_gouv_is_100(graph):
    criteria = quality(graph, dt.date(2026, 11, 23))
    assert [name for name, met in criteria.items() if not met] == []
    assert score(criteria) == 100


def test_beyond_the_score_the_granularity_is_said(graph):
    resolution = URIRef("http://data.europa.eu/930/spatialResolutionAsText")
    assert [str(text) for text in graph.objects(predicate=resolution)] == ["région"]


def test_the_score_is_not_100_by_construction(graph):
    dataset = graph.value(predicate=RDF.type, object=DCAT.Dataset)
    late = quality(graph, dt.date(2027, 3, 1))
    assert score(late) == 89
    for path in (DCTERMS.accrualPeriodicity, DCTERMS.temporal, DCTERMS.spatial, DCTERMS.license):
        graph.remove((dataset, path, None))
    for resource in graph.subjects(RDF.type, DCAT.Distribution):
        graph.remove((resource, DCTERMS.description, None))
    assert score(quality(graph, dt.date(2026, 11, 23))) == 33


def test_addresses_follow_the_folder(handmade):
    path = handmade.package / "dcat.jsonld"
    graph = Graph().parse(path, format="json-ld", publicID="https://example.org/donnees/dcat.jsonld")
    urls = {str(url) for url in graph.objects(predicate=DCAT.downloadURL)}
    assert "https://example.org/donnees/csv/fct_dossiers.csv" in urls
    assert len(urls) == len(list(graph.subjects(RDF.type, DCAT.Distribution)))
