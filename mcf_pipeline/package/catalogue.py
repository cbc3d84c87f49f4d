"""``dcat.jsonld``: the package as DCAT-AP 3 describes a catalogue with one dataset, for portals to harvest.

Every address in it is relative to the file, so it holds wherever the folder is put online. Nothing has to be
fetched to read it: the context is inside, and so is what a validator asks of each term of the controlled
vocabularies (its label and its scheme), which it would else load from their publishers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mcf_pipeline.package.about import GRANULARITY, About
from mcf_pipeline.package.descriptor import MEDIA_TYPES, PackageFile
from mcf_pipeline.package.state import FILE_NAME as DATAPACKAGE
from mcf_pipeline.warehouse.attribution import DATASET_PAGE, LICENCE_URL, PRODUCER

FILE_NAME = "dcat.jsonld"
_EU = "http://publications.europa.eu/resource/authority"
_ADMS = "http://purl.org/adms"
_IANA = "https://www.iana.org/assignments/media-types"
_SHA256 = "http://spdx.org/rdf/terms#checksumAlgorithm_sha256"
_FORMATS = {"csv": f"{_EU}/file-type/CSV", "parquet": f"{_EU}/file-type/PARQUET"}
_LANGUAGE = f"{_EU}/language/FRA"
_THEMES = f"{_EU}/data-theme"
_PUBLISHER_TYPE = f"{_ADMS}/publishertype/NonProfitOrganisation"
_PRODUCER_TYPE = f"{_ADMS}/publishertype/NationalAuthority"
_LICENCE_TYPE = f"{_ADMS}/licencetype/Attribution"

_SCHEMES = {
    f"{_EU}/language": "Langues",
    f"{_EU}/country": "Pays et territoires",
    _THEMES: "Thèmes de données",
    f"{_EU}/frequency": "Fréquences",
    f"{_EU}/access-right": "Droits d'accès",
    f"{_EU}/file-type": "Types de fichier",
    f"{_EU}/planned-availability": "Disponibilité prévue",
    f"{_ADMS}/publishertype/1.0": "Types d'éditeur",
    f"{_ADMS}/licencetype/1.0": "Types de licence",
}
"""Controlled vocabularies of DCAT-AP, and what each is."""

_TERMS = (
    (_LANGUAGE, "dct:LinguisticSystem", "français"),
    (f"{_THEMES}/EDUC", "skos:Concept", "Éducation, culture et sport"),
    (f"{_THEMES}/SOCI", "skos:Concept", "Population et société"),
    (f"{_EU}/frequency/QUARTERLY", "dct:Frequency", "trimestriel"),
    (f"{_EU}/access-right/PUBLIC", "dct:RightsStatement", "public"),
    (f"{_EU}/planned-availability/STABLE", "skos:Concept", "stable"),
    (_FORMATS["csv"], "dct:MediaTypeOrExtent", "CSV"),
    (_FORMATS["parquet"], "dct:MediaTypeOrExtent", "Parquet"),
    (_PUBLISHER_TYPE, "skos:Concept", "Organisation à but non lucratif"),
    (_PRODUCER_TYPE, "skos:Concept", "Autorité nationale"),
    (_LICENCE_TYPE, "skos:Concept", "Attribution"),
)
"""Terms that are used, the class in which DCAT-AP expects each, and its label."""

_PLACES = {
    "FRA": ("France métropolitaine", (-5.2, 41.3, 9.6, 51.1)),
    "GLP": ("Guadeloupe", (-61.9, 15.8, -61.0, 16.6)),
    "MTQ": ("Martinique", (-61.3, 14.3, -60.8, 14.9)),
    "GUF": ("Guyane", (-54.7, 2.1, -51.6, 5.8)),
    "REU": ("La Réunion", (55.2, -21.4, 55.9, -20.8)),
    "MYT": ("Mayotte", (45.0, -13.1, 45.3, -12.6)),
}
"""West, south, east, north, rounded outwards. One box around them all would be half the world."""

_CONTEXT = {
    "adms": "http://www.w3.org/ns/adms#",
    "dcat": "http://www.w3.org/ns/dcat#",
    "dcatap": "http://data.europa.eu/r5r/",
    "dct": "http://purl.org/dc/terms/",
    "foaf": "http://xmlns.com/foaf/0.1/",
    "geodcatap": "http://data.europa.eu/930/",
    "gsp": "http://www.opengis.net/ont/geosparql#",
    "prov": "http://www.w3.org/ns/prov#",
    "rdfs": "http://www.w3.org/2000/01/rdf-schema#",
    "skos": "http://www.w3.org/2004/02/skos/core#",
    "spdx": "http://spdx.org/rdf/terms#",
    "vcard": "http://www.w3.org/2006/vcard/ns#",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
}


def catalogue(about: About, files: Sequence[PackageFile]) -> dict[str, Any]:
    """The content of ``dcat.jsonld``: catalogue, dataset, distributions, then what they refer to.

    Args:
        about: what is said of the whole.
        files: the written files of the tables.
    """
    return {
        "@context": _CONTEXT,
        "@graph": [
            _catalogue(about),
            _dataset(about, files),
            *(_distribution(about, file) for file in files),
            *_agents(about),
            {"@id": LICENCE_URL, "@type": "dct:LicenseDocument", "dct:type": {"@id": _LICENCE_TYPE}},
            # No label for the licence: data.gouv.fr's harvester would know it by that, no longer by its address.
            {"@id": _SHA256, "@type": "spdx:ChecksumAlgorithm"},
            *(_media_type(file) for file in {file.format: file for file in files}.values()),
            *(_place(code) for code in _PLACES),
            *(_term(*term) for term in _TERMS),
            *({"@id": s, "@type": "skos:ConceptScheme", "dct:title": _french(t)} for s, t in _SCHEMES.items()),
        ],
    }


def _catalogue(about: About) -> dict[str, Any]:
    day = _day(about.published_at.date())
    return {
        "@id": "#catalogue",
        "@type": "dcat:Catalog",
        "dct:title": _french(about.attribution.title),
        "dct:description": _french(f"Un seul jeu de données. {about.attribution.text}"),
        "dct:publisher": {"@id": "#editeur"},
        "dct:language": {"@id": _LANGUAGE},
        "dct:license": {"@id": LICENCE_URL},
        "dct:issued": day,
        "dct:modified": day,
        "foaf:homepage": {"@id": "LISEZMOI.txt", "@type": "foaf:Document"},
        "dct:spatial": [{"@id": f"{_EU}/country/{code}"} for code in _PLACES],
        "dcat:themeTaxonomy": {"@id": _THEMES},
        "dcat:dataset": {"@id": "#jeu"},
    }


def _dataset(about: About, files: Sequence[PackageFile]) -> dict[str, Any]:
    modified = _released(about)
    content: dict[str, Any] = {
        "@id": "#jeu",
        "@type": "dcat:Dataset",
        "dct:identifier": f"mon-compte-formation-usagers{about.attribution.suffix}",
        "dct:title": _french(about.attribution.title),
        "dct:description": _french(about.description),
        "dct:publisher": {"@id": "#editeur"},
        "dcat:contactPoint": {
            "@type": ["vcard:Kind", "vcard:Organization"],
            "vcard:fn": f"{PRODUCER}, producteur des données d'origine",
            "vcard:hasURL": {"@id": DATASET_PAGE},
        },
        "dcat:keyword": [_french(word) for word in about.keywords],
        "dcat:theme": [{"@id": f"{_THEMES}/{theme}"} for theme in ("EDUC", "SOCI")],
        "dct:accrualPeriodicity": {"@id": f"{_EU}/frequency/QUARTERLY"},
        "dct:spatial": [{"@id": f"{_EU}/country/{code}"} for code in _PLACES],
        "geodcatap:spatialResolutionAsText": _french(GRANULARITY),
        "dct:modified": modified,
        "dct:issued": modified,
        "dct:language": {"@id": _LANGUAGE},
        "dct:license": {"@id": LICENCE_URL},
        "dct:accessRights": {"@id": f"{_EU}/access-right/PUBLIC"},
        "dct:provenance": {"@type": "dct:ProvenanceStatement", "rdfs:label": _french(about.attribution.text)},
        "dcat:version": about.attribution.release_id or "0",
        "foaf:page": {"@id": DATAPACKAGE, "@type": "foaf:Document"},
        "dcat:distribution": [{"@id": f"#{file.resource}"} for file in files],
    }
    if not about.is_synthetic:
        content["dct:creator"] = {"@id": "#producteur"}
        # Not `dct:source`: that must be a described dataset, which a harvester would take for a second one of ours.
        content["prov:wasDerivedFrom"] = {"@id": DATASET_PAGE}
    if about.first_day and about.last_day:
        content["dct:temporal"] = {
            "@type": "dct:PeriodOfTime",
            "dcat:startDate": _day(about.first_day),
            "dcat:endDate": _day(about.last_day),
        }
    return content


def _distribution(about: About, file: PackageFile) -> dict[str, Any]:
    packed = {"dcat:compressFormat": {"@id": f"{_IANA}/application/gzip", "@type": "dct:MediaType"}}
    return {
        "@id": f"#{file.resource}",
        "@type": "dcat:Distribution",
        "dct:title": _french(file.title),
        "dct:description": _french(f"{file.description} {about.attribution.text}"),
        "dcat:accessURL": {"@id": file.path},
        "dcat:downloadURL": {"@id": file.path},
        "dct:format": {"@id": _FORMATS[file.format]},
        "dcat:mediaType": {"@id": f"{_IANA}/{MEDIA_TYPES[file.format]}"},
        **(packed if file.is_gzipped else {}),
        "dcatap:availability": {"@id": f"{_EU}/planned-availability/STABLE"},
        "dct:license": {"@id": LICENCE_URL},
        "dct:modified": _released(about),
        "dct:language": {"@id": _LANGUAGE},
        "dcat:byteSize": {"@value": str(file.size), "@type": "xsd:nonNegativeInteger"},
        "spdx:checksum": {
            "@type": "spdx:Checksum",
            "spdx:algorithm": {"@id": _SHA256},
            "spdx:checksumValue": {"@value": file.sha256, "@type": "xsd:hexBinary"},
        },
    }


def _agents(about: About) -> list[dict[str, Any]]:
    maker = {
        "@id": "#editeur",
        "@type": "foaf:Agent",
        "foaf:name": f"mcf_pipeline, d'après {PRODUCER}",
        "dct:type": {"@id": _PUBLISHER_TYPE},
    }
    producer = {
        "@id": "#producteur",
        "@type": "foaf:Agent",
        "foaf:name": PRODUCER,
        "foaf:homepage": {"@id": DATASET_PAGE, "@type": "foaf:Document"},
        "dct:type": {"@id": _PRODUCER_TYPE},
    }
    return [maker] if about.is_synthetic else [maker, producer]


def _media_type(file: PackageFile) -> dict[str, Any]:
    return {"@id": f"{_IANA}/{MEDIA_TYPES[file.format]}", "@type": "dct:MediaType"}


def _place(code: str) -> dict[str, Any]:
    label, (west, south, east, north) = _PLACES[code]
    corners = ((west, south), (east, south), (east, north), (west, north), (west, south))
    ring = ", ".join(f"{x} {y}" for x, y in corners)
    return {
        **_term(f"{_EU}/country/{code}", "dct:Location", label),
        "dcat:bbox": {"@value": f"POLYGON(({ring}))", "@type": "gsp:wktLiteral"},
        "dcat:centroid": {
            "@value": f"POINT({(west + east) / 2:.2f} {(south + north) / 2:.2f})",
            "@type": "gsp:wktLiteral",
        },
    }


def _term(address: str, kind: str, label: str) -> dict[str, Any]:
    scheme = address.rpartition("/")[0]
    return {
        "@id": address,
        "@type": kind if kind == "skos:Concept" else [kind, "skos:Concept"],
        "skos:prefLabel": _french(label),
        "skos:inScheme": {"@id": scheme if scheme in _SCHEMES else f"{scheme}/1.0"},
    }


def _released(about: About) -> dict[str, str]:
    return _day(about.attribution.released_on or about.published_at.date())


def _french(text: str) -> dict[str, str]:
    return {"@value": text, "@language": "fr"}


def _day(day: object) -> dict[str, str]:
    return {"@value": str(day), "@type": "xsd:date"}
