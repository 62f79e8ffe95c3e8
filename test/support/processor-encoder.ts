/**
 * The encoder for the processor's tests: a "Parquet file" is the list of its entries' sequences.
 * An entry whose text is `poison` cannot be decoded, `needs schema 1` not with an older schema, and
 * one that says `deadly` kills the worker.
 * Entries that say `crowd` touch half as many partitions as a job may, `throng` more than it may.
 */
import { decodeMessage } from '../../src/entry.ts'
import { ServiceError } from '../../src/errors.ts'
import type {
  EncodeEntry,
  EncodeJob,
  EncodeOutcome,
  EncodeSettings,
  ParquetEncoder,
} from '../../src/parquet/encoder.ts'

export interface FakeEncoder extends ParquetEncoder {
  readonly jobs: {
    readonly sequences: readonly bigint[]
    readonly schemaId: number
    readonly settings: EncodeSettings
  }[]
}

export function createFakeEncoder(wait: () => Promise<void> = async () => {}): FakeEncoder {
  const jobs: FakeEncoder['jobs'] = []
  return {
    jobs,
    async encode(job: EncodeJob): Promise<EncodeOutcome> {
      const read = job.entries.map(readEntry)
      jobs.push({
        sequences: job.entries.map(({ sequence }) => sequence),
        schemaId: job.schema['schema-id'],
        settings: job.settings,
      })
      // What the worker thread takes is gone here.
      for (const { payload } of job.entries)
        structuredClone(payload.buffer, { transfer: [payload.buffer as ArrayBuffer] })
      await wait()
      if (read.some(({ text }) => text === 'deadly')) {
        throw new ServiceError('unavailable', 'the worker died')
      }
      if (read[0]?.text === 'throng') throw new ServiceError('overloaded', 'too many partitions')
      const isThird = (_: unknown, i: number) => i >= 2 && read[i]?.text === 'crowd'
      const third = read.findIndex(isThird)
      if (third >= 0) return { kind: 'crowded', entriesMax: third }
      const isOld = job.schema['schema-id'] < 1
      const poison = read.find(
        ({ text }) => text === 'poison' || (isOld && text === 'needs schema 1'),
      )
      if (poison) return { kind: 'undecodable', sequence: poison.sequence, reason: 'poison' }
      const rows = read.reduce((sum, entry) => sum + entry.rows, 0)
      if (rows === 0) return { kind: 'encoded', files: [] }
      const bytes = fileOf(read.filter((entry) => entry.rows > 0).map(({ sequence }) => sequence))
      return { kind: 'encoded', files: [{ ...NO_METRICS, recordCount: BigInt(rows), bytes }] }
    },
    async close() {},
  }
}

/** The sequences that a fake file holds. */
export function sequencesIn(file: Uint8Array): bigint[] {
  return (JSON.parse(new TextDecoder().decode(file)) as string[]).map(BigInt)
}

const NO_METRICS = {
  partition: [],
  columnSizes: new Map(),
  valueCounts: new Map(),
  nullValueCounts: new Map(),
  nanValueCounts: new Map(),
  lowerBounds: new Map(),
  upperBounds: new Map(),
  splitOffsets: [],
  sortOrderId: undefined,
}

function fileOf(sequences: readonly bigint[]): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(sequences.map(String)))
}

function readEntry({ sequence, payload }: EncodeEntry) {
  const { rows, body } = decodeMessage(payload)
  return { sequence, rows, text: new TextDecoder().decode(body) }
}
