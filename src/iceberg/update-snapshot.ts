/** Updates of snapshots and refs, and the history that follows from them. */
import { isDeepStrictEqual } from 'node:util'
import { ServiceError } from '../errors.ts'
import type { Draft } from './draft.ts'
import { CLOCK_SKEW_MS } from './metadata-check.ts'
import { schemaById } from './schema.ts'
import { MAIN } from './snapshot-json.ts'
import type { Snapshot, SnapshotRef, TableMetadata } from './types.ts'
import type { TableUpdate } from './updates.ts'

type SetRef = Extract<TableUpdate, { readonly action: 'set-snapshot-ref' }>

const INT64_MAX = 2n ** 63n - 1n

/** True for the failure of a commit that was staged on metadata which is no longer the latest. */
export function isStale(thrown: unknown): boolean {
  return thrown instanceof ServiceError && thrown.context['isStale'] === true
}

export function addSnapshot(draft: Draft, snapshot: Snapshot): Draft {
  const { metadata } = draft
  checkSnapshot(metadata, snapshot)
  const id = snapshot['snapshot-id']
  const last = metadata['last-sequence-number']
  const sequence = snapshot['sequence-number']
  const next: TableMetadata = {
    ...metadata,
    ...nextRowId(metadata, snapshot),
    snapshots: [...metadata.snapshots, snapshot],
    'last-sequence-number': sequence > last ? sequence : last,
  }
  return { ...draft, metadata: next, addedSnapshotIds: new Set([...draft.addedSnapshotIds, id]) }
}

export function setRef(draft: Draft, update: SetRef): Draft {
  const { metadata } = draft
  // What else the request says about the ref (its retention) stays with it.
  const { action: _action, 'ref-name': name, ...rest } = update
  const ref: SnapshotRef = rest
  const id = ref['snapshot-id']
  if (name === MAIN && ref.type !== 'branch') {
    throw new ServiceError('invalid', 'main must be a branch')
  }
  if (!metadata.snapshots.some((snapshot) => snapshot['snapshot-id'] === id)) {
    throw new ServiceError('invalid', `ref ${name} names snapshot ${id}, which is not in the table`)
  }
  const known = Object.hasOwn(metadata.refs, name) ? metadata.refs[name] : undefined
  if (isDeepStrictEqual(known, ref)) return draft
  const refs = { ...metadata.refs, [name]: ref }
  const head = name === MAIN ? { 'current-snapshot-id': id } : {}
  return { ...draft, metadata: { ...metadata, ...head, refs } }
}

/** Without a main there is no current snapshot, and no history that leads to one. */
export function removeRef(draft: Draft, name: string): Draft {
  const { metadata } = draft
  if (!Object.hasOwn(metadata.refs, name)) return draft
  const kept = Object.entries(metadata.refs).filter(([known]) => known !== name)
  const next = { ...metadata, refs: Object.fromEntries(kept) }
  if (name !== MAIN) return { ...draft, metadata: next }
  return {
    ...draft,
    metadata: { ...next, 'current-snapshot-id': undefined, 'snapshot-log': [] },
  }
}

/** Refs and statistics of removed snapshots go with them. */
export function removeSnapshots(draft: Draft, ids: readonly bigint[]): Draft {
  const removed = new Set(ids)
  const isKept = (item: { readonly 'snapshot-id': bigint }) => !removed.has(item['snapshot-id'])
  const { metadata } = draft
  if (metadata.snapshots.every(isKept)) return draft
  const log = metadata['snapshot-log']
  const keptLog = log.slice(log.findLastIndex((entry) => !isKept(entry)) + 1)
  let next: Draft = {
    ...draft,
    metadata: {
      ...metadata,
      snapshots: metadata.snapshots.filter(isKept),
      'snapshot-log': keptLog,
      statistics: metadata.statistics.filter((entry) => !isAbout(entry, removed)),
      'partition-statistics': metadata['partition-statistics'].filter(
        (entry) => !isAbout(entry, removed),
      ),
    },
  }
  for (const [name, ref] of Object.entries(metadata.refs)) {
    if (!isKept(ref)) next = removeRef(next, name)
  }
  return next
}

function checkSnapshot(metadata: TableMetadata, snapshot: Snapshot): void {
  const { 'snapshot-id': id, 'sequence-number': sequence, 'schema-id': schemaId } = snapshot
  if (id < 1n || id > INT64_MAX) {
    throw new ServiceError('invalid', `snapshot id ${id} is not a positive int64`)
  }
  if (metadata.snapshots.some((known) => known['snapshot-id'] === id)) {
    throw new ServiceError('invalid', `snapshot ${id} is in the table already`)
  }
  const last = metadata['last-sequence-number']
  if (sequence <= last && snapshot['parent-snapshot-id'] !== undefined) {
    throw stale(`snapshot ${id} has sequence number ${sequence}, and the table is at ${last}`)
  }
  if (schemaId !== undefined && schemaById(metadata, schemaId) === undefined) {
    throw new ServiceError('invalid', `snapshot ${id} names schema ${schemaId}, which is not there`)
  }
  const latest = Math.max(
    metadata['last-updated-ms'],
    metadata['snapshot-log'].at(-1)?.['timestamp-ms'] ?? 0,
  )
  if (snapshot['timestamp-ms'] < latest - CLOCK_SKEW_MS) {
    throw new ServiceError(
      'invalid',
      `snapshot ${id} is more than a minute older than the table: set the writer's clock`,
    )
  }
}

function nextRowId(metadata: TableMetadata, snapshot: Snapshot): { 'next-row-id'?: bigint } {
  const next = metadata['next-row-id']
  if (metadata['format-version'] < 3 || next === undefined) return {}
  const { 'first-row-id': first, 'added-rows': added, 'snapshot-id': id } = snapshot
  if (first === undefined || added === undefined || added < 0n) {
    throw new ServiceError('invalid', `snapshot ${id} lacks first-row-id or added-rows`)
  }
  if (first < next)
    throw stale(`snapshot ${id} has first-row-id ${first}, and the table is at ${next}`)
  return { 'next-row-id': next + added }
}

function isAbout(entry: unknown, snapshotIds: ReadonlySet<bigint>): boolean {
  if (typeof entry !== 'object' || entry === null || !('snapshot-id' in entry)) return false
  const id = entry['snapshot-id']
  return (typeof id === 'bigint' || typeof id === 'number') && snapshotIds.has(BigInt(id))
}

function stale(message: string): ServiceError {
  return new ServiceError('invalid', message, { context: { isStale: true } })
}
