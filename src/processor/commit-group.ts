/**
 * The entries that go into one snapshot of one table.
 *
 * Promises: entries are in log order without a gap between them other than entries that are set
 * aside; an entry whose bytes are damaged is set aside, durably, before any entry after it is
 * handed on. Does not know: what the rows are, or what becomes of the group.
 */
import type { Wal, WalEntry } from '#wal'
import { decodeMessage } from '../entry.ts'
import { toServiceError } from '../errors.ts'
import type { EncodeEntry } from '../parquet/encoder.ts'
import type { SequenceRange } from './watermark.ts'

export interface GroupLimits {
  /** Payload bytes; a single entry may be larger. */
  readonly bytesMax: number
  /** The group is closed by the entry that reaches this. */
  readonly rows: number
  readonly entriesMax: number
}

export interface CommitGroup {
  readonly entries: readonly EncodeEntry[]
  readonly range: SequenceRange
  readonly rows: number
  readonly bytes: number
}

export interface Damage {
  readonly sequence: bigint
  readonly reason: string
}

/** Called after the entry's bytes and the reason are durable elsewhere. */
export type OnQuarantine = (damage: Damage) => void

/** The next group after a sequence; undefined when no live entry follows it. */
export async function readGroup(
  wal: Wal,
  from: { readonly key: string; readonly after: bigint },
  limits: GroupLimits,
  onQuarantine: OnQuarantine,
): Promise<CommitGroup | undefined> {
  for (;;) {
    const read = await wal.read(from.key, from.after, limits.bytesMax)
    const { group, damaged } = formGroup(read, limits)
    for (const damage of damaged) {
      await wal.quarantine(from.key, damage.sequence, damage.reason)
      onQuarantine(damage)
    }
    // Ends: whatever was read and is not in a group has just left the stream.
    if (group !== undefined || read.length === 0) return group
  }
}

/** Pure: as much of what was read as fits, and the damaged entries met on the way. */
export function formGroup(
  read: readonly WalEntry[],
  limits: GroupLimits,
): { readonly group: CommitGroup | undefined; readonly damaged: readonly Damage[] } {
  const entries: EncodeEntry[] = []
  const damaged: Damage[] = []
  let rows = 0
  let bytes = 0
  for (const entry of read) {
    if (entries.length >= limits.entriesMax || rows >= limits.rows) break
    const count = rowsOf(entry)
    if (entry.kind === 'corrupt' || typeof count === 'string') {
      damaged.push({ sequence: entry.sequence, reason: String(count) })
      continue
    }
    entries.push({
      sequence: entry.sequence,
      payload: entry.payload,
      definitions: entry.definitions,
    })
    rows += count
    bytes += entry.payload.length
  }
  const first = entries[0]
  const last = entries.at(-1)
  if (first === undefined || last === undefined) return { group: undefined, damaged }
  const range = { from: first.sequence, through: last.sequence }
  return { group: { entries, range, rows, bytes }, damaged }
}

/** The row count, or why the entry cannot be read. */
function rowsOf(entry: WalEntry): number | string {
  if (entry.kind === 'corrupt') return entry.reason
  try {
    return decodeMessage(entry.payload).rows
  } catch (error) {
    return toServiceError(error).message
  }
}
