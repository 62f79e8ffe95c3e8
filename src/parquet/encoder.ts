/**
 * The port to Parquet: entries of one table in, finished data files out.
 *
 * Contract: every row of every entry is in exactly one file, in log order within a partition; a
 * file has every column of `schema` with its field id; metrics describe the file's bytes exactly.
 * An entry that cannot be decoded fails the job as {@link EncodeFailure} and names the entry.
 */
import type { DataFile, PartitionSpec, Schema } from '../iceberg/types.ts'

export interface EncodeEntry {
  readonly sequence: bigint
  /** `encodeMessage` bytes of `src/entry.ts`. */
  readonly payload: Uint8Array
  /** The schema's bytes (`encodeSchema`), then the dictionaries' (`encodeMessage`), in order. */
  readonly definitions: readonly { readonly id: string; readonly bytes: Uint8Array }[]
}

export type CompressionCodec = 'uncompressed' | 'snappy' | 'gzip' | 'lz4_raw' | 'zstd'

export interface EncodeSettings {
  readonly compression: CompressionCodec
  readonly rowGroupRowsMax: number
  /** A file is closed once its encoded bytes reach about this. */
  readonly targetFileBytes: number
}

export interface EncodeJob {
  /** The table's current schema: what every file will have. */
  readonly schema: Schema
  readonly partitionSpec: PartitionSpec
  readonly entries: readonly EncodeEntry[]
  readonly settings: EncodeSettings
}

/** All that the manifest needs except where the file will be. */
export type EncodedFile = Omit<DataFile, 'filePath' | 'fileSizeInBytes' | 'sortOrderId'> & {
  readonly bytes: Uint8Array
}

export type EncodeOutcome =
  | { readonly kind: 'encoded'; readonly files: readonly EncodedFile[] }
  /** This entry can never be encoded: set it aside and encode the others again. */
  | { readonly kind: 'undecodable'; readonly sequence: bigint; readonly reason: string }

export interface ParquetEncoder {
  /**
   * Runs off the main thread. The job's payload buffers may be transferred: do not use them after.
   *
   * @throws ServiceError `unavailable` when the worker died (out of memory, trap); the job may be
   * tried again, in smaller pieces. `overloaded` when too many jobs wait, `closed` after `close`,
   * `invalid` when the table's schema or spec cannot be written: no entry is to blame.
   */
  encode(job: EncodeJob): Promise<EncodeOutcome>
  close(): Promise<void>
}
