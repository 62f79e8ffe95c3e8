/**
 * One whole job: entries in, finished files with their metrics out.
 *
 * Promises: every row of every entry is in exactly one file, or the entry that prevents it is
 * named. A pure function of the job but for `writeParquet`, which is the library behind it.
 */

import { andBits } from '../arrow/kernels/bits.ts'
import { columnBytes, type StructColumn } from '../arrow/kernels/column.ts'
import { countNaN } from '../arrow/kernels/nan.ts'
import { storedFields } from '../arrow/kernels/project.ts'
import { ServiceError } from '../errors.ts'
import type { StructType } from '../iceberg/types.ts'
import { cutBatches, filesNeeded, sampleOf } from './cut.ts'
import { entryDecoder } from './decode-entry.ts'
import type {
  EncodedFile,
  EncodeEntry,
  EncodeJob,
  EncodeOutcome,
  EncodeSettings,
} from './encoder.ts'
import { fixFooter } from './footer.ts'
import { ipcStream } from './ipc-stream.ts'
import { fileMetrics } from './metrics.ts'
import { splitter } from './split.ts'
import { targetSchemaMessage, uuidFieldIds } from './target-schema.ts'
import type { Unpack } from './unpack.ts'

/** An Arrow IPC stream as the bytes of a Parquet file. */
export type WriteParquet = (
  stream: Uint8Array,
  settings: Pick<EncodeSettings, 'compression' | 'rowGroupRowsMax'>,
) => Uint8Array

export interface Library {
  readonly writeParquet: WriteParquet
  /** Bounded for one job. */
  readonly unpack: () => Unpack
}

/**
 * @throws what {@link isTrap} knows when the library trapped: it must not be used again.
 * @throws ServiceError `unavailable` when the job is too large for one piece; `internal` when the
 * files cannot be written though each entry can.
 */
export function encodeJob(job: EncodeJob, library: Library): EncodeOutcome {
  const split = splitter(job.schema, job.partitionSpec)
  const decode = entryDecoder(job.schema, library.unpack())
  for (const entry of job.entries) {
    try {
      split.add(decode(entry))
    } catch (error) {
      if (isNotTheEntrys(error)) throw error
      return undecodable(entry, error)
    }
  }
  try {
    const files = split
      .partitions()
      .flatMap(({ values, batches }) =>
        writeFiles(batches, job, library).map((file) => ({ ...file, partition: values })),
      )
    return { kind: 'encoded', files }
  } catch (error) {
    if (isNotTheEntrys(error)) throw error
    return findUnwritable(job, library, error)
  }
}

type UnplacedFile = Omit<EncodedFile, 'partition'>

function writeFiles(
  batches: readonly StructColumn[],
  { schema, settings }: EncodeJob,
  { writeParquet }: Library,
): UnplacedFile[] {
  const message = targetSchemaMessage(schema)
  const uuids = uuidFieldIds(schema)
  const write = (part: readonly StructColumn[]) => writeParquet(ipcStream(message, part), settings)
  const count = filesNeeded(batches, settings.targetFileBytes, () => {
    const sample = sampleOf(batches, settings.targetFileBytes)
    return write([sample]).length / Math.max(1, columnBytes(sample))
  })
  return cutBatches(batches, count).map((part) => {
    const { bytes, footer } = fixFooter(write(part), uuids)
    return { ...fileMetrics(schema, footer, nanCounts(schema, part)), bytes }
  })
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
  for (const entry of job.entries) {
    try {
      const split = splitter(job.schema, job.partitionSpec)
      split.add(entryDecoder(job.schema, library.unpack())(entry))
      for (const { batches } of split.partitions()) writeFiles(batches, job, library)
    } catch (own) {
      if (isNotTheEntrys(own)) throw own
      return undecodable(entry, own)
    }
  }
  throw new ServiceError('internal', `parquet: ${messageOf(error)}`, { cause: error })
}

function undecodable({ sequence }: EncodeEntry, error: unknown): EncodeOutcome {
  return { kind: 'undecodable', sequence, reason: messageOf(error) }
}

/** A trap says nothing about the entry at hand: the instance may have been broken before. */
function isNotTheEntrys(error: unknown): boolean {
  if (error instanceof ServiceError) return error.kind === 'unavailable'
  return isTrap(error)
}

/** WebAssembly stopped in the middle: what its instance does from now on is not defined. */
export function isTrap(error: unknown): error is Error {
  return error instanceof Error && error.name === 'RuntimeError'
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
