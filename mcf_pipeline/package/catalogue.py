"""``dcat.jsonld``: the package as DCAT-AP 3 describes a catalogue with one dataset, for portals to harvest.

Every address in it is relative to the file, so it holds wherever the folder is put online. Nothing has to be
fetched to read it: the context is inside.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mcf_pipeline.package.about import GRANULARITY, About
from mcf_pipeline.package.descriptor import FILE_NAME as DATAPACKAGE
from mcf_pipeline.package.descriptor import MEDIA_TYPES, PackageFile
from mcf_pipeline.warehouse.attribution import DATASET_PAGE, LICENCE_URL, PRODUCER

FILE_NAME = "dcat.jsonld"
_EU = "http://publications.europa.eu/resource/authority"
_LANGUAGE = {"@id": f"{_EU}/language/FRA"}
_IANA = "https://www.iana.org/assignments/media-types"
_FORMATS = {"csv": f"{_EU}/file-type/CSV", "parquet": f"{_EU}/file-type/PARQUET"}
_BOXES = (
    (-5.2, 41.3, 9.6, 51.1),  # metropolitan France
    (-61.9, 15.8, -61.0, 16.6),  # Guadeloupe
    (-61.3, 14.3, -60.8, 14.9),  # Martinique
    (-54.7, 2.1, -51.6, 5.8),  # Guyane
    (55.2, -21.4, 55.9, -20.8),  # La Réunion
    (45.0, -13.1, 45.3, -12.6),  # Mayotte
)
"""West, south, east, north, rounded outwards: portals want a shape, not only a country's name."""

_CONTEXT = {
    "adms": "http://www.w3.org/ns/adms#",
    "dcat": "http://www.w3.org/ns/dcat#",
    "dcatap": "http://data.europa.eu/r5r/",
    "dct": "http://purl.org/dc/terms/",
    "foaf": "http://xmlns.com/foaf/0.1/",
    "geodcatap": "http://data.europa.eu/930/",
    "gsp": "http://www.opengis.net/ont/geosparql#",
    "locn": "http://www.w3.org/ns/locn#",
    "rdfs": "http://www.w3.org/2000/01/rdf-schema#",
    "skos": "http://www.w3.org/2004/02/skos/core#",
    "spdx": "http://spdx.org/rdf/terms#",
    "vcard": "http://www.w3.org/2006/vcard/ns#",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
}


def catalogue(about: About, files: Sequence[PackageFile]) -> dict[str, Any]:
    """The content of ``dcat.jsonld``.

    Args:
        about: what is said of the whole.
        files: the written files of the tables.
    """
    dataset = _dataset(about, files)
    return {
        "@context": _CONTEXT,
        "@id": "#catalogue",
        "@type": "dcat:Catalog",
        "dct:title": _french(about.attribution.title),
        "dct:description": _french(f"Un seul jeu de données. {about.attribution.text}"),
        "dct:publisher": _publisher(),
        "dct:language": _LANGUAGE,
        "dct:license": _licence(),
        "dct:modified": dataset["dct:modified"],
        "foaf:homepage": {"@id": "LISEZMOI.txt", "@type": "foaf:Document"},
        "dct:spatial": {"@id": f"{_EU}/country/FRA", "@type": "dct:Location"},
        "dcat:themeTaxonomy": {"@id": f"{_EU}/data-theme", "@type": "skos:ConceptScheme"},
        "dcat:dataset": dataset,
    }


