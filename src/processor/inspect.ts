/**
 * A table as it is now, and what it says of a part of the log.
 *
 * Promises: the answer is that of one fresh load; a table that cannot take the entries any more is
 * told apart from one that cannot be asked. Does not know: what is to be done about it.
 */
import type { LoadedTable } from '../catalog/catalog.ts'
import { toServiceError, unreachable } from '../errors.ts'
import type { TableContext } from './parts.ts'
import { judgeWatermark, type SequenceRange } from './watermark.ts'

/** Why a stream will not be committed again by this process. Its entries stay in the log. */
export type StopCause = 'dropped' | 'replaced' | 'fenced' | 'lost' | 'unreadable-key'

export type Inspection =
  /** Nothing of the range is in the table as loaded. */
  | { readonly kind: 'proceed'; readonly loaded: LoadedTable }
  /** A fresh load showed everything up to `through` in the table. */
  | { readonly kind: 'settled'; readonly loaded: LoadedTable; readonly through: bigint }
  | { readonly kind: 'stopped'; readonly cause: StopCause; readonly reason: string }

/**
 * Loads the table afresh and judges its watermark against a range.
 *
 * @throws ServiceError `unavailable` when the catalog is.
 */
export async function inspectTable(
  { parts, log, key, entryKey }: TableContext,
  range: SequenceRange,
): Promise<Inspection> {
  // Before the load: see Intent.trimmedThrough.
  const trimmedThrough = parts.wal.keyState(key)?.trimmedThrough ?? 0n
  let loaded: LoadedTable
  try {
    loaded = await parts.catalog.loadTable(entryKey.table)
  } catch (thrown) {
    const error = toServiceError(thrown)
    if (error.kind !== 'not-found') throw error
    return { kind: 'stopped', cause: 'dropped', reason: 'the table no longer exists' }
  }
  const uuid = loaded.metadata['table-uuid']
  if (uuid !== entryKey.tableUuid) {
    const reason = `the table was replaced by another of the same name (${uuid})`
    return { kind: 'stopped', cause: 'replaced', reason }
  }
  const verdict = judgeWatermark(loaded.metadata, log, { range, trimmedThrough })
  switch (verdict.kind) {
    case 'proceed':
      return { kind: 'proceed', loaded }
    case 'already-committed':
    case 'partly-committed':
      return { kind: 'settled', loaded, through: verdict.through }
    case 'fenced':
    case 'lost':
      return { kind: 'stopped', cause: verdict.kind, reason: verdict.reason }
    default:
      return unreachable(verdict)
  }
}
