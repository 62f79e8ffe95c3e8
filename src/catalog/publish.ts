/**
 * The step that makes a table's new state visible: write its metadata file, then move the pointer.
 *
 * Promises: `committed` is said when it is durable; `conflict` only when it did not and will not
 * happen; `unknown` only when the pointer was asked to move and the answer was lost. The new file
 * is deleted when it can never be pointed at, and at no other time.
 */
import type { TableMetadata } from '../iceberg/types.ts'
import { formatTable, type TableIdentifier } from '../names.ts'
import type { ObjectStore } from '../storage/object-store.ts'
import { metadataLocation, nextMetadataVersion } from '../storage/paths.ts'
import { settle } from './after-commit.ts'
import type { CommitOutcome, LoadedTable } from './catalog.ts'
import { writeMetadata } from './metadata-files.ts'
import type { CatalogParts } from './parts.ts'
import { changedNothing } from './pointers.ts'

export interface Publication {
  readonly identifier: TableIdentifier
  /** What the new state was made from; undefined for a new table. */
  readonly base: LoadedTable | undefined
  readonly metadata: TableMetadata
}

/** Never throws. */
export async function publish(
  parts: CatalogParts,
  { identifier, base, metadata }: Publication,
): Promise<CommitOutcome> {
  const { pointers, store } = parts
  const version = base ? nextMetadataVersion(base.metadataLocation) : 0
  const to = metadataLocation(metadata.location, version, parts.ids.uuid())

  try {
    await writeMetadata(store, to, metadata)
  } catch (cause) {
    await discard(store, to)
    return notDone(cause)
  }

  let isMoved: boolean
  try {
    isMoved = base
      ? await pointers.swap(identifier, base.metadataLocation, to)
      : await pointers.insert(identifier, to)
  } catch (cause) {
    if (!changedNothing(cause)) return { kind: 'unknown', cause }
    await discard(store, to)
    return notDone(cause)
  }
  if (!isMoved) {
    await discard(store, to)
    const happened = base ? 'was changed or dropped by another commit' : 'exists already'
    return { kind: 'conflict', reason: `table ${formatTable(identifier)} ${happened}` }
  }

  const table = { identifier, metadata, metadataLocation: to }
  await settle(parts, table, base)
  return { kind: 'committed', table }
}

/** Nothing happened, and the same request may work later. */
export function notDone(cause: unknown): CommitOutcome {
  const message = cause instanceof Error ? cause.message : String(cause)
  return { kind: 'conflict', reason: `nothing was committed: ${message}`, cause }
}

async function discard(store: ObjectStore, location: string): Promise<void> {
  // What stays is an orphan that the sweeper finds.
  await store.delete(location).catch(() => {})
}
