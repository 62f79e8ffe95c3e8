import { Int32 } from 'apache-arrow'
import { expect } from 'chai'
import { ServiceError } from '../../../src/errors.ts'
import { deserializeValue } from '../../../src/iceberg/bounds.ts'
import type { PartitionSpec, PrimitiveType, Schema, SortOrder } from '../../../src/iceberg/types.ts'
import { encodeJob, type WriteParquet } from '../../../src/parquet/encode-job.ts'
import type { EncodeJob } from '../../../src/parquet/encoder.ts'
import { boundedUnpack } from '../../../src/parquet/unpack.ts'
import { writeWithWasm } from '../../../src/parquet/wasm-writer.ts'
import { entriesFromColumns } from '../../support/parquet-arrow.ts'

const UNPARTITIONED: PartitionSpec = { 'spec-id': 0, fields: [] }

function schema(type: PrimitiveType = 'int'): Schema {
  return { type: 'struct', 'schema-id': 0, fields: [{ id: 1, name: 'n', required: false, type }] }
}

function job(more: Partial<EncodeJob> = {}): EncodeJob {
  const entry = (n: number) =>
    entriesFromColumns([{ name: 'n', type: new Int32(), fieldIds: [1], values: [n] }], BigInt(n))
  return {
    schema: schema(),
    partitionSpec: UNPARTITIONED,
    sortOrder: undefined,
    partitionsMax: 100,
    entries: [1, 2, 3].flatMap(entry),
    settings: { compression: 'zstd', rowGroupRowsMax: 10, targetFileBytes: 1e6 },
    ...more,
  }
}

const run = (own: EncodeJob, writeParquet: WriteParquet = writeWithWasm) =>
  encodeJob(own, { writeParquet, unpack: () => boundedUnpack(1e6) })

function thrown(act: () => unknown): unknown {
  try {
    act()
  } catch (error) {
    return error
  }
  throw new Error('nothing was thrown')
}

const refusing =
  (error: Error): WriteParquet =>
  () => {
    throw error
  }

