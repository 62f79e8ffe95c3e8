/** What callers may say, and what they hear. All limits of the client have their default here. */
import type { RecordBatch, Table } from 'apache-arrow'
import type { Clock } from '../runtime/clock.ts'
import type { EncodedBatch } from './frames.ts'

const MIB = 1024 * 1024

/** `durable`: fsynced in the log, never lost. `committed`: also in a snapshot of the table. */
export type AckLevel = 'durable' | 'committed'

/**
 * A table, a batch, a batch that `readIpcFile` has read as it is, or the bytes of an Arrow IPC
 * stream or file, which any copy and version of any Arrow library can make.
 */
export type ArrowPart = Table | RecordBatch | EncodedBatch | Uint8Array
export type ArrowSource = ArrowPart | Iterable<ArrowPart> | AsyncIterable<ArrowPart>

export interface ClientOptions {
  /** Whose tables; the server's default when not given. */
  readonly tenant?: string
  /** Longest time without progress, in milliseconds, before a put gives up reconnecting. */
  readonly retryMsMax?: number
  /** The same while this client has never had an answer: the address may be wrong. */
  readonly connectMsMax?: number
  /** Longest wait for an answer that is not a put. A flush, which commits, may take longer. */
  readonly requestMsMax?: number
  readonly flushMsMax?: number
  /** Time and chance, for tests. */
  readonly clock?: Clock
  readonly random?: () => number
}

export interface Progress {
  /** Acknowledged so far. */
  readonly rows: number
  readonly batches: number
  /** Of Arrow data, before compression. */
  readonly bytes: number
}

/** Which table, and what it is to be like if there is none. */
export interface PlanOptions {
  /** Levels joined by dots; default: what the table's name says, else the server's. */
  readonly namespace?: string
  /** False: refuse to create the table when it does not exist. */
  readonly create?: boolean
  /** For a table that this put creates, such as `['day(ts)', 'region']`. */
  readonly partitionBy?: readonly string[]
  /** For a table that this put creates, such as `['ts desc nulls last']`. */
  readonly sortBy?: readonly string[]
  /** Iceberg table properties for a table that this put creates, and `format-version`. */
  readonly properties?: Readonly<Record<string, string>>
  /** For a table that this put creates: the columns that tell rows apart. They become required. */
  readonly identifierFields?: readonly string[]
}

export interface PutOptions extends PlanOptions {
  readonly ack?: AckLevel
  /**
   * Names the sender for ever, and gives the number of its first batch: what was sent before under
   * the same name and number, also by another process, is recognised and not stored again. Default:
   * a random name, which makes retries within one put recognised.
   */
  readonly producer?: { readonly id: string; readonly sequence: bigint }
  /** Sent and not acknowledged: at this many, `write` waits. One batch is always let through. */
  readonly unacknowledgedBytesMax?: number
  readonly unacknowledgedBatchesMax?: number
  /** A larger batch is sent as several. */
  readonly batchBytesMax?: number
  readonly onProgress?: (progress: Progress) => void
  /** Stops the put: it rejects as `closed`. What was acknowledged stays. */
  readonly signal?: AbortSignal
}

export interface PutResult {
  readonly rows: number
  readonly batches: number
  /** Where the last batch is in the log; undefined when there was none. */
  readonly logId: string | undefined
  readonly sequence: bigint | undefined
  /** Batches that the server had already. */
  readonly duplicates: number
  /** With `ack: 'committed'`. */
  readonly snapshotId: bigint | undefined
}

export const CLIENT_DEFAULTS = {
  /** Long enough for a restart with a log to replay. */
  retryMsMax: 60_000,
  connectMsMax: 5_000,
  requestMsMax: 10_000,
  flushMsMax: 120_000,
} as const

export const PUT_DEFAULTS = {
  unacknowledgedBytesMax: 64 * MIB,
  unacknowledgedBatchesMax: 64,
  batchBytesMax: 16 * MIB,
} as const

export const RETRY_BACKOFF = { baseMs: 50, capMs: 2_000 } as const
