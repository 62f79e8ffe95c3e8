/** What an operator and a waiting caller are told about a table on its way from the log. */
import { type ErrorKind, ServiceError } from '../errors.ts'
import type { TableIdentifier } from '../names.ts'
import type { StopCause } from './inspect.ts'

export type TableState =
  | { readonly kind: 'idle' }
  | { readonly kind: 'committing' }
  /** The last attempt failed; the entries are safe in the log. `retryAt` in ms since the epoch. */
  | { readonly kind: 'waiting'; readonly retryAt: number; readonly reason: string }
  /** Not tried again by this process; the entries stay in the log until a person has decided. */
  | { readonly kind: 'stopped'; readonly cause: StopCause; readonly reason: string }

/** Since the process started. */
export interface TableCounters {
  /** Commit calls by what the catalog answered. */
  readonly committed: number
  readonly conflict: number
  readonly unknown: number
  readonly rejected: number
  /** Attempts that ended in an error before the catalog was asked, or in one that hides the end. */
  readonly failed: number
  /** Entries set aside. */
  readonly quarantined: number
  /** Groups written again because the table's schema or partitioning had changed. */
  readonly rewritten: number
  /** Entries and rows that a fresh load has shown in the table. */
  readonly entries: number
  readonly rows: number
}

/** What a table's worker counts up. */
export type Tally = { -readonly [Name in keyof TableCounters]: number }

export function emptyTally(): Tally {
  return {
    committed: 0,
    conflict: 0,
    unknown: 0,
    rejected: 0,
    failed: 0,
    quarantined: 0,
    rewritten: 0,
    entries: 0,
    rows: 0,
  }
}

export interface TableStatus {
  readonly key: string
  /** Undefined when the key cannot be read. */
  readonly table: TableIdentifier | undefined
  readonly tableUuid: string | undefined
  readonly pendingEntries: number
  readonly pendingBytes: number
  readonly oldestAgeMs: number | undefined
  /** The table's current snapshot when it was last loaded. */
  readonly lastSnapshotId: bigint | undefined
  /** Every entry up to this sequence is in the table, by its own word, or was set aside. */
  readonly watermark: bigint
  readonly state: TableState
  /** What of the table's own settings is not obeyed, and why. */
  readonly warnings: readonly string[]
  readonly counters: TableCounters
}

export type FlushedTable = {
  readonly key: string
  readonly table: TableIdentifier
  /** The stream's last sequence when the flush was asked for. */
  readonly through: bigint
} & (
  | { readonly kind: 'committed'; readonly snapshotId: bigint | undefined }
  /** Not in the table; still in the log, and tried again unless the table is stopped. */
  | { readonly kind: 'failed'; readonly reason: string }
)

const STOP_KINDS: Readonly<Record<StopCause, ErrorKind>> = {
  dropped: 'not-found',
  replaced: 'not-found',
  fenced: 'closed',
  lost: 'corrupt',
  'unreadable-key': 'corrupt',
}

/** What a caller hears who waits for an entry that will never be committed. */
export function quarantinedError(key: string, sequence: bigint, reason: string): ServiceError {
  const text = `entry ${sequence} of ${key} was set aside and is kept in quarantine: ${reason}`
  return new ServiceError('corrupt', text, { context: { key, sequence } })
}

/** What a caller hears who waits for a stopped table. */
export function stoppedError(key: string, cause: StopCause, reason: string): ServiceError {
  const text = `${key} is stopped: ${reason}; its entries stay in the log`
  return new ServiceError(STOP_KINDS[cause], text, { context: { key } })
}
