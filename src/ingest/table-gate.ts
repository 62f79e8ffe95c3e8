/**
 * The table that a stream writes to: found, made or grown until the stream's schema fits.
 *
 * Promises: when it resolves, the catalog's table has a column for every field of the stream, and
 * each field's id is known; a schema that does not fit has changed nothing. Races with other
 * writers end by looking again, a bounded number of times.
 */
import { planTable, type TablePlan } from '../arrow/plan-table.ts'
import type { ArrowSchema } from '../arrow/schema.ts'
import type { Catalog, LoadedTable } from '../catalog/catalog.ts'
import type { Config } from '../config/schema.ts'
import { ServiceError, toServiceError, unreachable } from '../errors.ts'
import { currentSchema } from '../iceberg/schema.ts'
import type { Schema } from '../iceberg/types.ts'
import { formatTable } from '../names.ts'
import { backoffMs } from '../runtime/backoff.ts'
import type { Clock } from '../runtime/clock.ts'
import type { StreamRequest } from './ingest.ts'
import { partitionSpecFor } from './partition-request.ts'
import type { RequiredField } from './stream.ts'

export interface OpenedTable {
  readonly tableUuid: string
  /** Iceberg field id of each Arrow field, depth first. */
  readonly fieldIds: readonly number[]
  readonly required: readonly RequiredField[]
}

export interface GateParts {
  readonly catalog: Catalog
  readonly config: Config['ingest']
  readonly clock: Clock
  readonly random: () => number
}

/** Looks at the catalog before it gives up: each lost race means that somebody else made progress. */
const ATTEMPTS_MAX = 20
const BACKOFF = { baseMs: 5, capMs: 500 }

/** @throws ServiceError `not-found`, `schema-mismatch`, `invalid`, `unavailable`. */
export async function openTable(
  parts: GateParts,
  request: StreamRequest,
  arrow: ArrowSchema,
): Promise<OpenedTable> {
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
    const table = await find(parts.catalog, request)
    const plan = planTable({
      arrow,
      table: table && currentSchema(table.metadata),
      ...(table && { lastColumnId: table.metadata['last-column-id'] }),
      options: parts.config,
    })
    if (table !== undefined && plan.kind === 'unchanged') {
      const { fieldIds, required } = plan
      return { tableUuid: table.metadata['table-uuid'], fieldIds, required }
    }
    await act(parts, request, { plan, table })
    // The first change is looked at again at once; only a lost race waits.
    if (attempt > 0) await parts.clock.sleep(backoffMs(BACKOFF, attempt, parts.random()))
  }
  throw new ServiceError(
    'unavailable',
    `table ${formatTable(request.table)} kept changing while the stream was opened: try again`,
  )
}

async function find(catalog: Catalog, { table }: StreamRequest): Promise<LoadedTable | undefined> {
  try {
    return await catalog.loadTable(table)
  } catch (error) {
    if (toServiceError(error).kind === 'not-found') return undefined
    throw error
  }
}

interface Decision {
  readonly plan: TablePlan
  readonly table: LoadedTable | undefined
}

async function act(
  parts: GateParts,
  request: StreamRequest,
  { plan, table }: Decision,
): Promise<void> {
  switch (plan.kind) {
    case 'refused':
      throw refusal(request, plan)
    case 'create':
      return create(parts, request, plan.schema)
    case 'evolve':
      return table && evolve(parts.catalog, table, plan.schema)
    case 'unchanged':
      return undefined
    default:
      return unreachable(plan)
  }
}

async function create(
  { catalog, config }: GateParts,
  { table, isCreationAllowed, create }: StreamRequest,
  schema: Schema,
): Promise<void> {
  if (!isCreationAllowed || !config.createTables) {
    const why = config.createTables ? 'the stream says create: false' : 'ingest.createTables is off'
    throw new ServiceError('not-found', `table ${formatTable(table)} does not exist and ${why}`)
  }
  if (schema.fields.length === 0) {
    throw new ServiceError('invalid', `table ${formatTable(table)} would have no column`)
  }
  try {
    await catalog.createTable(table, {
      schema,
      ...(create?.partitionBy && { partitionSpec: partitionSpecFor(schema, create.partitionBy) }),
      ...(create?.properties && { properties: create.properties }),
    })
  } catch (error) {
    // Somebody else made it meanwhile: the next look decides whether the stream fits theirs.
    if (toServiceError(error).kind !== 'already-exists') throw error
  }
}

async function evolve(catalog: Catalog, table: LoadedTable, schema: Schema): Promise<void> {
  const { metadata, identifier } = table
  const outcome = await catalog.commitTable(identifier, {
    requirements: [
      { type: 'assert-table-uuid', uuid: metadata['table-uuid'] },
      { type: 'assert-current-schema-id', 'current-schema-id': metadata['current-schema-id'] },
      {
        type: 'assert-last-assigned-field-id',
        'last-assigned-field-id': metadata['last-column-id'],
      },
    ],
    updates: [
      { action: 'add-schema', schema },
      { action: 'set-current-schema', 'schema-id': -1 },
    ],
  })
  if (outcome.kind === 'rejected') {
    throw new ServiceError(
      'schema-mismatch',
      `the catalog refused to add columns to ${formatTable(identifier)}: ${outcome.reason}`,
    )
  }
}

function refusal(
  { table }: StreamRequest,
  { path, expected, received, remedy }: Extract<TablePlan, { kind: 'refused' }>,
): ServiceError {
  return new ServiceError(
    'schema-mismatch',
    `column ${path} of ${formatTable(table)}: expected ${expected}, received ${received}; ${remedy}`,
    { context: { column: path, expected, received } },
  )
}
