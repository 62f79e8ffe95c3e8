/**
 * One whole job: entries in, finished files with their metrics out.
 *
 * Promises: every row of every entry is in exactly one file, or the entry that prevents it is
 * named; what is in memory at once are the columns of about one file of the greatest size, twice. A pure function of the job but for `writeParquet`, which is the library behind it.
 */

import { andBits } from '../arrow/kernels/bits.ts'
import { columnBytes, type StructColumn } from '../arrow/kernels/column.ts'
import { countNaN } from '../arrow/kernels/nan.ts'
import { storedFields } from '../arrow/kernels/project.ts'
import { type ErrorKind, ServiceError } from '../errors.ts'
import type { StructType } from '../iceberg/types.ts'
import { arrange, type NumberedBatch } from './arrange.ts'
import { WAITING_COLUMN_BYTES_MAX } from './cut.ts'
import { entryDecoder } from './decode-entry.ts'
import type {
  EncodedFile,
  EncodeEntry,
  EncodeJob,
  EncodeOutcome,
  EncodeSettings,
} from './encoder.ts'
import { joinFiles } from './footer.ts'
import { ipcStream } from './ipc-stream.ts'
import { fileMetrics } from './metrics.ts'
import { pieceWriter } from './piece-writer.ts'
import { type SortKeys, sortKeys } from './sort-keys.ts'
import { splitter } from './split.ts'
import { targetSchemaMessage, uuidFieldIds } from './target-schema.ts'
import type { Unpack } from './unpack.ts'

export type WriterSettings = Omit<
  EncodeSettings,
  'targetFileBytes' | 'rowGroupBytesMax' | 'metricsModes' | 'encodedRatio'
>

/** An Arrow IPC stream as the bytes of a Parquet file. */
export type WriteParquet = (stream: Uint8Array, settings: WriterSettings) => Uint8Array

export interface Library {
  readonly writeParquet: WriteParquet
  /** Bounded for one job. */
  readonly unpack: () => Unpack
}

/**
 * @throws what {@link isTrap} knows when the library trapped: it must not be used again.
 * @throws ServiceError `unavailable` when the job is too large for one piece; `overloaded` when one
 * entry touches too many partitions; `invalid` when the table cannot be written at all; `internal`
 * when its files cannot though each entry can.
 */
export function encodeJob(job: EncodeJob, library: Library): EncodeOutcome {
  // Before any entry is looked at: what is wrong here is none of theirs.
  const table = prepareTable(job, library)
  const split = splitter(job.schema, job.partitionSpec)
  const decode = entryDecoder(job.schema, library.unpack())
  const files: EncodedFile[] = []
  let waiting: NumberedBatch[] = []
  let waitingBytes = 0
  const writeWaiting = () => {
    for (const { partition, batches } of arrange(waiting, table.keys)) {
      files.push(...table.writeFiles(split.values(partition), batches))
    }
    waiting = []
    waitingBytes = 0
  }
  try {
    for (const [index, entry] of job.entries.entries()) {
      try {
        const rows = decode(entry)
        if (rows.length === 0) continue
        waiting.push({ rows, partitions: split.number(rows) })
        waitingBytes += columnBytes(rows)
      } catch (error) {
        return undecodable(entry, error)
      }
      if (split.count() > job.partitionsMax) return crowded(index, job.partitionsMax)
      if (waitingBytes >= WAITING_COLUMN_BYTES_MAX) writeWaiting()
    }
    writeWaiting()
  } catch (error) {
    refuseToBlame(error)
    return findUnwritable(job, library, error)
  }
  return { kind: 'encoded', files, ...table.learnt() }
}

/** The entry at `index` is the first that does not fit. */
function crowded(index: number, partitionsMax: number): EncodeOutcome {
  if (index > 0) return { kind: 'crowded', entriesMax: index }
  throw new ServiceError(
    'overloaded',
    `one batch touches more than ${partitionsMax} partitions: partition the table more coarsely, ` +
      'or raise commit.groupPartitionsMax',
  )
}

interface TableWriter {
  readonly keys: SortKeys | undefined
  readonly writeFiles: (
    partition: EncodedFile['partition'],
    batches: readonly StructColumn[],
  ) => EncodedFile[]
  readonly learnt: () => { readonly encodedRatio?: number }
}

function prepareTable(job: EncodeJob, { writeParquet }: Library): TableWriter {
  const { schema, settings } = job
  const message = targetSchemaMessage(schema)
  const uuids = uuidFieldIds(schema)
  const keys = sortKeys(schema, job.sortOrder)
  const sortOrderId = keys && job.sortOrder?.['order-id']
  const pieces = pieceWriter(settings, (part) => writeParquet(ipcStream(message, part), settings))
  return {
    keys,
    learnt: () => pieces.learnt(),
    writeFiles: (partition, batches) =>
      pieces.writeFiles(batches).map(({ pieces, rows }) => {
        const { bytes, footer } = joinFiles(pieces, uuids)
        const nans = nanCounts(schema, rows)
        const metrics = fileMetrics(schema, footer, nans, settings.metricsModes)
        return { ...metrics, partition, sortOrderId, bytes }
      }),
  }
}

/** NaN by field id in the float columns outside lists and maps. */
function nanCounts(schema: StructType, batches: readonly StructColumn[]): Map<number, bigint> {
  const counts = new Map<number, bigint>()
  const visit = (struct: StructColumn, type: StructType, parent: Uint8Array | undefined) => {
    const present = andBits(struct.validity, parent)
    for (const [i, field] of storedFields(type).entries()) {
      const column = struct.children[i]
      if (column?.kind === 'fixed' && (field.type === 'float' || field.type === 'double')) {
        const before = counts.get(field.id) ?? 0n
        counts.set(field.id, before + BigInt(countNaN(column, present)))
      } else if (column?.kind === 'struct' && typeof field.type !== 'string') {
        if (field.type.type === 'struct') visit(column, field.type, present)
      }
    }
  }
  for (const batch of batches) visit(batch, schema, undefined)
  return counts
}

/** The library refused the files: each entry alone shows whose fault it is. */
function findUnwritable(job: EncodeJob, library: Library, error: unknown): EncodeOutcome {
  if (job.entries.length === 1) return undecodable(job.entries[0] as EncodeEntry, error)
  for (const entry of job.entries) {
    const outcome = encodeJob({ ...job, entries: [entry] }, library)
    if (outcome.kind === 'undecodable') return outcome
  }
  throw new ServiceError('internal', `parquet: ${messageOf(error)}`, { cause: error })
}

/** @throws ServiceError, or the trap, for what says nothing about the entry. */
function undecodable({ sequence }: EncodeEntry, error: unknown): EncodeOutcome {
  refuseToBlame(error)
  return { kind: 'undecodable', sequence, reason: messageOf(error) }
}

const BLAMELESS: ReadonlySet<ErrorKind> = new Set(['unavailable', 'overloaded'])

/** Entries are set aside for what they are, never for what this thread lacks. */
function refuseToBlame(error: unknown): void {
  if (isTrap(error)) throw error
  if (error instanceof ServiceError && BLAMELESS.has(error.kind)) throw error
  if (error instanceof RangeError && error.message === 'Array buffer allocation failed') {
    throw new ServiceError('unavailable', 'parquet: out of memory; encode fewer entries at once', {
      cause: error,
    })
  }
}

/** WebAssembly stopped in the middle: what its instance does from now on is not defined. */
export function isTrap(error: unknown): error is Error {
  return error instanceof Error && error.name === 'RuntimeError'
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
