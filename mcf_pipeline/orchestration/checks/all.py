"""The list of all checks, as the definitions take it."""

import dagster as dg

from mcf_pipeline.orchestration.checks.marts import check_mart_revisions, check_marts
from mcf_pipeline.orchestration.checks.publication import check_published_file, check_release_en_retard
from mcf_pipeline.orchestration.checks.raw import check_portal_release
from mcf_pipeline.orchestration.checks.staging import check_stg_usagers
from mcf_pipeline.orchestration.checks.warehouse import check_facts, check_foreign_keys

CHECKS: list[dg.AssetChecksDefinition] = [
    check_portal_release,
    check_stg_usagers,
    check_facts,
    check_foreign_keys,
    check_marts,
    check_mart_revisions,
    check_published_file,
    check_release_en_retard,
]
