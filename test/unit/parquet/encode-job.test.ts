import { Int32 } from 'apache-arrow'
import { expect } from 'chai'
import { ServiceError } from '../../../src/errors.ts'
import type { PartitionSpec, PrimitiveType, Schema } from '../../../src/iceberg/types.ts'
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
})