def _dataset(about: About, files: Sequence[PackageFile]) -> dict[str, Any]:
    modified = _day(about.attribution.released_on or about.published_at.date())
    content: dict[str, Any] = {
        "@id": "#jeu",
        "@type": "dcat:Dataset",
        "dct:identifier": f"mon-compte-formation-usagers{about.attribution.suffix}",
        "dct:title": _french(about.attribution.title),
        "dct:description": _french(about.description),
        "dct:publisher": _publisher(),
        "dcat:contactPoint": {
            "@type": "vcard:Organization",
            "vcard:fn": f"{PRODUCER}, producteur des données d'origine",
            "vcard:hasURL": {"@id": DATASET_PAGE},
        },
        "dcat:keyword": [_french(word) for word in about.keywords],
        "dcat:theme": [{"@id": f"{_EU}/data-theme/{theme}", "@type": "skos:Concept"} for theme in ("EDUC", "SOCI")],
        "dct:accrualPeriodicity": {"@id": f"{_EU}/frequency/QUARTERLY", "@type": "dct:Frequency"},
        "dct:spatial": [{"@id": f"{_EU}/country/FRA", "@type": "dct:Location"}, _area()],
        "geodcatap:spatialResolutionAsText": _french(GRANULARITY),
        "dct:modified": modified,
        "dct:issued": modified,
        "dct:language": _LANGUAGE,
        "dct:license": _licence(),
        "dct:accessRights": {"@id": f"{_EU}/access-right/PUBLIC", "@type": "dct:RightsStatement"},
        "dct:provenance": {"@type": "dct:ProvenanceStatement", "rdfs:label": _french(about.attribution.text)},
        "dcat:version": about.attribution.release_id or "0",
        "foaf:page": {"@id": DATAPACKAGE, "@type": "foaf:Document"},
        "dcat:distribution": [_distribution(about, file) for file in files],
    }
    if not about.is_synthetic:
        content["dct:creator"] = {"@type": "foaf:Agent", "foaf:name": PRODUCER, "foaf:homepage": {"@id": DATASET_PAGE}}
        content["dct:source"] = {"@id": DATASET_PAGE}
    if about.first_day and about.last_day:
        content["dct:temporal"] = {
            "@type": "dct:PeriodOfTime",
            "dcat:startDate": _day(about.first_day),
            "dcat:endDate": _day(about.last_day),
        }
    return content


def _distribution(about: About, file: PackageFile) -> dict[str, Any]:
    return {
        "@id": f"#{file.resource}",
        "@type": "dcat:Distribution",
        "dct:title": _french(file.title),
        "dct:description": _french(f"{file.description} {about.attribution.text}"),
        "dcat:accessURL": {"@id": file.path},
        "dcat:downloadURL": {"@id": file.path},
        "dct:format": {"@id": _FORMATS[file.format], "@type": "dct:MediaTypeOrExtent"},
        "dcat:mediaType": {"@id": f"{_IANA}/{MEDIA_TYPES[file.format]}", "@type": "dct:MediaType"},
        "dcatap:availability": {"@id": f"{_EU}/planned-availability/STABLE", "@type": "skos:Concept"},
        "dct:license": _licence(),
        "dct:modified": _day(about.attribution.released_on or about.published_at.date()),
        "dct:language": _LANGUAGE,
        "dcat:byteSize": {"@value": str(file.size), "@type": "xsd:nonNegativeInteger"},
        "spdx:checksum": {
            "@type": "spdx:Checksum",
            "spdx:algorithm": {"@id": "http://spdx.org/rdf/terms#checksumAlgorithm_sha256"},
            "spdx:checksumValue": {"@value": file.sha256, "@type": "xsd:hexBinary"},
        },
    }


def _area() -> dict[str, Any]:
    rings = []
    for west, south, east, north in _BOXES:
        corners = ((west, south), (east, south), (east, north), (west, north), (west, south))
        rings.append("((" + ", ".join(f"{x} {y}" for x, y in corners) + "))")
    return {
        "@type": "dct:Location",
        "skos:prefLabel": _french("France métropolitaine et régions d'outre-mer"),
        "locn:geometry": {"@value": f"MULTIPOLYGON({', '.join(rings)})", "@type": "gsp:wktLiteral"},
    }


def _publisher() -> dict[str, Any]:
    return {
        "@id": "#editeur",
        "@type": "foaf:Agent",
        "foaf:name": f"mcf_pipeline, d'après {PRODUCER}",
        "dct:type": {
            "@id": "http://purl.org/adms/publishertype/NonProfitOrganisation",
            "@type": "skos:Concept",
        },
    }


def _licence() -> dict[str, Any]:
    # No label here: data.gouv.fr's harvester would then know the licence by it and no longer by its address.
    return {
        "@id": LICENCE_URL,
        "@type": "dct:LicenseDocument",
        "dct:type": {"@id": "http://purl.org/adms/licencetype/Attribution", "@type": "skos:Concept"},
    }


def _french(text: str) -> dict[str, str]:
    return {"@value": text, "@language": "fr"}


def _day(day: object) -> dict[str, str]:
    return {"@value": str(day), "@type": "xsd:date"}
