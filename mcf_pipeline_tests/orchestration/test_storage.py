"""Dagster's history in the data directory: a batch is whole or not there, and who writes waits for who writes."""

import dagster as dg
import pytest
from dagster import DagsterEventType

from mcf_pipeline.orchestration.instance import open_instance
from mcf_pipeline.orchestration.partitions import QUARTERS


@dg.asset(partitions_def=QUARTERS, backfill_policy=dg.BackfillPolicy.single_run())
def quarterly(context: dg.AssetExecutionContext) -> None:
    for key in context.partition_keys:
        context.add_asset_metadata({"quarter": key}, partition_key=key)


@pytest.fixture
def instance(monkeypatch, tmp_path):
    monkeypatch.setenv("MCF_DATA_DIR", str(tmp_path))
    with open_instance() as found:
        yield found


def events_of(instance):
    return instance.fetch_materializations(dg.AssetKey("quarterly"), limit=100).records


def materialize(instance):
    tags = {
        "dagster/asset_partition_range_start": "2020-01-01",
        "dagster/asset_partition_range_end": "2022-10-01",
    }
    return dg.materialize([quarterly], instance=instance, tags=tags)


def test_every_event_of_a_batch_has_a_millisecond_of_its_own(instance):
    """The UI's list of an asset's events shows one of those that share one."""
    assert materialize(instance).success
    records = events_of(instance)
    assert len(records) == 12
    assert len({round(record.timestamp * 1000) for record in records}) == 12
    assert sorted(record.partition_key for record in records) == QUARTERS.get_partition_keys()[:12]


def test_each_file_waits_for_another_process_for_a_minute(instance):
    for connect in (
        instance.run_storage.connect,
        instance.schedule_storage.connect,
        instance.event_log_storage.index_connection,
        lambda: instance.event_log_storage.run_connection("a-run"),
    ):
        with connect() as connection:
            assert connection.exec_driver_sql("PRAGMA busy_timeout").scalar() == 60_000


def test_a_batch_that_fails_is_stored_event_by_event(instance, monkeypatch, capsys):
    """Dagster's answer to it: so one event that cannot be stored takes no other with it."""
    storage = instance.event_log_storage
    whole = type(storage).store_event
    failed = []

    def fails_once(self, event):
        is_ours = event.is_dagster_event and event.dagster_event_type is DagsterEventType.ASSET_MATERIALIZATION
        if is_ours and event.dagster_event.partition == "2021-01-01" and not failed:
            failed.append(event)
            raise OSError("a passing fault")
        whole(self, event)

    monkeypatch.setattr(type(storage), "store_event", fails_once)
    assert materialize(instance).success
    assert len(failed) == 1
    assert "Exception while storing event batch: a passing fault" in capsys.readouterr().err
    records = events_of(instance)
    assert sorted(record.partition_key for record in records) == QUARTERS.get_partition_keys()[:12]
    assert len(instance.all_logs(records[0].run_id, of_type=DagsterEventType.ASSET_MATERIALIZATION)) == 12
