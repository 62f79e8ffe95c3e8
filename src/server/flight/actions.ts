/**
 * DoAction and ListActions: `create` makes a table, `flush` makes what was acknowledged readable now, `status` tells how
 * the service is, `describe` and `snapshots` what a table is and how it came to be. Bodies and
 * results are JSON.
 */

import type { LoadedTable } from '../../catalog/catalog.ts'
import { ServiceError } from '../../errors.ts'
import { asObject, parseJson, stringifyJson } from '../../json.ts'
import { formatTable, parseTable, type TableIdentifier } from '../../names.ts'
import type { CallRequest } from './calls.ts'
import type { WireAction, WireBytes } from './contract.ts'
import { readCreation } from './create-action.ts'
import type { FlightServices, FlushResult } from './services.ts'
import { readTenant } from './stream-options.ts'
import { describeTable, listSnapshots } from './table-view.ts'

const ACTIONS = [
  {
    type: 'flush',
    description:
      'Commits the acknowledged batches that wait, of all tables or of one. Body: nothing, or {"table": "namespace.table"}. One result for each table: {"table", "snapshot_id"?, "error"?}.',
  },
  {
    type: 'status',
    description: 'The state of the service: the log, and what waits to be committed. One result.',
  },
  {
    type: 'create',
    description:
      'Creates an empty table. Body: {"table", "namespace"?, "schema": Arrow IPC schema message in base64, "partition_by"?, "sort_by"?, "properties"?, "identifier_fields"?}. One result, as of describe.',
  },
  {
    type: 'describe',
    description:
      'A table: schema, partitioning, properties, location, current snapshot. Body: {"table": "namespace.table"}. One result.',
  },
  {
    type: 'snapshots',
    description:
      'A table\'s snapshots, oldest first. Body: {"table": "namespace.table"}. One result for each.',
  },
] as const

const BODY_BYTES_MAX = 64 * 1024

type ActionServices = Pick<FlightServices, 'flush' | 'status' | 'catalog' | 'ingest'>

/** @throws ServiceError `unsupported` for an action that is not listed, `invalid` for its body. */
export async function* doAction(
  services: ActionServices,
  { request, metadata }: CallRequest<WireAction>,
): AsyncGenerator<WireBytes> {
  const tenant = readTenant(metadata)
  switch (request.type) {
    case 'flush':
      yield* flush(services, tenant, request.body)
      break
    case 'status':
      yield json(services.status(tenant))
      break
    case 'create':
      yield json(
        describeTable(await services.ingest.createTable(readCreation(tenant, request.body))),
      )
      break
    case 'describe':
      yield json(describeTable(await loadNamed(services, tenant, request)))
      break
    case 'snapshots':
      for (const snapshot of listSnapshots(await loadNamed(services, tenant, request))) {
        yield json(snapshot)
      }
      break
    default:
      throw new ServiceError(
        'unsupported',
        `action ${JSON.stringify(request.type.slice(0, 80))} is not offered; there are ${ACTIONS.map(({ type }) => type).join(', ')}`,
      )
  }
}

export async function* listActions(): AsyncGenerator<(typeof ACTIONS)[number]> {
  yield* ACTIONS
}

/** Every result is given before a failure becomes the status, so that no table's news is lost. */
async function* flush(
  services: ActionServices,
  tenant: string,
  body: Uint8Array,
): AsyncGenerator<WireBytes> {
  const table = readTableBody('flush', tenant, body)
  const results = await services.flush(tenant, table)
  // Nothing waits: a table says where it stands, and a misspelt name is not taken for a done flush.
  if (table !== undefined && results.length === 0) yield json(await standing(services, table))
  for (const result of results) yield json(flushed(result))
  const failed = results.filter(({ error }) => error !== undefined)
  if (failed.length > 0) {
    const names = failed.slice(0, 5).map(({ table }) => formatTable(table))
    throw new ServiceError(
      'unavailable',
      `${failed.length} of ${results.length} tables could not be committed, among them ${names.join(', ')}: ${failed[0]?.error}; their batches stay in the log`,
    )
  }
}

async function standing({ catalog }: ActionServices, table: TableIdentifier) {
  const { metadata } = await catalog.loadTable(table)
  return { table: formatTable(table), snapshot_id: metadata['current-snapshot-id'] }
}

function flushed({ table, snapshotId, error }: FlushResult) {
  return { table: formatTable(table), snapshot_id: snapshotId, error }
}

async function loadNamed(
  { catalog }: ActionServices,
  tenant: string,
  { type, body }: WireAction,
): Promise<LoadedTable> {
  const table = readTableBody(type, tenant, body)
  if (table !== undefined) return catalog.loadTable(table)
  throw new ServiceError('invalid', `${type} needs the body {"table": "namespace.table"}`)
}

/** Undefined when the body names no table. */
function readTableBody(
  action: string,
  tenant: string,
  body: Uint8Array,
): TableIdentifier | undefined {
  if (body.length === 0) return undefined
  const command = body.length > BODY_BYTES_MAX ? undefined : parseBody(body)
  if (command === undefined || Object.keys(command).some((key) => key !== 'table')) {
    throw new ServiceError(
      'invalid',
      `the body of ${action} is empty or {"table": "namespace.table"}`,
    )
  }
  const { table } = command
  if (table === undefined) return undefined
  if (typeof table !== 'string') throw new ServiceError('invalid', '"table" must be a text')
  return parseTable(tenant, table)
}

function parseBody(body: Uint8Array): Readonly<Record<string, unknown>> | undefined {
  try {
    return asObject(parseJson(Buffer.from(body).toString('utf8')))
  } catch {
    return undefined
  }
}

function json(value: unknown): WireBytes {
  return { body: Buffer.from(stringifyJson(value ?? null), 'utf8') }
}
