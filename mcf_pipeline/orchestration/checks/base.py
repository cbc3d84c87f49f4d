"""What all checks share: how a rule becomes a check, and a finding becomes an evaluation.

What does not belong here: any rule.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import dagster as dg
from dagster._core.definitions.asset_checks.asset_check_evaluation import (
    AssetCheckEvaluationTargetMaterializationData,
)

from mcf_pipeline.archive.timeline import Timeline
from mcf_pipeline.contract.rules import RULES
from mcf_pipeline.orchestration.partitions import QUARTERS
from mcf_pipeline.quality import Finding, total_of
from mcf_pipeline.quarter import Quarter

MAX_CELL = 120
"""Characters of a sample's cell that are shown."""

MAX_QUARTERS = 12
"""Quarters that are named; of more, the first and the last."""

# Everything that Markdown or HTML could take for its own; a sample shows what strangers wrote.
_ENTITIES = {ord(c): f"&#{ord(c)};" for c in "&<>|\\`*[]~#"} | {ord(c): " " for c in "\r\n\t"}


def check_spec(
    asset: str,
    name: str,
    description: str,
    *,
    blocking: bool = False,
    per_quarter: bool = False,
    after: Iterable[str] = (),
) -> dg.AssetCheckSpec:
    """A check.

    Args:
        asset: name of the asset that it judges.
        name: the rule's.
        description: what is right, in French.
        blocking: whether an error keeps what comes after the asset from being made.
        per_quarter: whether it judges each quarter by itself.
        after: names of other assets that it waits for.
    """
    return dg.AssetCheckSpec(
        name=name,
        asset=asset,
        description=description,
        blocking=blocking,
        additional_deps=list(after),
        partitions_def=QUARTERS if per_quarter else None,
    )


def severity_of(finding: Finding, *, warns: bool) -> dg.AssetCheckSeverity:
    """A warning, unless the rule is no warning or the finding is too grave for one."""
    return dg.AssetCheckSeverity.WARN if warns and not finding.is_grave else dg.AssetCheckSeverity.ERROR


def quarters_of_check(context: dg.AssetCheckExecutionContext, line: Timeline) -> list[Quarter]:
    """The quarters that a check is asked about: the run's; in a run without, every quarter told of."""
    if _is_partitioned(context):
        return sorted(Quarter.from_partition_key(key) for key in context.partition_keys)
    return line.quarters


def _is_partitioned(context: dg.AssetCheckExecutionContext) -> bool:
    # In a run over a range of quarters `has_partition_key` is false.
    return context.has_partition_key or context.has_partition_key_range


def table_result(
    context: dg.AssetCheckExecutionContext, key: dg.AssetCheckKey, finding: Finding, *, warns: bool = False
) -> Iterator[dg.AssetCheckResult]:
    """The one evaluation of a check on something whole."""
    severity = severity_of(finding, warns=warns)
    _log(context, key, finding, severity)
    yield dg.AssetCheckResult(
        asset_key=key.asset_key,
        check_name=key.name,
        passed=finding.holds,
        severity=severity,
        description=sentence(finding),
        metadata=metadata(finding),
    )


def quarter_results(
    context: dg.AssetCheckExecutionContext,
    key: dg.AssetCheckKey,
    findings: Mapping[Quarter, Finding],
    *,
    warns: bool = True,
) -> Iterator[Any]:
    """The evaluations of a check on quarters, one for each.

    Dagster plans such a check once per partition of a run's range, but makes of an `AssetCheckResult` there one
    evaluation without a partition, and the planned ones would stay open for ever. So the evaluations are made here, and
    the output, which a blocking check's dependents wait for, is given beside them.
    """
    targets = _targets(context, key.asset_key, list(findings)) if findings else {}
    spec = next(spec for spec in context.check_specs if spec.key == key)
    for quarter, finding in findings.items():
        yield dg.AssetCheckEvaluation(
            asset_key=key.asset_key,
            check_name=key.name,
            passed=finding.holds,
            severity=severity_of(finding, warns=warns),
            description=sentence(finding),
            metadata=metadata(finding),
            blocking=spec.blocking,
            partition=quarter.partition_key,
            target_materialization_data=targets.get(quarter.partition_key),
        )
    overall = total_of(key.name, findings.values())
    _log(context, key, overall, severity_of(overall, warns=warns))
    if _is_partitioned(context):
        output = context.op_execution_context.assets_def.get_output_name_for_asset_check_key(key)
        yield dg.Output(None, output_name=output)
    else:
        # A run without partitions has planned the check without one, too.
        yield from table_result(context, key, overall, warns=warns)


