import csv
import io
import json

import pyarrow.parquet as pq
import pytest
import requests


@pytest.fixture
def get(portal):
    root = f"{portal.url}/api/explore/v2.1/catalog/datasets/"

    def ask(path="", dataset_id=portal.dataset_id, headers=None, **params):
        url = f"{root}{dataset_id}{path}"
        return requests.get(url, params=params, headers=headers, timeout=10)

    return ask


def test_metadata(get):
    answer = get().json()
    assert answer["dataset_id"] == "moncompteformation-les-usagers"
    assert (answer["has_records"], answer["data_visible"]) == (True, True)
    metas = answer["metas"]["default"]
    assert metas["data_processed"] == "2026-07-08T04:12:00+00:00"
    assert metas["modified"] == "2020-01-01T00:00:00+00:00"
    assert metas["records_count"] == 600
    assert "(données synthétiques)" in metas["title"]
    assert "synthetique" in metas["keyword"]
    types = {f["name"]: f["type"] for f in answer["fields"]}
    assert types["date_chargement"] == "date"
    assert types["trimestre"] == "text"
    assert types["nb_dossiers"] == "int"
    assert types["montant_engage"] == "double"
    assert "donnees_synthetiques" in types


def test_no_answer_is_cached(get):
    for response in (get(), get("/exports/csv"), get(dataset_id="no")):
        assert response.headers["cache-control"] == "no-store"
        assert not {"etag", "last-modified"} & {h.lower() for h in response.headers}


def test_gzip_only_where_it_is_accepted(get):
    assert get("/exports/csv").headers["content-encoding"] == "gzip"
    plain = get("/exports/csv", headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert plain.content == get("/exports/csv").content


def test_exports_listing(get):
    assert [link["rel"] for link in get("/exports").json()["links"]] == ["csv", "json", "jsonl", "parquet"]


def test_csv_export(get, portal):
    body = get("/exports/csv").content
    assert body.startswith(b"\xef\xbb\xbf")
    lines = list(csv.reader(io.StringIO(body.decode("utf-8-sig"), newline=""), delimiter=";"))
    table = portal.release.table()
    assert lines[0] == table.schema.names
    wanted = [["" if v is None else str(v) for v in line.values()] for line in table.to_pylist()]
    assert lines[1:] == wanted
    assert body.count(b"\r\n") == body.count(b"\n") == 601


def test_csv_options(get):
    body = get("/exports/csv", delimiter=",", with_bom="false", use_labels="true", limit=2).content
    assert body.startswith("Date de chargement,Trimestre,Région".encode())
    assert body.count(b"\r\n") == 3
    assert get("/exports/csv", delimiter="é").status_code == 400


def test_json_and_jsonl_exports(get):
    rows = get("/exports/json").json()
    assert len(rows) == 600
    assert rows[0]["nb_dossiers"] is None
    assert isinstance(rows[1]["montant_engage"], float)
    assert [json.loads(line) for line in get("/exports/jsonl").content.splitlines()] == rows


def test_parquet_export_has_doubles_as_the_portal_has(get, portal):
    table = pq.read_table(io.BytesIO(get("/exports/parquet").content))
    assert table.num_rows == 600
    amounts = [line["montant_engage"] for line in portal.release.table().to_pylist()]
    assert table["montant_engage"].to_pylist() == [None if a is None else float(a) for a in amounts]
    assert str(table.schema.field("montant_engage").type) == "double"
    assert str(table.schema.field("nb_dossiers").type) == "int64"


@pytest.mark.parametrize("path", ["/exports/xlsx", "/nonsense", "/exports/csv/x"])
def test_unknown_resources(get, path):
    assert (get(path).status_code, get(path).json()["error_code"]) == (404, "NotFoundResource")


def test_unknown_dataset(get):
    response = get(dataset_id="other")
    assert (response.status_code, response.json()["message"]) == (404, "Unknown dataset: other")


def test_an_unknown_parameter_is_ignored(get):
    assert get("/exports/csv", nonsense="1").content == get("/exports/csv").content


@pytest.mark.parametrize("limit", ["x", "-2", "1.5", ""])
def test_bad_questions_have_the_portals_shape(get, limit):
    response = get("/exports/csv", limit=limit)
    assert response.status_code == 400
    assert response.json()["error_code"] == "InvalidRESTParameterError"
    assert "limit" in response.json()["message"]
