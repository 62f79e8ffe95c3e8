/**
 * Pure: what a stream would do, in JSON of snake_case names. It travels in the metadata of the
 * schema that GetSchema answers with, because that answer has room for nothing else.
 */
import type { StreamPlan } from '../../ingest/ingest.ts'
import { formatTable } from '../../names.ts'

/** Key of the schema's metadata. */
export const PLAN_KEY = 'frazil.plan'

/** `table_schema` and `partition_spec` are Iceberg's own JSON and keep Iceberg's names. */
export function viewPlan(plan: StreamPlan) {
  return {
    table: formatTable(plan.table),
    outcome: plan.outcome,
    reason: plan.reason,
    format_version: plan.formatVersion,
    evolution: plan.policy,
    changes: plan.changes,
    columns: plan.columns.map((column) => ({
      path: column.path,
      action: column.action,
      arrow: column.arrow,
      iceberg: column.iceberg,
      field_id: column.fieldId,
      table_column: column.column,
      required: column.isRequired,
      from: column.from,
      reason: column.reason,
      expected: column.refusal?.expected,
      remedy: column.refusal?.remedy,
    })),
    table_schema: plan.schema,
    partition_spec: plan.partitionSpec,
  }
}
