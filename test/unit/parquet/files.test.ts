/** Files of real sizes, judged by readers that are not ours. */

import { Float64, Int64, Utf8 } from 'apache-arrow'
import { expect } from 'chai'
import type { StructColumn } from '../../../src/arrow/kernels/column.ts'
import { metricsModes } from '../../../src/iceberg/metrics-mode.ts'
import type { Schema } from '../../../src/iceberg/types.ts'
import { writeSettings } from '../../../src/iceberg/write-settings.ts'
import { encodeJob, type WriteParquet } from '../../../src/parquet/encode-job.ts'
import type { EncodedFile, EncodeSettings } from '../../../src/parquet/encoder.ts'
import { joinFiles } from '../../../src/parquet/footer.ts'
import { ipcStream } from '../../../src/parquet/ipc-stream.ts'
import { targetSchemaMessage } from '../../../src/parquet/target-schema.ts'
import { boundedUnpack } from '../../../src/parquet/unpack.ts'
import { writeWithWasm } from '../../../src/parquet/wasm-writer.ts'
import { entriesFromColumns } from '../../support/parquet-arrow.ts'
import { type DuckReader, hyparquetFooter, openDuckReader } from '../../support/parquet-readers.ts'

const SCHEMA: Schema = {
  type: 'struct',
  'schema-id': 0,
  fields: [
    { id: 1, name: 'n', required: false, type: 'long' },
    { id: 2, name: 'text', required: false, type: 'string' },
    { id: 3, name: 'x', required: false, type: 'double' },
  ],
}
const PLAIN: EncodeSettings = {
  compression: 'zstd',
  rowGroupRowsMax: 1_000_000,
  targetFileBytes: 2 ** 30,
}

/** Half of it does not compress; texts do, ten times and more. */
function entries(from: number, rows: number, sequence = 1n) {
  const numbers = Array.from({ length: rows }, (_, i) => from + i)
  return entriesFromColumns(
    [
      { name: 'n', type: new Int64(), fieldIds: [1], values: numbers.map(BigInt) },
      {
        name: 'text',
        type: new Utf8(),
        fieldIds: [2],
        values: numbers.map((n) => `a rather long and repetitive text of kind ${n % 97}`),
      },
      { name: 'x', type: new Float64(), fieldIds: [3], values: numbers.map((n) => Math.sin(n)) },
    ],
    sequence,
  )
}

function encode(
  rows: number,
  settings: Partial<EncodeSettings>,
  writeParquet: WriteParquet = writeWithWasm,
) {
  const outcome = encodeJob(
    {
      schema: SCHEMA,
      partitionSpec: { 'spec-id': 0, fields: [] },
      sortOrder: undefined,
      partitionsMax: 10,
      entries: [0, 1, 2, 3].flatMap((i) => entries((i * rows) / 4, rows / 4, BigInt(i + 1))),
      settings: { ...PLAIN, ...settings },
    },
    { writeParquet, unpack: () => boundedUnpack(1e9) },
  )
  if (outcome.kind !== 'encoded') throw new Error(JSON.stringify(outcome.kind))
  return outcome
}

/** Offsets and sizes, as a reader that is not ours finds them. */
function expectExact(file: EncodedFile) {
  const { row_groups: groups, num_rows: rows } = hyparquetFooter(file.bytes)
  expect(file.recordCount).to.equal(rows)
  expect(groups.reduce((sum, group) => sum + group.num_rows, 0n)).to.equal(rows)
  const sizes = new Map<number, bigint>()
  let at = 4n
  const starts: bigint[] = []
  for (const group of groups) {
    starts.push(at)
    for (const [i, { meta_data: chunk }] of group.columns.entries()) {
      const start = chunk?.dictionary_page_offset ?? chunk?.data_page_offset
      // Chunks stand side by side: no byte between them that no footer knows.
      expect(start).to.equal(at)
      at += chunk?.total_compressed_size ?? 0n
      sizes.set(i + 1, (sizes.get(i + 1) ?? 0n) + (chunk?.total_compressed_size ?? 0n))
    }
  }
  expect(file.splitOffsets).to.deep.equal(starts)
  expect(file.columnSizes).to.deep.equal(sizes)
}

