"""Celery's settings on a worker: dagster-celery reads this module where this folder is in PYTHONPATH.

PYTHONPATH=deploy/cluster celery -A dagster_celery.app worker --concurrency 1 -n worker1@%h
"""

import os

broker_url = os.environ["MCF_BROKER_URL"]
result_backend = os.environ["MCF_RESULTS_URL"]

# One run at a time, and none that waits behind it while another worker is idle.
worker_prefetch_multiplier = 1
task_acks_late = True
# A run that the broker gives out again, because its worker died, is one that Dagster knows to have begun: it is
# ignored. So this needs only to be longer than a run, for Redis; RabbitMQ has no such limit.
broker_transport_options = {"visibility_timeout": 24 * 3600}
# A broker that is restarted, or comes up after its workers, is waited for.
broker_connection_retry_on_startup = True
broker_connection_max_retries = None
# Who waits for a result, Dagster's run monitoring alone, does so while the run lasts.
result_expires = 7 * 24 * 3600
