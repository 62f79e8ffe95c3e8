/**
 * A commit applied to table metadata: the rules that a catalog keeps, whoever asks.
 *
 * Promises: pure; the result satisfies `metadata-check.ts`; all updates apply or none; time never
 * runs backwards in the metadata, even when the clock does. Updates apply in order, and -1 means
 * what the same request added last.
 * Does not know: where metadata is kept, or how two writers are kept apart.
 */
import { ServiceError } from '../errors.ts'
import { change, type Draft } from './draft.ts'
import { metadataDefect } from './metadata-check.ts'
import { trimLocation } from './metadata-create.ts'
import { checkProperties, numberProperty } from './properties.ts'
import { MAIN } from './snapshot-json.ts'
import type { TableMetadata } from './types.ts'
import {
  addOrder,
  addSchema,
  addSpec,
  setCurrentSchema,
  setDefaultOrder,
  setDefaultSpec,
} from './update-schema.ts'
import { addSnapshot, removeRef, removeSnapshots, setRef } from './update-snapshot.ts'
import type { TableUpdate } from './updates.ts'

export { checkRequirements } from './requirements.ts'
export { isStale } from './update-snapshot.ts'

const METADATA_LOG_MAX = 'write.metadata.previous-versions-max'
const METADATA_LOG_DEFAULT = 100

export interface UpdateContext {
  /** Milliseconds since the epoch. */
  readonly now: number
  /** Where the base was read from; undefined when it was never stored. */
  readonly previousLocation: string | undefined
}

/**
 * Returns the base itself, the same object, when the updates change nothing.
 *
 * @throws ServiceError `invalid` naming the update that cannot be applied. When {@link isStale}
 * says so, another writer was first: the same commit staged on fresh metadata may work.
 */
export function applyUpdates(
  base: TableMetadata,
  updates: readonly TableUpdate[],
  { now, previousLocation }: UpdateContext,
): TableMetadata {
  let draft: Draft = {
    metadata: base,
    now: Math.max(now, base['last-updated-ms']),
    addedSnapshotIds: new Set(),
  }
  for (const update of updates) draft = applyUpdate(draft, update)
  if (draft.metadata === base) return base
  const metadata = finish(base, draft, previousLocation)
  const defect = metadataDefect(metadata)
  if (defect === undefined) return metadata
  throw new ServiceError('invalid', `the updates break the table: ${defect}`)
}

function applyUpdate(draft: Draft, update: TableUpdate): Draft {
  switch (update.action) {
    case 'assign-uuid':
      return assignUuid(draft, update.uuid)
    case 'upgrade-format-version':
      return upgrade(draft, update['format-version'])
    case 'add-schema':
      return addSchema(draft, update.schema)
    case 'set-current-schema':
      return setCurrentSchema(draft, update['schema-id'])
    case 'add-spec':
      return addSpec(draft, update.spec)
    case 'set-default-spec':
      return setDefaultSpec(draft, update['spec-id'])
    case 'add-sort-order':
      return addOrder(draft, update['sort-order'])
    case 'set-default-sort-order':
      return setDefaultOrder(draft, update['sort-order-id'])
    case 'add-snapshot':
      return addSnapshot(draft, update.snapshot)
    case 'set-snapshot-ref':
      return setRef(draft, update)
    case 'remove-snapshots':
      return removeSnapshots(draft, update['snapshot-ids'])
    case 'remove-snapshot-ref':
      return removeRef(draft, update['ref-name'])
    case 'set-location':
      return change(draft, 'location', trimLocation(update.location))
    case 'set-properties':
      return setProperties(draft, update.updates)
    case 'remove-properties':
      return removeProperties(draft, update.removals)
    default:
      throw new ServiceError('invalid', `update ${(update as TableUpdate).action} is unknown`)
  }
}

/** The log of states that were current, the log of files, and the time, written once at the end. */
function finish(base: TableMetadata, draft: Draft, previousLocation: string | undefined) {
  const { metadata, now } = draft
  const head = metadata.snapshots.find((s) => s['snapshot-id'] === metadata['current-snapshot-id'])
  const added = metadata.snapshots.filter((s) => draft.addedSnapshotIds.has(s['snapshot-id']))
  const updatedMs = Math.max(now, ...added.map((snapshot) => snapshot['timestamp-ms']))
  const snapshotLog = [...metadata['snapshot-log']]
  const logged = snapshotLog.at(-1)?.['snapshot-id']
  const isMoved =
    head?.['snapshot-id'] !== base['current-snapshot-id'] || metadata.refs[MAIN] !== base.refs[MAIN]
  if (head !== undefined && isMoved && logged !== head['snapshot-id']) {
    const isNew = draft.addedSnapshotIds.has(head['snapshot-id'])
    const at = isNew ? head['timestamp-ms'] : updatedMs
    snapshotLog.push({ 'timestamp-ms': at, 'snapshot-id': head['snapshot-id'] })
  }
  return {
    ...metadata,
    'last-updated-ms': updatedMs,
    'snapshot-log': snapshotLog,
    'metadata-log': metadataLog(base, metadata, previousLocation),
  }
}

function metadataLog(
  base: TableMetadata,
  metadata: TableMetadata,
  previousLocation: string | undefined,
): TableMetadata['metadata-log'] {
  if (previousLocation === undefined) return metadata['metadata-log']
  const previous = { 'timestamp-ms': base['last-updated-ms'], 'metadata-file': previousLocation }
  const max = numberProperty(metadata.properties, METADATA_LOG_MAX, {
    fallback: METADATA_LOG_DEFAULT,
    min: 1,
  })
  return [...metadata['metadata-log'], previous].slice(-max)
}

function assignUuid(draft: Draft, uuid: string): Draft {
  if (uuid.toLowerCase() === draft.metadata['table-uuid'].toLowerCase()) return draft
  throw new ServiceError('invalid', 'the table has a UUID already, which never changes')
}

function upgrade(draft: Draft, version: 1 | 2 | 3): Draft {
  const current = draft.metadata['format-version']
  if (version === current) return draft
  if (version !== 3 || current > version) {
    throw new ServiceError('invalid', `format version ${current} cannot become ${String(version)}`)
  }
  const metadata: TableMetadata = { ...draft.metadata, 'format-version': 3, 'next-row-id': 0n }
  return { ...draft, metadata }
}

function setProperties(draft: Draft, updates: Readonly<Record<string, string>>): Draft {
  checkProperties(updates)
  const { properties } = draft.metadata
  const isSame = Object.entries(updates).every(
    ([name, value]) => Object.hasOwn(properties, name) && properties[name] === value,
  )
  return isSame ? draft : change(draft, 'properties', { ...properties, ...updates })
}

function removeProperties(draft: Draft, removals: readonly string[]): Draft {
  const { properties } = draft.metadata
  if (!removals.some((name) => Object.hasOwn(properties, name))) return draft
  const kept = Object.entries(properties).filter(([name]) => !removals.includes(name))
  return change(draft, 'properties', Object.fromEntries(kept))
}
