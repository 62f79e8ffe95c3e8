/**
 * The table that a stream writes to: found, made or grown until the stream's schema fits.
 *
 * Promises: when it resolves, the catalog's table has a column for every field of the stream, and
 * each field's id is known; a schema that does not fit has changed nothing. Races with other
 * writers end by looking again, a bounded number of times.
 */
import { type PlanRequest, planTable, type TablePlan } from '../arrow/plan-table.ts'
import type { Refusal } from '../arrow/refusal.ts'
import type { ArrowSchema } from '../arrow/schema.ts'
import type { VectorField } from '../arrow/vectors.ts'
import type { Catalog, LoadedTable } from '../catalog/catalog.ts'
import type { Config } from '../config/schema.ts'
import { ServiceError, toServiceError, unreachable } from '../errors.ts'
import { currentSchema } from '../iceberg/schema.ts'
import type { Schema } from '../iceberg/types.ts'
import { formatTable, type TableIdentifier } from '../names.ts'
import { backoffMs } from '../runtime/backoff.ts'
import type { Clock } from '../runtime/clock.ts'
import { creationOf, formatVersionOf } from './creation.ts'
import type { StreamRequest } from './ingest.ts'
import type { RequiredField } from './stream.ts'

export interface OpenedTable {
  readonly tableUuid: string
  /** Iceberg field id of each Arrow field, depth first. */
  readonly fieldIds: readonly number[]
  readonly required: readonly RequiredField[]
  /** Depth-first indices of instants that are stored in ns and come in a coarser unit. */
  readonly nanoseconds: readonly number[]
  readonly vectors: readonly VectorField[]
}

export interface GateParts {
  readonly catalog: Catalog
  readonly config: Config['ingest']
  readonly clock: Clock
  readonly random: () => number
  /** Of every table that is made, unless its maker says otherwise. */
  readonly tableProperties?: Readonly<Record<string, string>>
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
    const table = await findTable(parts.catalog, request)
    const plan = planTable(planRequest(parts, request, { arrow, table }))
    if (table !== undefined && plan.kind === 'unchanged') {
      const { fieldIds, required, nanoseconds, vectors } = plan
      return { tableUuid: table.metadata['table-uuid'], fieldIds, required, nanoseconds, vectors }
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

/** Pure: what planning needs to know of a table, or of the one that there is to be. */
export function planRequest(
  { config }: Pick<GateParts, 'config'>,
  { create }: StreamRequest,
  { arrow, table }: { readonly arrow: ArrowSchema; readonly table: LoadedTable | undefined },
): PlanRequest {
  if (table === undefined) {
    return { arrow, table, formatVersion: formatVersionOf(create), options: config }
  }
  const { metadata } = table
  return {
    arrow,
    table: currentSchema(metadata),
    lastColumnId: metadata['last-column-id'],
    schemas: metadata.schemas,
    properties: metadata.properties,
    formatVersion: metadata['format-version'] === 3 ? 3 : 2,
    options: config,
  }
}

export async function findTable(
  catalog: Catalog,
  { table }: StreamRequest,
): Promise<LoadedTable | undefined> {
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
      return create(parts, request, plan)
    case 'evolve':
      return table && evolve(parts.catalog, table, plan)
    case 'unchanged':
      return undefined
    default:
      return unreachable(plan)
  }
}

async function create(
  { catalog, config, tableProperties }: GateParts,
  request: StreamRequest,
  { schema, properties }: Fitting,
): Promise<void> {
  checkCreation(config, request)
  try {
    await catalog.createTable(
      request.table,
      creationOf(schema, { ...tableProperties, ...properties }, request.create),
    )
  } catch (error) {
    // Somebody else made it meanwhile: the next look decides whether the stream fits theirs.
    if (toServiceError(error).kind !== 'already-exists') throw error
  }
}

/** @throws ServiceError `not-found` when a table may not be made. */
export function checkCreation(config: GateParts['config'], request: StreamRequest): void {
  if (request.isCreationAllowed && config.createTables) return
  const why = config.createTables ? 'the stream says create: false' : 'ingest.createTables is off'
  throw new ServiceError(
    'not-found',
    `table ${formatTable(request.table)} does not exist and ${why}`,
  )
}

interface Fitting {
  readonly schema: Schema
  readonly properties: Readonly<Record<string, string>>
}

async function evolve(
  catalog: Catalog,
  table: LoadedTable,
  { schema, properties }: Fitting,
): Promise<void> {
  const hasProperties = Object.keys(properties).length > 0
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
      ...(hasProperties ? [{ action: 'set-properties', updates: properties } as const] : []),
    ],
  })
  if (outcome.kind === 'rejected') {
    throw new ServiceError(
      'schema-mismatch',
      `the catalog refused to change the schema of ${formatTable(identifier)}: ${outcome.reason}`,
    )
  }
}

export function refusal(
  { table }: StreamRequest,
  plan: Extract<TablePlan, { kind: 'refused' }>,
): ServiceError {
  const { path, expected, received } = plan
  const context = { column: path, expected, received }
  return new ServiceError('schema-mismatch', refusalSentence(table, plan), { context })
}

export function refusalSentence(table: TableIdentifier, refusal: Refusal): string {
  const { path, expected, received, remedy } = refusal
  const what = path === '' ? 'the schema for' : `column ${path} of`
  return `${what} ${formatTable(table)}: expected ${expected}, received ${received}; ${remedy}`
}