describe('one job', () => {
  it('finds the entry that the library refuses', () => {
    const outcome = run(job(), (stream, settings) => {
      // The last value of the body, before the end of the stream.
      if (Buffer.from(stream).includes(Buffer.from([3, 0, 0, 0, 0, 0, 0, 0]), stream.length - 24)) {
        throw new RangeError('refused')
      }
      return writeWithWasm(stream, settings)
    })
    expect(outcome).to.deep.equal({ kind: 'undecodable', sequence: 3n, reason: 'refused' })
  })

  it('blames no entry when the library refuses only their sum', () => {
    let calls = 0
    const error = thrown(() =>
      run(job(), (stream, settings) => {
        calls += 1
        if (calls === 1) throw new RangeError('not together')
        return writeWithWasm(stream, settings)
      }),
    )
    expect(error).to.be.instanceOf(ServiceError).with.property('kind', 'internal')
  })

  it('blames no entry for a trap or for want of memory', () => {
    const trap = Object.assign(new Error('unreachable'), { name: 'RuntimeError' })
    expect(thrown(() => run(job(), refusing(trap)))).to.equal(trap)
    const memory = new RangeError('Array buffer allocation failed')
    expect(thrown(() => run(job(), refusing(memory)))).to.have.property('kind', 'unavailable')
  })

  it('blames no entry for a table that cannot be written', () => {
    const byMissing: PartitionSpec = {
      'spec-id': 1,
      fields: [{ 'source-id': 9, 'field-id': 1000, name: 'p', transform: 'identity' }],
    }
    const byUnknown: PartitionSpec = {
      'spec-id': 1,
      fields: [{ 'source-id': 1, 'field-id': 1000, name: 'p', transform: 'zorder' }],
    }
    for (const own of [{ partitionSpec: byMissing }, { partitionSpec: byUnknown }]) {
      expect(thrown(() => run(job(own)))).to.be.instanceOf(ServiceError)
    }
    const odd = schema('variant' as PrimitiveType)
    expect(thrown(() => run(job({ schema: odd })))).to.be.instanceOf(ServiceError)
  })

  it('gives void partitions null, also when their column is gone', () => {
    const spec: PartitionSpec = {
      'spec-id': 1,
      fields: [{ 'source-id': 9, 'field-id': 1000, name: 'p', transform: 'void' }],
    }
    const outcome = run(job({ partitionSpec: spec }))
    if (outcome.kind !== 'encoded') throw new Error(JSON.stringify(outcome))
    expect(outcome.files.map((file) => file.partition)).to.deep.equal([[null]])
  })

  describe('of many partitions', () => {
    const byValue: PartitionSpec = {
      'spec-id': 1,
      fields: [{ 'source-id': 1, 'field-id': 1000, name: 'p', transform: 'identity' }],
    }
    const entryOf = (sequence: bigint, values: readonly number[]) =>
      entriesFromColumns([{ name: 'n', type: new Int32(), fieldIds: [1], values }], sequence)
    const spread = (count: number, step: number) =>
      Array.from({ length: count }, (_, i) => (i * step) % count)

    it('writes 10,000 of them from rows that are spread over all entries', function () {
      this.timeout(60_000)
      const entries = [7, 11, 13].flatMap((step, i) => entryOf(BigInt(i), spread(10_000, step)))
      const own = job({ partitionSpec: byValue, partitionsMax: 10_000, entries })
      let open = 0
      const outcome = run(own, (stream, settings) => {
        // One file after another: nothing is kept in the library between them.
        open += 1
        expect(open).to.equal(1)
        const bytes = writeWithWasm(stream, settings)
        open -= 1
        return bytes
      })
      if (outcome.kind !== 'encoded') throw new Error(outcome.kind)
      expect(outcome.files).to.have.length(10_000)
      expect(outcome.files.every((file) => file.recordCount === 3n)).to.equal(true)
      const partitions = new Set(outcome.files.map((file) => file.partition[0]))
      expect(partitions.size).to.equal(10_000)
    })

    it('says how many entries stay within the limit', () => {
      const entries = [entryOf(1n, [1, 2]), entryOf(2n, [2, 3]), entryOf(3n, [4])].flat()
      const outcome = run(job({ partitionSpec: byValue, partitionsMax: 3, entries }))
      expect(outcome).to.deep.equal({ kind: 'crowded', entriesMax: 2 })
    })

    it('blames no entry that is beyond the limit alone: the limit may be raised', () => {
      const entries = entryOf(1n, [1, 2, 3])
      const own = job({ partitionSpec: byValue, partitionsMax: 2, entries })
      expect(thrown(() => run(own)))
        .to.be.instanceOf(ServiceError)
        .with.property('kind', 'overloaded')
    })
  })

  describe('of a sorted table', () => {
    const order = (transform: string): SortOrder => ({
      'order-id': 5,
      fields: [{ transform, 'source-id': 1, direction: 'desc', 'null-order': 'nulls-last' }],
    })

    it('says so only of files that are sorted that way', () => {
      for (const [sortOrder, id] of [
        [order('identity'), 5],
        [order('zorder'), undefined],
        [undefined, undefined],
      ] as const) {
        const outcome = run(job({ sortOrder }))
        if (outcome.kind !== 'encoded') throw new Error(outcome.kind)
        expect(outcome.files.map((file) => file.sortOrderId)).to.deep.equal([id])
      }
    })

    it('cuts files of rows that are sorted across all entries', () => {
      const values = Array.from({ length: 400_000 }, (_, i) => (i * 7_919) % 400_000)
      const entries = [values.slice(0, 150_000), values.slice(150_000)].flatMap((part, i) =>
        entriesFromColumns(
          [{ name: 'n', type: new Int32(), fieldIds: [1], values: part }],
          BigInt(i),
        ),
      )
      const settings = { ...job().settings, rowGroupRowsMax: 1e6, targetFileBytes: 200_000 }
      const outcome = run(job({ entries, settings, sortOrder: order('identity') }))
      if (outcome.kind !== 'encoded') throw new Error(outcome.kind)
      expect(outcome.files.length).to.be.above(1)
      const bound = (bytes: Uint8Array | undefined) => deserializeValue('int', bytes!) as number
      let before = 400_000
      for (const file of outcome.files) {
        expect(file.sortOrderId).to.equal(5)
        expect(bound(file.upperBounds.get(1))).to.be.below(before)
        before = bound(file.lowerBounds.get(1))
      }
      expect(before).to.equal(0)
    })
  })
})
