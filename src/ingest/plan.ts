/** What a stream would do to its table: the answer to a question, nothing is changed. */
import type { ColumnPlan } from '../arrow/column-plan.ts'
import { type EvolutionPolicy, evolutionPolicy } from '../arrow/evolution-policy.ts'
import { planTable, type TablePlan } from '../arrow/plan-table.ts'
import type { ArrowSchema } from '../arrow/schema.ts'
import { ServiceError } from '../errors.ts'
import type { PartitionSpec, Schema } from '../iceberg/types.ts'
import type { TableIdentifier } from '../names.ts'
import { creationOf } from './creation.ts'
import type { StreamRequest } from './ingest.ts'
import {
  checkCreation,
  findTable,
  type GateParts,
  planRequest,
  refusalSentence,
} from './table-gate.ts'

export interface StreamPlan {
  readonly table: TableIdentifier
  readonly outcome: 'create' | 'unchanged' | 'evolve' | 'refused'
  readonly formatVersion: number
  readonly policy: EvolutionPolicy
  /** What the table is to have; what it has, when the stream is refused. */
  readonly schema: Schema | undefined
  /** Of a table that would be made. */
  readonly partitionSpec: PartitionSpec | undefined
  readonly changes: readonly string[]
  readonly columns: readonly ColumnPlan[]
  /** Why it is refused. */
  readonly reason: string | undefined
}

/** @throws ServiceError `invalid` for options that no table may have, `unavailable`. */
export async function planStream(
  parts: Pick<GateParts, 'catalog' | 'config'>,
  request: StreamRequest,
  arrow: ArrowSchema,
): Promise<StreamPlan> {
  const table = await findTable(parts.catalog, request)
  const asked = planRequest(parts, request, { arrow, table })
  const plan = planTable(asked)
  return {
    table: request.table,
    formatVersion: asked.formatVersion ?? 2,
    policy: evolutionPolicy(table?.metadata.properties ?? request.create?.properties ?? {}),
    schema: asked.table,
    partitionSpec: undefined,
    changes: [],
    columns: plan.columns,
    reason: undefined,
    ...outcomeOf(parts, request, plan),
  }
}

type Outcome = Pick<StreamPlan, 'outcome'> & Partial<StreamPlan>

function outcomeOf(
  { config }: Pick<GateParts, 'config'>,
  request: StreamRequest,
  plan: TablePlan,
): Outcome {
  switch (plan.kind) {
    case 'refused':
      return { outcome: 'refused', reason: refusalSentence(request.table, plan) }
    case 'unchanged':
      return { outcome: 'unchanged', schema: plan.schema }
    case 'evolve':
      return { outcome: 'evolve', schema: plan.schema, changes: plan.changes }
    default:
      return created(config, request, plan)
  }
}

function created(
  config: GateParts['config'],
  request: StreamRequest,
  plan: Extract<TablePlan, { kind: 'create' | 'unchanged' }>,
): Outcome {
  try {
    checkCreation(config, request)
    const { schema, partitionSpec } = creationOf(plan.schema, plan.properties, request.create)
    return { outcome: 'create', schema, partitionSpec }
  } catch (thrown) {
    // Columns may be fine and the rest of what was asked not.
    if (!(thrown instanceof ServiceError)) throw thrown
    return { outcome: 'refused', reason: thrown.message }
  }
}
