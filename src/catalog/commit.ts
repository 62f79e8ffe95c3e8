/**
 * One commit: load, check requirements, apply updates, publish. Shared by every catalog that
 * keeps its own metadata files.
 *
 * How the outcomes are told apart: a requirement that fails, and every failure before the pointer
 * was asked to move, is `conflict` (nothing happened; restage and try again). Updates that can
 * never be applied are `rejected`. A failure of the pointer's move that does not prove that
 * nothing happened is `unknown`. Only defects are thrown.
 */
import { ServiceError } from '../errors.ts'
import { applyUpdates, checkRequirements } from '../iceberg/metadata-update.ts'
import type { TableMetadata } from '../iceberg/types.ts'
import type { TableUpdate } from '../iceberg/updates.ts'
import { formatTable, type TableIdentifier } from '../names.ts'
import { tenantLocation } from '../storage/paths.ts'
import type { CommitOutcome, CommitRequest, LoadedTable } from './catalog.ts'
import { buildFromUpdates } from './create.ts'
import { loadIfExists } from './load.ts'
import { type CatalogParts, notDone, publish } from './publish.ts'

export async function commitTable(
  parts: CatalogParts,
  identifier: TableIdentifier,
  request: CommitRequest,
): Promise<CommitOutcome> {
  let base: LoadedTable | undefined
  try {
    base = await loadIfExists(parts, identifier)
  } catch (cause) {
    return notDone(cause)
  }
  const reason = whyConflict(base?.metadata, identifier, request)
  if (reason !== undefined) return { kind: 'conflict', reason }
  if (base && request.updates.length === 0) return { kind: 'committed', table: base }

  let metadata: TableMetadata
  try {
    metadata = await build(parts, identifier, base, request.updates)
  } catch (cause) {
    if (!(cause instanceof ServiceError)) throw cause
    if (cause.kind !== 'invalid' && cause.kind !== 'unsupported') return notDone(cause)
    return { kind: 'rejected', reason: cause.message }
  }
  return publish(parts, { identifier, base, metadata })
}

/** Pure: why the request does not fit the state that was found, and may fit once restaged. */
function whyConflict(
  base: TableMetadata | undefined,
  identifier: TableIdentifier,
  { requirements, updates }: CommitRequest,
): string | undefined {
  const isCreate = requirements.some(({ type }) => type === 'assert-create')
  if (!base && !isCreate) return `table ${formatTable(identifier)} does not exist`
  return checkRequirements(base, requirements) ?? (base && whyStale(base, updates))
}

/**
 * Pure: snapshots that were staged on an older state than the requirements happened to assert,
 * for example when another branch moved. Restaging cures it, so it must not count as invalid.
 */
function whyStale(base: TableMetadata, updates: readonly TableUpdate[]): string | undefined {
  for (const update of updates) {
    if (update.action !== 'add-snapshot') continue
    const { 'snapshot-id': id, 'sequence-number': sequence, 'first-row-id': row } = update.snapshot
    if (base.snapshots.some((snapshot) => snapshot['snapshot-id'] === id)) {
      return `snapshot ${id} is in the table already`
    }
    if (base['format-version'] > 1 && sequence <= base['last-sequence-number']) {
      return `sequence number ${sequence} is used; the table's last is ${base['last-sequence-number']}`
    }
    const nextRow = base['next-row-id']
    if (row !== undefined && nextRow !== undefined && row < nextRow) {
      return `first row id ${row} is used; the table's next is ${nextRow}`
    }
  }
  return undefined
}

/** @throws ServiceError `invalid` for updates that can never be applied. */
async function build(
  parts: CatalogParts,
  identifier: TableIdentifier,
  base: LoadedTable | undefined,
  updates: readonly TableUpdate[],
): Promise<TableMetadata> {
  const now = parts.clock.now()
  const metadata = base
    ? applyUpdates(base.metadata, updates, { now, previousLocation: base.metadataLocation })
    : await buildFromUpdates(parts, identifier, updates)
  const home = `${tenantLocation(parts.warehouse, identifier.tenant)}/`
  const { location } = metadata
  // A table that another writer placed elsewhere stays there; a commit may not point it elsewhere.
  if (location !== base?.metadata.location && !location.startsWith(home)) {
    throw new ServiceError('invalid', `location ${location} is not below ${home}`)
  }
  return metadata
}
