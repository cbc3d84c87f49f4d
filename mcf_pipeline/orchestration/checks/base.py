"""What all checks share: how a rule becomes a check, and a finding becomes an evaluation.

What does not belong here: any rule.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import dagster as dg

from mcf_pipeline import markdown
from mcf_pipeline.contract.rules import RULES
from mcf_pipeline.orchestration.partitions import QUARTERS
from mcf_pipeline.orchestration.private import AssetCheckEvaluationTargetMaterializationData
from mcf_pipeline.quality import Finding, total_of
from mcf_pipeline.quarter import Quarter

MAX_QUARTERS = 12
"""Quarters that are named; of more, the first and the last."""


def check_spec(
    asset: str,
    name: str,
    description: str,
    *,
    blocking: bool = False,
    per_quarter: bool = False,
) -> dg.AssetCheckSpec:
    """A check.

    Args:
        asset: name of the asset that it judges.
        name: the rule's.
        description: what is right, in French.
        blocking: whether an error keeps what comes after the asset from being made.
        per_quarter: whether it judges each quarter by itself.
    """
    return dg.AssetCheckSpec(
        name=name,
        asset=asset,
        description=description,
        blocking=blocking,
        partitions_def=QUARTERS if per_quarter else None,
    )


def severity_of(finding: Finding, *, warns: bool) -> dg.AssetCheckSeverity:
    """A warning, unless the rule is no warning or the finding is too grave for one."""
    return dg.AssetCheckSeverity.WARN if warns and not finding.is_grave else dg.AssetCheckSeverity.ERROR


def table_result(
    context: dg.AssetExecutionContext | dg.AssetCheckExecutionContext,
    key: dg.AssetCheckKey,
    finding: Finding,
    *,
    warns: bool = False,
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
    context: dg.AssetExecutionContext,
    key: dg.AssetCheckKey,
    findings: Mapping[Quarter, Finding],
    *,
    warns: bool = True,
) -> Iterator[Any]:
    """The evaluations of a check on quarters, one for each.

    Dagster plans such a check once per partition of a run's range, but makes of an `AssetCheckResult` there one
    evaluation without a partition, and the planned ones would stay open for ever. So the evaluations are made here, and
    the check's output is given beside them.
    """
    targets = _targets(context, key.asset_key, list(findings)) if findings else {}
    for quarter, finding in findings.items():
        yield dg.AssetCheckEvaluation(
            asset_key=key.asset_key,
            check_name=key.name,
            passed=finding.holds,
            severity=severity_of(finding, warns=warns),
            description=sentence(finding),
            metadata=metadata(finding),
            partition=quarter.partition_key,
            target_materialization_data=targets.get(quarter.partition_key),
        )
    overall = total_of(key.name, findings.values())
    _log(context, key, overall, severity_of(overall, warns=warns))
    yield dg.Output(None, output_name=context.assets_def.get_output_name_for_asset_check_key(key))


def _targets(
    context: dg.AssetExecutionContext, asset: dg.AssetKey, quarters: Sequence[Quarter]
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
    context: dg.AssetExecutionContext | dg.AssetCheckExecutionContext,
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
        rows = (map(markdown.text, row) for row in finding.sample)
        columns = [markdown.text(name) for name in finding.columns]
        shown["echantillon"] = dg.MetadataValue.md(markdown.table(columns, map(list, rows)))
    return shown


def _threshold(rule: str) -> str:
    seuil = RULES[rule].seuil if rule in RULES else ""
    return f" ({seuil})" if seuil else ""
