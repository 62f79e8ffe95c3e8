/** A table that is asked for by itself, before anything is sent to it. */
import { planTable } from '../arrow/plan-table.ts'
import type { ArrowSchema } from '../arrow/schema.ts'
import type { LoadedTable } from '../catalog/catalog.ts'
import { ServiceError } from '../errors.ts'
import { formatTable } from '../names.ts'
import { creationOf } from './creation.ts'
import type { StreamRequest } from './ingest.ts'
import { type GateParts, planRequest, refusal } from './table-gate.ts'

/** @throws ServiceError `already-exists`, `schema-mismatch`, `invalid`, `unavailable`. */
export async function createTable(
  { catalog, config, tableProperties }: GateParts,
  request: StreamRequest,
  arrow: ArrowSchema,
): Promise<LoadedTable> {
  const plan = planTable(planRequest({ config }, request, { arrow, table: undefined }))
  if (plan.kind === 'refused') throw refusal(request, plan)
  if (plan.schema.fields.length === 0) {
    throw new ServiceError('invalid', `table ${formatTable(request.table)} would have no column`)
  }
  const properties = { ...tableProperties, ...plan.properties }
  return catalog.createTable(request.table, creationOf(plan.schema, properties, request.create))
}
