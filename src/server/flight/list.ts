/**
 * ListFlights, GetFlightInfo and GetSchema: what tables there are, and what they look like or, asked
 * with another schema, what they would become.
 *
 * The numbers are those of the current snapshot. The list of endpoints is empty, because tables
 * are read by attaching an engine to them; app_metadata says where they are.
 */

import type { LoadedTable } from '../../catalog/catalog.ts'
import { ServiceError } from '../../errors.ts'
import type { Schema, Snapshot } from '../../iceberg/types.ts'
import { stringifyJson } from '../../json.ts'
import type { TableIdentifier } from '../../names.ts'
import type { CallRequest } from './calls.ts'
import type { WireDescriptor, WireFlightInfo } from './contract.ts'
import { descriptorOf, readDescriptor, refusePlanned, type Target } from './descriptor.ts'
import type { FlightDescriptor } from './flight-data.ts'
import { PLAN_KEY, viewPlan } from './plan-view.ts'
import type { FlightServices } from './services.ts'
import { readTenant } from './stream-options.ts'

type ListServices = Pick<FlightServices, 'catalog' | 'schemaToIpc' | 'ingest'>

const UNKNOWN_COUNT = '-1'
/** Of a table that is not there and would not be made. */
const NO_SCHEMA: Schema = { type: 'struct', 'schema-id': 0, fields: [] }
const TYPES = { UNKNOWN: 'unknown', PATH: 'path', CMD: 'cmd' } as const
const WIRE_TYPES = { unknown: 'UNKNOWN', path: 'PATH', cmd: 'CMD' } as const

/** One FlightInfo for each table of the tenant; one that is dropped meanwhile is left out. */
export async function* listFlights(
  services: ListServices,
  { request, metadata }: CallRequest<{ readonly expression: Uint8Array }>,
): AsyncGenerator<WireFlightInfo> {
  const tenant = readTenant(metadata)
  if (request.expression.length > 0) {
    throw new ServiceError('unsupported', 'criteria are not offered: list without an expression')
  }
  for (const namespace of await services.catalog.listNamespaces(tenant)) {
    for (const identifier of await services.catalog.listTables(tenant, namespace)) {
      const table = await loadIfThere(services, identifier)
      if (table !== undefined) yield flightInfo(services, table)
    }
  }
}

/** @throws ServiceError `not-found`, `invalid`, `unavailable`. */
export async function getFlightInfo(
  services: ListServices,
  call: CallRequest<WireDescriptor>,
): Promise<WireFlightInfo> {
  return flightInfo(services, await loadDescribed(services, call))
}

/** Also the answer to `plan`. @throws ServiceError `not-found`, `invalid`, `unavailable`. */
export async function getSchema(
  services: ListServices,
  call: CallRequest<WireDescriptor>,
): Promise<{ readonly schema: Uint8Array }> {
  const target = describedTarget(call)
  const { planned } = target
  if (planned !== undefined) return planSchema(services, { ...target, planned })
  const { metadata } = await services.catalog.loadTable(target.table)
  return { schema: services.schemaToIpc(currentSchema(metadata)) }
}

/** The schema that the table is to have; how it comes to that, or why it does not, is beside it. */
async function planSchema(
  services: ListServices,
  { table, planned, isCreationAllowed, create }: Target & { readonly planned: Uint8Array },
): Promise<{ readonly schema: Uint8Array }> {
  const request = { table, schema: planned, isCreationAllowed }
  const plan = await services.ingest.plan({ ...request, ...(create && { create }) })
  const metadata = { [PLAN_KEY]: stringifyJson(viewPlan(plan)) }
  return { schema: services.schemaToIpc(plan.schema ?? NO_SCHEMA, metadata) }
}

function describedTarget({ request, metadata }: CallRequest<WireDescriptor>): Target {
  const descriptor = { ...request, type: TYPES[request.type] ?? 'unknown' }
  return readDescriptor(readTenant(metadata), descriptor)
}

async function loadDescribed(
  { catalog }: ListServices,
  call: CallRequest<WireDescriptor>,
): Promise<LoadedTable> {
  const target = describedTarget(call)
  refusePlanned(target)
  return catalog.loadTable(target.table)
}

async function loadIfThere(
  { catalog }: ListServices,
  identifier: TableIdentifier,
): Promise<LoadedTable | undefined> {
  try {
    return await catalog.loadTable(identifier)
  } catch (thrown) {
    if (thrown instanceof ServiceError && thrown.kind === 'not-found') return undefined
    throw thrown
  }
}

function flightInfo(services: ListServices, table: LoadedTable): WireFlightInfo {
  const { metadata } = table
  const snapshotId = metadata['current-snapshot-id']
  const snapshot = metadata.snapshots.find((one) => one['snapshot-id'] === snapshotId)
  const about = {
    'table-uuid': metadata['table-uuid'],
    location: metadata.location,
    'metadata-location': table.metadataLocation,
    'snapshot-id': snapshotId,
  }
  return {
    schema: services.schemaToIpc(currentSchema(metadata)),
    flight_descriptor: toWire(descriptorOf(table.identifier)),
    endpoint: [],
    total_records: total(snapshot, 'total-records'),
    total_bytes: total(snapshot, 'total-files-size'),
    ordered: false,
    app_metadata: Buffer.from(stringifyJson(about), 'utf8'),
  }
}

/** A table without a snapshot has nothing in it; a snapshot that does not say is not guessed at. */
function total(snapshot: Snapshot | undefined, key: string): string {
  if (snapshot === undefined) return '0'
  const value = snapshot.summary[key]
  return value !== undefined && /^\d{1,18}$/.test(value) ? value : UNKNOWN_COUNT
}

function currentSchema(metadata: LoadedTable['metadata']): Schema {
  const id = metadata['current-schema-id']
  const schema = metadata.schemas.find((one) => one['schema-id'] === id)
  if (schema === undefined) throw new ServiceError('corrupt', `the table has no schema ${id}`)
  return schema
}

function toWire(descriptor: FlightDescriptor): WireDescriptor {
  return { ...descriptor, type: WIRE_TYPES[descriptor.type] }
}
