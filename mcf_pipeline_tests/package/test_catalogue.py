"""``dcat.jsonld`` meets DCAT-AP 3, and the shapes that say so complain about each thing that is missing or wrong.

What is taken away or falsified, one at a time, is read from the shapes themselves, so that no line of theirs goes
untried; what they must hold is written here once more, from the specification's tables.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from pyshacl import validate
from rdflib import DCAT, DCTERMS, FOAF, RDF, SKOS, XSD, BNode, Graph, Literal, Namespace, URIRef
from rdflib.namespace import SH

from mcf_pipeline_tests.package.harvested import graph_of

SHAPES = Graph().parse(Path(__file__).with_name("dcat_ap_shapes.ttl"))
OURS = Namespace("https://example.org/shapes#")
SPDX = Namespace("http://spdx.org/rdf/terms#")
VCARD = Namespace("http://www.w3.org/2006/vcard/ns#")
DCATAP = Namespace("http://data.europa.eu/r5r/")
EU = Namespace("http://publications.europa.eu/resource/authority/")
PLACES = {EU[f"country/{code}"] for code in ("FRA", "GLP", "MTQ", "GUF", "REU", "MYT")}

MANDATORY = {
    DCAT.Catalog: {DCTERMS.title, DCTERMS.description, DCTERMS.publisher},
    DCAT.Dataset: {DCTERMS.title, DCTERMS.description},
    DCAT.Distribution: {DCAT.accessURL},
    FOAF.Agent: {FOAF.name},
    SPDX.Checksum: {SPDX.algorithm, SPDX.checksumValue},
    SKOS.Concept: {SKOS.prefLabel},
    SKOS.ConceptScheme: {DCTERMS.title},
}
RECOMMENDED = {
    DCAT.Catalog: {
        DCAT.dataset,
        DCAT.themeTaxonomy,
        DCTERMS.issued,
        DCTERMS.language,
        DCTERMS.license,
        DCTERMS.modified,
        DCTERMS.spatial,
        FOAF.homepage,
    },
    DCAT.Dataset: {
        DCAT.contactPoint,
        DCAT.distribution,
        DCAT.keyword,
        DCAT.theme,
        DCTERMS.publisher,
        DCTERMS.spatial,
        DCTERMS.temporal,
    },
    DCAT.Distribution: {DCATAP.availability, DCTERMS.description, DCTERMS["format"], DCTERMS.license},
    FOAF.Agent: {DCTERMS.type},
    DCTERMS.LicenseDocument: {DCTERMS.type},
    DCTERMS.Location: {DCAT.bbox, DCAT.centroid},
    DCTERMS.PeriodOfTime: {DCAT.startDate, DCAT.endDate},
}
"""DCAT-AP 3.0.1, of the classes that we use."""

BEYOND = {OURS.OurDataset, OURS.OurDistribution, OURS.Kind, OURS.Provenance}


def constraints():
    """Every property shape: the class it targets, its path, itself."""
    for shape, cls in SHAPES.subject_objects(SH.targetClass):
        for constraint in SHAPES.objects(shape, SH.property):
            yield shape, cls, SHAPES.value(constraint, SH.path), constraint


def demanded(severity: URIRef) -> dict[URIRef, set[URIRef]]:
    found: dict[URIRef, set[URIRef]] = {}
    for shape, cls, path, constraint in constraints():
        is_demanded = (constraint, SH.minCount, None) in SHAPES and shape not in BEYOND
        if is_demanded and SHAPES.value(constraint, SH.severity, default=SH.Violation) == severity:
            found.setdefault(cls, set()).add(path)
    return found


def name(term: URIRef) -> str:
    return str(term).rpartition("#" if "#" in term else "/")[2]


PRESENCE = sorted({(cls, path) for _, cls, path, c in constraints() if (c, SH.minCount, None) in SHAPES})
RANGES = sorted(
    {
        (cls, path)
        for _, cls, path, c in constraints()
        if any((c, kind, None) in SHAPES for kind in (SH["class"], SH.datatype, SH.node, SH.nodeKind))
    }
)
SINGLE = sorted({(cls, path) for _, cls, path, c in constraints() if (c, SH.maxCount, None) in SHAPES})


def ids(pairs):
    return [f"{name(cls)}-{name(path)}" for cls, path in pairs]


@pytest.fixture(scope="module")
def whole(handmade) -> Graph:
    return graph_of(handmade)


@pytest.fixture
def graph(whole) -> Graph:
    """A copy with two distributions, one gzipped: forty say no more and take longer."""
    graph = Graph() + whole
    (dataset,) = graph.subjects(RDF.type, DCAT.Dataset)
    kept = {"fct_financements", "mart_region.parquet"}
    for distribution in list(graph.subjects(RDF.type, DCAT.Distribution)):
        if distribution.fragment not in kept:
            for checksum in graph.objects(distribution, SPDX.checksum):
                graph.remove((checksum, None, None))
            graph.remove((distribution, None, None))
            graph.remove((dataset, None, distribution))
    return graph


def faults(graph: Graph) -> set[tuple[URIRef, str]]:
    """Path and severity of each result."""
    _, report, _ = validate(graph, shacl_graph=SHAPES, inference="none")
    return {
        (report.value(result, SH.resultPath), name(report.value(result, SH.resultSeverity)))
        for result in report.subjects(RDF.type, SH.ValidationResult)
    }


ANY_LITERAL = {URIRef(f"{DCAT}version"), DCTERMS.identifier, FOAF.name}


def wrong_value(graph: Graph, value: object) -> object:
    """A value of another kind than one that is right."""
    if isinstance(value, Literal):
        return Literal(42)
    return Literal("texte", lang="fr") if isinstance(value, BNode) else URIRef("https://example.org/autre")


@pytest.mark.parametrize("made", ["handmade", "synthetic", "revised"])
def test_it_meets_what_dcat_ap_demands_and_recommends(request, made):
    graph = graph_of(request.getfixturevalue(made))
    assert faults(graph) == set()
    assert len(list(graph.subjects(RDF.type, DCAT.Distribution))) == 94


def test_the_small_copy_is_as_good(graph):
    assert faults(graph) == set()


def test_the_shapes_hold_what_the_specification_demands():
    assert demanded(SH.Violation) == MANDATORY
    assert demanded(SH.Warning) == RECOMMENDED


@pytest.mark.parametrize(("cls", "path"), PRESENCE, ids=ids(PRESENCE))
def test_what_is_missing_is_seen(graph, cls, path):
    node = min(graph.subjects(RDF.type, cls))
    assert (node, path, None) in graph, "else nothing is taken away"
    graph.remove((node, path, None))
    severity = "Warning" if path in RECOMMENDED.get(cls, ()) else "Violation"
    assert (path, severity) in faults(graph)


@pytest.mark.parametrize(("cls", "path"), RANGES, ids=ids(RANGES))
def test_what_is_of_another_kind_is_seen(graph, cls, path):
    node = min(node for node in graph.subjects(RDF.type, cls) if (node, path, None) in graph or path == DCTERMS.source)
    value = graph.value(node, path, any=True)
    graph.remove((node, path, value))
    graph.add((node, path, BNode() if path in ANY_LITERAL else wrong_value(graph, value)))
    if isinstance(value, URIRef) and path in (DCAT.accessURL, DCAT.downloadURL, VCARD.hasURL):
        graph.set((node, path, Literal("csv/fct_dossiers.csv")))
    assert (path, "Violation") in faults(graph)


@pytest.mark.parametrize(("cls", "path"), SINGLE, ids=ids(SINGLE))
def test_a_second_value_of_what_has_one_is_seen(graph, cls, path):
    node = min(node for node in graph.subjects(RDF.type, cls) if (node, path, None) in graph)
    value = graph.value(node, path)
    if isinstance(value, Literal):
        second = Literal(str(value).replace("2026", "2025") + ("" if "2026" in value else "0"), datatype=value.datatype)
    else:
        second = URIRef("https://example.org/second")
        for predicate, object in list(graph.predicate_objects(value)):
            graph.add((second, predicate, object))
    graph.add((node, path, second))
    assert (path, "Violation") in faults(graph)


TERMS = {
    (DCAT.Catalog, DCTERMS.language): {EU["language/FRA"]},
    (DCAT.Catalog, DCTERMS.spatial): PLACES,
    (DCAT.Catalog, DCAT.themeTaxonomy): {EU["data-theme"]},
    (DCAT.Dataset, DCAT.theme): {EU["data-theme/EDUC"], EU["data-theme/SOCI"]},
    (DCAT.Dataset, DCTERMS.accessRights): {EU["access-right/PUBLIC"]},
    (DCAT.Dataset, DCTERMS.accrualPeriodicity): {EU["frequency/QUARTERLY"]},
    (DCAT.Dataset, DCTERMS.language): {EU["language/FRA"]},
    (DCAT.Dataset, DCTERMS.spatial): PLACES,
    (DCAT.Dataset, DCTERMS.license): {
        URIRef("https://www.etalab.gouv.fr/wp-content/uploads/2017/04/ETALAB-Licence-Ouverte-v2.0.pdf")
    },
    (DCAT.Distribution, DCTERMS["format"]): {EU["file-type/CSV"], EU["file-type/PARQUET"]},
    (DCAT.Distribution, DCAT.mediaType): {
        URIRef("https://www.iana.org/assignments/media-types/text/csv"),
        URIRef("https://www.iana.org/assignments/media-types/application/vnd.apache.parquet"),
    },
    (DCAT.Distribution, DCAT.compressFormat): {URIRef("https://www.iana.org/assignments/media-types/application/gzip")},
    (DCAT.Distribution, DCATAP.availability): {EU["planned-availability/STABLE"]},
    (SPDX.Checksum, SPDX.algorithm): {SPDX.checksumAlgorithm_sha256},
    (DCTERMS.LicenseDocument, DCTERMS.type): {URIRef("http://purl.org/adms/licencetype/Attribution")},
}


@pytest.mark.parametrize(("cls", "path"), TERMS, ids=ids(TERMS))
def test_terms_are_those_of_the_controlled_vocabularies(whole, cls, path):
    assert {value for node in whole.subjects(RDF.type, cls) for value in whole.objects(node, path)} == TERMS[cls, path]


CONTROLLED = sorted(
    {shape for shape in SHAPES.subjects(SH.pattern, None) if isinstance(shape, URIRef)} - {OURS.MediaType}
)


@pytest.mark.parametrize("shape", CONTROLLED, ids=map(name, CONTROLLED))
def test_a_term_outside_its_vocabulary_is_seen(graph, shape):
    """A term of the right class, with a label, of no scheme."""
    users = list(SHAPES.subjects(SH.node, shape))
    (path,) = {SHAPES.value(user, SH.path) for user in users}
    terms = {
        term for term in graph.objects(predicate=path) if (term, RDF.type, SHAPES.value(shape, SH["class"])) in graph
    }
    assert terms
    for term in terms:
        graph.remove((term, SKOS.inScheme, None))
    assert (path, "Violation") in faults(graph)


def test_a_period_that_ends_before_it_begins_is_seen(graph):
    (period,) = graph.subjects(RDF.type, DCTERMS.PeriodOfTime)
    graph.set((period, DCAT.endDate, Literal("2019-12-31", datatype=XSD.date)))
    assert (DCAT.startDate, "Violation") in faults(graph)


def test_what_is_gzipped_says_so_beside_its_format(handmade):
    graph = graph_of(handmade)
    for distribution in graph.subjects(RDF.type, DCAT.Distribution):
        is_packed = str(graph.value(distribution, DCAT.downloadURL)).endswith(".gz")
        assert ((distribution, DCAT.compressFormat, None) in graph) == is_packed


def test_everything_that_is_referred_to_is_there(handmade):
    graph = graph_of(handmade)
    base = (handmade.package.resolve() / "dcat.jsonld").as_uri()
    referred = {node for node in graph.objects() if isinstance(node, URIRef) and node.startswith(f"{base}#")}
    assert referred
    assert referred <= set(graph.subjects())
    files = set(graph.objects(predicate=DCAT.downloadURL))
    assert all(Path(node.removeprefix("file://")).is_file() for node in files)
    assert len(files) == 94


def test_nothing_has_to_be_fetched_to_read_it(handmade):
    content = json.loads((handmade.package / "dcat.jsonld").read_text(encoding="utf-8"))
    assert all(isinstance(meaning, str) and ":" in meaning for meaning in content["@context"].values())


def test_addresses_follow_the_folder(handmade):
    path = handmade.package / "dcat.jsonld"
    graph = Graph().parse(path, format="json-ld", publicID="https://example.org/donnees/dcat.jsonld")
    urls = {str(url) for url in graph.objects(predicate=DCAT.downloadURL)}
    assert "https://example.org/donnees/csv/fct_dossiers.csv" in urls
    assert len(urls) == len(list(graph.subjects(RDF.type, DCAT.Distribution)))


def test_there_is_one_dataset_to_harvest(handmade, synthetic):
    for data_dir in (handmade, synthetic):
        assert len(list(graph_of(data_dir).subjects(RDF.type, DCAT.Dataset))) == 1