describe('files of a job', () => {
  let reader: DuckReader

  before(async () => {
    reader = await openDuckReader()
  })
  after(() => reader.close())

  const numbersIn = async (files: readonly EncodedFile[]) =>
    (await reader.rows(...files.map((file) => file.bytes))).map((row) => Number(row['n']))

  it('have about the target in encoded bytes, however well columns compress', async () => {
    const targetFileBytes = 300_000
    const { files } = encode(160_000, { targetFileBytes })
    expect(files.length).to.be.greaterThan(3)
    for (const file of files) {
      expect(file.bytes.length).to.be.within(targetFileBytes * 0.6, targetFileBytes * 1.25)
      expectExact(file)
    }
    expect(await numbersIn(files)).to.deep.equal(Array.from({ length: 160_000 }, (_, i) => i))
  })

  it('are not sampled again when an earlier job has shown how columns compress', () => {
    const targetFileBytes = 500_000
    let calls = 0
    const counted: WriteParquet = (stream, settings) => {
      calls += 1
      return writeWithWasm(stream, settings)
    }
    const first = encode(80_000, { targetFileBytes }, counted)
    const sampled = calls - first.files.length
    calls = 0
    const { encodedRatio } = first
    expect(encodedRatio).to.be.within(0.05, 0.5)
    const second = encode(80_000, { targetFileBytes, encodedRatio: encodedRatio ?? 0 }, counted)
    expect([sampled, calls - second.files.length]).to.deep.equal([1, 0])
  })

  it('learn nothing from rows too few to tell', () => {
    expect(encode(40, {}).encodedRatio).to.equal(undefined)
  })

  it('have row groups of about the bytes wanted, encoded one after the other', async () => {
    const rowGroupBytesMax = 200_000
    const largest = { bytes: 0 }
    const { files } = encode(120_000, { rowGroupBytesMax }, (stream, settings) => {
      const bytes = writeWithWasm(stream, settings)
      largest.bytes = Math.max(largest.bytes, bytes.length)
      return bytes
    })
    const [file] = files
    expect(files).to.have.length(1)
    const groups = hyparquetFooter(file?.bytes as Uint8Array).row_groups
    expect(groups.length).to.be.greaterThan(4)
    for (const { total_compressed_size: size } of groups) {
      expect(Number(size)).to.be.within(rowGroupBytesMax * 0.5, rowGroupBytesMax * 1.25)
    }
    // What the library had in its memory at a time is a row group, not a file.
    expect(largest.bytes).to.be.below(rowGroupBytesMax * 1.3)
    expectExact(file as EncodedFile)
    expect(await numbersIn(files)).to.deep.equal(Array.from({ length: 120_000 }, (_, i) => i))
    expect(groups.map((group) => group.ordinal)).to.deep.equal(groups.map((_, i) => i))
  })

  it('have row groups of the rows wanted within pieces', () => {
    const { files } = encode(40_000, { rowGroupRowsMax: 3_000, rowGroupBytesMax: 300_000 })
    for (const file of files) {
      expectExact(file)
      for (const group of hyparquetFooter(file.bytes).row_groups) {
        expect(Number(group.num_rows)).to.be.at.most(3_000)
      }
    }
  })

  it('state bounds that hold over all pieces', () => {
    const [file] = encode(120_000, { rowGroupBytesMax: 200_000 }).files
    const long = (bytes: Uint8Array | undefined) =>
      Buffer.from(bytes ?? new Uint8Array(8)).readBigInt64LE()
    expect(long(file?.lowerBounds.get(1))).to.equal(0n)
    expect(long(file?.upperBounds.get(1))).to.equal(119_999n)
    expect(file?.valueCounts.get(3)).to.equal(120_000n)
    expect(file?.nanValueCounts.get(3)).to.equal(0n)
  })
})

