/**
 * The port to Parquet: entries of one table in, finished data files out.
 *
 * Contract: every row of every entry is in exactly one file; within a partition rows are in the sort
 * order, or in log order without one; a file has every column of `schema` with its field id; metrics
 * describe the file's bytes exactly; `sortOrderId` is set only on a file that is sorted that way.
 * An entry that cannot be decoded fails the job as {@link EncodeFailure} and names the entry.
 */
import type { MetricsMode } from '../iceberg/metrics-mode.ts'
import type { DataFile, PartitionSpec, Schema, SortOrder } from '../iceberg/types.ts'
import type { ColumnSettings, CompressionCodec } from '../iceberg/write-settings.ts'

export type { CompressionCodec } from '../iceberg/write-settings.ts'

export interface EncodeEntry {
  readonly sequence: bigint
  /** `encodeMessage` bytes of `src/entry.ts`. */
  readonly payload: Uint8Array
  /** The schema's bytes (`encodeSchema`), then the dictionaries' (`encodeMessage`), in order. */
  readonly definitions: readonly { readonly id: string; readonly bytes: Uint8Array }[]
}

/** What is absent is the encoder's own default. */
export interface EncodeSettings {
  readonly compression: CompressionCodec
  readonly rowGroupRowsMax: number
  /** A row group is closed once its encoded bytes reach about this. */
  readonly rowGroupBytesMax?: number
  /** A file is closed once its encoded bytes reach about this. */
  readonly targetFileBytes: number
  /** Of one page before compression. */
  readonly pageBytesMax?: number
  /** Of one column's dictionary in one row group; beyond it values are written plain. */
  readonly dictionaryBytesMax?: number
  readonly isDictionaryEnabled?: boolean
  /** Top-level columns with settings of their own, by name. */
  readonly columns?: Readonly<Record<string, ColumnSettings>>
  /** What is stated of each column, by field id; nothing of a column that is not in it. */
  readonly metricsModes?: ReadonlyMap<number, MetricsMode>
  /** Encoded bytes per byte of columns, from earlier jobs of the table. */
  readonly encodedRatio?: number
}

export interface EncodeJob {
  /** The table's current schema: what every file will have. */
  readonly schema: Schema
  readonly partitionSpec: PartitionSpec
  /** Undefined: rows stay as they came. So they do when the order's columns or transforms are not there. */
  readonly sortOrder: SortOrder | undefined
  /** Partitions that the entries may touch together: each becomes a file at least. */
  readonly partitionsMax: number
  readonly entries: readonly EncodeEntry[]
  readonly settings: EncodeSettings
}

/** All that the manifest needs except where the file will be. */
export type EncodedFile = Omit<DataFile, 'filePath' | 'fileSizeInBytes'> & {
  readonly bytes: Uint8Array
}

export type EncodeOutcome =
  | {
      readonly kind: 'encoded'
      readonly files: readonly EncodedFile[]
      /** For the settings of the table's next job; absent when nothing was encoded. */
      readonly encodedRatio?: number
    }
  /** This entry can never be encoded: set it aside and encode the others again. */
  | { readonly kind: 'undecodable'; readonly sequence: bigint; readonly reason: string }
  /** All together touch too many partitions; the first `entriesMax`, at least one, do not. */
  | { readonly kind: 'crowded'; readonly entriesMax: number }

export interface ParquetEncoder {
  /**
   * Runs off the main thread. The job's payload buffers may be transferred: do not use them after.
   *
   * @throws ServiceError `unavailable` when the worker died (out of memory, trap); the job may be
   * tried again, in smaller pieces. `overloaded` when too many jobs wait, or when one entry alone
   * touches too many partitions; `closed` after `close`,
   * `invalid` when the table's schema or spec cannot be written: no entry is to blame.
   */
  encode(job: EncodeJob): Promise<EncodeOutcome>
  close(): Promise<void>
}
