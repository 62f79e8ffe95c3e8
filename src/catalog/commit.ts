/**
 * One commit: load, check requirements, apply updates, publish. Shared by every catalog that
 * keeps its own metadata files.
 *
 * How the outcomes are told apart: a requirement that fails, and every failure before the pointer
 * was asked to move, is `conflict` (nothing happened; restage and try again). Updates that can
 * never be applied are `rejected`; those that only missed another commit are `conflict`. A failure of the pointer's move that does not prove that
 * nothing happened is `unknown`. Only defects are thrown.
 */
import { ServiceError } from '../errors.ts'
import { applyUpdates, checkRequirements, isStale } from '../iceberg/metadata-update.ts'
import type { TableMetadata } from '../iceberg/types.ts'
import type { TableUpdate } from '../iceberg/updates.ts'
import { formatTable, type TableIdentifier } from '../names.ts'
import { checkLocation } from '../storage/location.ts'
import { tenantLocation } from '../storage/paths.ts'
import type { CommitOutcome, CommitRequest, LoadedTable } from './catalog.ts'
import { buildFromUpdates } from './create.ts'
import { loadIfExists } from './load.ts'
import type { CatalogParts } from './parts.ts'
import { notDone, publish } from './publish.ts'

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
  let metadata: TableMetadata
  try {
    metadata = await build(parts, identifier, base, request.updates)
  } catch (cause) {
    if (!(cause instanceof ServiceError)) throw cause
    const isHopeless = (cause.kind === 'invalid' && !isStale(cause)) || cause.kind === 'unsupported'
    return isHopeless ? { kind: 'rejected', reason: cause.message } : notDone(cause)
  }
  if (base && metadata === base.metadata) return { kind: 'committed', table: base }
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
  return checkRequirements(base, requirements) ?? (base && whyRepeated(base, updates))
}

/** A snapshot of ours that is there already landed late: only a fresh load says what that means. */
function whyRepeated(base: TableMetadata, updates: readonly TableUpdate[]): string | undefined {
  const known = new Set(base.snapshots.map((snapshot) => snapshot['snapshot-id']))
  for (const update of updates) {
    if (update.action !== 'add-snapshot') continue
    const id = update.snapshot['snapshot-id']
    if (known.has(id)) return `snapshot ${id} is in the table already`
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
  if (location !== base?.metadata.location && !checkLocation(location).startsWith(home)) {
    throw new ServiceError('invalid', `location ${location} is not below ${home}`)
  }
  return metadata
}