describe('settings of columns', () => {
  const obeyed = (properties: Record<string, string>) => {
    const { settings, problems } = writeSettings(properties, SCHEMA)
    expect(problems).to.deep.equal([])
    const { metrics, commit: _, ...others } = settings
    const modes = metricsModes(SCHEMA, metrics)
    const [file] = encode(4_000, { ...others, metricsModes: modes }).files
    if (file === undefined) throw new Error('no file')
    const chunks = hyparquetFooter(file.bytes).row_groups[0]?.columns ?? []
    return { file, chunks: chunks.map((chunk) => chunk.meta_data) }
  }

  it('give each column its codec', () => {
    const { chunks } = obeyed({
      'write.parquet.compression-codec': 'lz4',
      'write.parquet.compression-codec.column.n': 'snappy',
      'write.parquet.compression-codec.column.x': 'uncompressed',
    })
    expect(chunks.map((chunk) => chunk?.codec)).to.deep.equal(['SNAPPY', 'LZ4_RAW', 'UNCOMPRESSED'])
  })

  it('turn dictionaries off and on', () => {
    const has = (properties: Record<string, string>) =>
      obeyed(properties).chunks.map((chunk) => chunk?.dictionary_page_offset !== undefined)
    const off = 'write.parquet.dict-encoding-enabled.column.text'
    expect(has({ [off]: 'false' })).to.deep.equal([true, false, true])
    expect(has({ 'parquet.enable.dictionary': 'false', [off]: 'true' })).to.deep.equal([
      false,
      true,
      false,
    ])
  })

  it('limit dictionaries and pages', () => {
    const pages = (properties: Record<string, string>) =>
      obeyed(properties).chunks.map((chunk) => Number(chunk?.total_uncompressed_size ?? 0n))
    const [whole = 0] = pages({})
    const [limited = 0] = pages({ 'write.parquet.dict-size-bytes': '100' })
    expect(limited).to.be.below(whole)
    const plain = { 'parquet.enable.dictionary': 'false' }
    const [one = 0] = pages(plain)
    const [many = 0] = pages({ ...plain, 'write.parquet.page-size-bytes': '1024' })
    expect(many).to.be.greaterThan(one)
  })

  it('keep statistics out of the file, and then out of the table', () => {
    const { file, chunks } = obeyed({ 'write.parquet.stats-enabled.column.n': 'false' })
    expect(chunks[0]?.statistics?.max_value).to.equal(undefined)
    expect([...file.lowerBounds.keys()]).to.deep.equal([2, 3])
    expect(file.nullValueCounts.has(1)).to.equal(false)
  })

  it('say what the table knows of each column', () => {
    const { file } = obeyed({
      'write.metadata.metrics.default': 'counts',
      'write.metadata.metrics.column.n': 'none',
      'write.metadata.metrics.column.text': 'truncate(4)',
    })
    expect([...file.columnSizes.keys()]).to.deep.equal([2, 3])
    expect([...file.valueCounts.keys()]).to.deep.equal([2, 3])
    expect([...file.lowerBounds.keys()]).to.deep.equal([2])
    expect(Buffer.from(file.lowerBounds.get(2) ?? []).toString()).to.equal('a ra')
    expect(Buffer.from(file.upperBounds.get(2) ?? []).toString()).to.equal('a rb')
    const full = obeyed({ 'write.metadata.metrics.column.text': 'full' }).file
    const upper = Buffer.from(full.upperBounds.get(2) ?? []).toString()
    expect(upper).to.equal('a rather long and repetitive text of kind 96')
  })
})

describe('joining files', () => {
  it('is nothing but fixing the footer of one', () => {
    const empty: StructColumn = {
      kind: 'struct',
      length: 0,
      nullCount: 0,
      validity: undefined,
      children: [],
    }
    const schema: Schema = { ...SCHEMA, fields: [] }
    const file = writeWithWasm(ipcStream(targetSchemaMessage(schema), [empty]), PLAIN)
    expect(joinFiles([file], new Set()).footer.rows).to.equal(0n)
    expect(() => joinFiles([], new Set())).to.throw(RangeError)
  })
})