def _targets(
    context: dg.AssetCheckExecutionContext, asset: dg.AssetKey, quarters: Sequence[Quarter]
) -> dict[str, AssetCheckEvaluationTargetMaterializationData]:
    """The newest materialization of each quarter, which its evaluation is about; two queries for all of them."""
    newest = context.instance.get_latest_storage_id_by_partition(
        asset, dg.DagsterEventType.ASSET_MATERIALIZATION, {quarter.partition_key for quarter in quarters}
    )
    if not newest:
        return {}
    records = context.instance.fetch_materializations(
        dg.AssetRecordsFilter(asset_key=asset, storage_ids=list(newest.values())), limit=len(newest)
    ).records
    return {
        str(record.partition_key): AssetCheckEvaluationTargetMaterializationData(
            storage_id=record.storage_id, run_id=record.run_id, timestamp=record.timestamp
        )
        for record in records
    }


def _log(
    context: dg.AssetCheckExecutionContext,
    key: dg.AssetCheckKey,
    finding: Finding,
    severity: dg.AssetCheckSeverity,
) -> None:
    if not finding.holds:
        context.log.warning(
            "%s on %s: %d of %d (%s) in %s",
            key.name,
            key.asset_key.to_user_string(),
            finding.count,
            finding.total,
            severity.value,
            ", ".join(finding.quarters) or "the whole",
        )


def sentence(finding: Finding) -> str:
    """A finding in one French sentence."""
    counted = f"{_number(finding.count)} {finding.unit} sur {_number(finding.total)}"
    share = f" ({finding.share:.2%})".replace(".", ",").replace("%", " %") if finding.count else ""
    where = f", {_named(finding.quarters)}" if finding.count and finding.quarters else ""
    return f"{counted}{share}{where}. {finding.note}".strip()


def _number(value: int) -> str:
    return f"{value:,}".replace(",", " ")


def _named(quarters: Sequence[str]) -> str:
    if len(quarters) <= MAX_QUARTERS:
        return ", ".join(quarters)
    return f"{len(quarters)} trimestres de {quarters[0]} à {quarters[-1]}"


def metadata(finding: Finding) -> dict[str, Any]:
    """The numbers of a finding, its quarters, and a sample as a Markdown table."""
    shown: dict[str, Any] = {"nombre": finding.count, "sur": finding.total, "part": round(finding.share, 6)}
    for part in finding.detail:
        shown[part.rule] = f"{_number(part.count)} sur {_number(part.total)}{_threshold(part.rule)}"
    if finding.quarters:
        shown["trimestres"] = _named(finding.quarters)
    if finding.sample:
        shown["echantillon"] = dg.MetadataValue.md(markdown(finding.columns, finding.sample))
    return shown


def _threshold(rule: str) -> str:
    seuil = RULES[rule].seuil if rule in RULES else ""
    return f" ({seuil})" if seuil else ""


def markdown(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Rows as a Markdown table, in which nothing that a cell holds is markup; an empty cell is a masked value."""
    lines = [f"| {' | '.join(map(_cell, columns))} |", f"|{' --- |' * len(columns)}"]
    lines += [f"| {' | '.join(map(_cell, row))} |" for row in rows]
    return "\n".join(lines)


def _cell(value: object) -> str:
    if value is None:
        return ""
    text = str(value)
    return (text if len(text) <= MAX_CELL else text[: MAX_CELL - 1] + "…").translate(_ENTITIES)
