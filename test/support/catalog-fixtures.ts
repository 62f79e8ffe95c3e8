/** Small helpers for the tests of storage and catalogs. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import type { Catalog, CommitRequest, LoadedTable } from '../../src/catalog/catalog.ts'
import { ServiceError } from '../../src/errors.ts'
import type { Schema } from '../../src/iceberg/types.ts'
import type { TableIdentifier } from '../../src/names.ts'
import type { Clock } from '../../src/runtime/clock.ts'

/** The kind of the ServiceError that a promise rejects with; throws for anything else. */
export async function kindOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise
  } catch (error) {
    if (error instanceof ServiceError) return error.kind
    throw error
  }
  throw new Error('it was expected to fail, and did not')
}

export async function scratchDirectory(): Promise<{ path: string; remove(): Promise<void> }> {
  const path = await mkdtemp(join(tmpdir(), 'frazil-catalog-'))
  return { path, remove: () => rm(path, { recursive: true, force: true }) }
}

/** Time that does not pass; sleeping takes no time. */
export const stillClock: Clock = {
  now: () => 1_700_000_000_000,
  monotonic: () => 0,
  sleep: () => Promise.resolve(),
}

export const eventsSchema: Schema = {
  type: 'struct',
  'schema-id': 0,
  fields: [
    { id: 1, name: 'id', required: true, type: 'long' },
    { id: 2, name: 'name', required: false, type: 'string' },
  ],
}

export function events(tenant = 'default', namespace = ['web'], name = 'events'): TableIdentifier {
  return { tenant, namespace, name }
}

/** A commit of one snapshot onto the head that `table` has; no manifests stand behind it. */
export function appendTo(
  { metadata }: LoadedTable,
  snapshotId: bigint,
  properties: Readonly<Record<string, string>> = {},
): CommitRequest {
  const parent = metadata['current-snapshot-id']
  return {
    requirements: [
      { type: 'assert-table-uuid', uuid: metadata['table-uuid'] },
      { type: 'assert-ref-snapshot-id', ref: 'main', 'snapshot-id': parent },
    ],
    updates: [
      {
        action: 'add-snapshot',
        snapshot: {
          'snapshot-id': snapshotId,
          ...(parent !== undefined && { 'parent-snapshot-id': parent }),
          'sequence-number': metadata['last-sequence-number'] + 1n,
          'timestamp-ms': metadata['last-updated-ms'],
          'manifest-list': `${metadata.location}/metadata/snap-${snapshotId}.avro`,
          summary: { operation: 'append' },
          'schema-id': metadata['current-schema-id'],
        },
      },
      {
        action: 'set-snapshot-ref',
        'ref-name': 'main',
        type: 'branch',
        'snapshot-id': snapshotId,
      },
      ...(Object.keys(properties).length > 0
        ? [{ action: 'set-properties', updates: properties } as const]
        : []),
    ],
  }
}

/** A commit that fits whatever state the table is in. */
export function setProperties(
  { metadata }: LoadedTable,
  updates: Readonly<Record<string, string>>,
): CommitRequest {
  return {
    requirements: [{ type: 'assert-table-uuid', uuid: metadata['table-uuid'] }],
    updates: [{ action: 'set-properties', updates }],
  }
}

/** Snapshot ids from the head of main to its first, by their parents. */
export function historyOf({ metadata }: LoadedTable): bigint[] {
  const byId = new Map(metadata.snapshots.map((s) => [s['snapshot-id'], s]))
  const history: bigint[] = []
  let id = metadata['current-snapshot-id']
  while (id !== undefined && history.length <= byId.size) {
    history.push(id)
    id = byId.get(id)?.['parent-snapshot-id']
  }
  return history
}

/** Reloads and tries again until the append is in. Returns how often it lost. */
export async function appendUntilCommitted(
  catalog: Catalog,
  identifier: TableIdentifier,
  snapshotId: bigint,
): Promise<number> {
  for (let lost = 0; lost < 10_000; lost += 1) {
    const table = await catalog.loadTable(identifier)
    const outcome = await catalog.commitTable(identifier, appendTo(table, snapshotId))
    if (outcome.kind === 'committed') return lost
    if (outcome.kind !== 'conflict') throw new Error(`outcome ${outcome.kind}`)
    // Losers step back, each by its own number of turns, so that the race ends soon.
    for (let turn = Number(snapshotId % 13n) * lost; turn > 0; turn -= 1) await setImmediate()
  }
  throw new Error('lost 10,000 times')
}
