import { expect } from 'chai'
import type { Schema } from '../../../src/iceberg/types.ts'
import { type ColumnChunk, fixFooter, readFooter } from '../../../src/parquet/footer.ts'
import { ipcStream } from '../../../src/parquet/ipc-stream.ts'
import { columnBounds, fileMetrics } from '../../../src/parquet/metrics.ts'
import { targetSchemaMessage } from '../../../src/parquet/target-schema.ts'
import { readThrift, writeThrift } from '../../../src/parquet/thrift.ts'
import { writeWithWasm } from '../../../src/parquet/wasm-writer.ts'
import { VERSION } from '../../../src/runtime/version.ts'
import { columnFrom } from '../../support/parquet-columns.ts'
import { hyparquetFooter } from '../../support/parquet-readers.ts'

const SCHEMA: Schema = {
  type: 'struct',
  'schema-id': 0,
  fields: [
    { id: 7, name: 'n', required: false, type: 'int' },
    {
      id: 8,
      name: 's',
      required: false,
      type: { type: 'struct', fields: [{ id: 9, name: 'u', required: false, type: 'uuid' }] },
    },
  ],
}

function written(rows: readonly (number | null)[]): Uint8Array {
  const n = columnFrom({ kind: 'fixed', width: 4 }, rows)
  const length = rows.length
  const u = {
    kind: 'fixed' as const,
    width: 16,
    length,
    nullCount: 0,
    validity: undefined,
    values: new Uint8Array(16 * length).fill(3),
  }
  const common = { kind: 'struct' as const, length, nullCount: 0, validity: undefined }
  const s = { ...common, children: [u] }
  const stream = ipcStream(targetSchemaMessage(SCHEMA), [{ ...common, children: [n, s] }])
  return writeWithWasm(stream, { compression: 'zstd', rowGroupRowsMax: 2 })
}

function footerBytes(file: Uint8Array): Uint8Array {
  const length = new DataView(file.buffer, file.byteOffset).getUint32(file.length - 8, true)
  return file.subarray(file.length - 8 - length, file.length - 8)
}

describe('the footer', () => {
  const file = written([3, null, -1])

  it('is the same bytes when it is read and written again', () => {
    const bytes = footerBytes(file)
    expect(Buffer.compare(writeThrift(readThrift(bytes)), bytes)).to.equal(0)
  })

  it('names its writer in the form that readers parse', () => {
    // parquet-java's, word for word: what does not match loses its statistics there.
    const form = /^(.*?)\s+version\s*(?:([^(]*?)\s*(?:\(\s*build\s*([^)]*?)\s*\))?)?$/
    const createdBy = readThrift(footerBytes(file)).members.get(6)
    const text = createdBy?.kind === 'binary' ? Buffer.from(createdBy.value).toString() : ''
    expect(form.exec(text)?.slice(1)).to.deep.equal(['frazil', VERSION, 'parquet-rs'])
  })

  it('says what each chunk holds', () => {
    const { rows, rowGroups } = readFooter(file)
    expect(rows).to.equal(3n)
    expect(rowGroups.map((group) => group.rows)).to.deep.equal([2n, 1n])
    const [first] = rowGroups
    expect(first?.offset).to.equal(4n)
    expect(first?.columns.map((chunk) => chunk.fieldId)).to.deep.equal([7, 9])
    expect(first?.columns[0]).to.deep.include({
      valueCount: 2n,
      nullCount: 1n,
      min: Buffer.from([3, 0, 0, 0]),
    })
  })

  it('loses the embedded Arrow schema, and nothing else', () => {
    const before = hyparquetFooter(file)
    const after = hyparquetFooter(fixFooter(file, new Set()).bytes)
    expect(before.key_value_metadata?.map(({ key }) => key)).to.deep.equal(['ARROW:schema'])
    const strip = (footer: typeof before) => ({
      ...footer,
      metadata_length: undefined,
      key_value_metadata: undefined,
    })
    expect(strip(after)).to.deep.equal(strip(before))
    expect(after.key_value_metadata).to.equal(undefined)
  })

  it('marks UUIDs below structs', () => {
    const { schema } = hyparquetFooter(fixFooter(file, new Set([9])).bytes)
    expect(schema.find(({ name }) => name === 'u')?.logical_type).to.deep.equal({ type: 'UUID' })
    expect(schema.find(({ name }) => name === 'n')?.logical_type).to.equal(undefined)
  })

  it('refuses what is not a Parquet file', () => {
    for (const bytes of [
      new Uint8Array(0),
      file.subarray(0, file.length - 1),
      file.subarray(20, 60),
    ]) {
      expect(() => readFooter(bytes)).to.throw(RangeError)
    }
  })
})

describe('column metrics', () => {
  const bytes = (...values: number[]) => Uint8Array.from(values)
  const chunk = (more: Partial<ColumnChunk>): ColumnChunk => ({
    fieldId: 1,
    valueCount: 2n,
    compressedBytes: 1n,
    nullCount: 0n,
    min: undefined,
    max: undefined,
    ...more,
  })

  it('have no bounds when one chunk with values states none', () => {
    const stated = chunk({ min: bytes(1, 0, 0, 0), max: bytes(2, 0, 0, 0) })
    expect(columnBounds('int', [stated, chunk({})])).to.equal(undefined)
    expect(columnBounds('int', [stated, chunk({ nullCount: undefined })])).to.equal(undefined)
    expect(columnBounds('int', [chunk({ nullCount: 2n })])).to.equal(undefined)
    expect(columnBounds('int', [stated, chunk({ nullCount: 2n })])).to.deep.equal({
      lower: bytes(1, 0, 0, 0),
      upper: bytes(2, 0, 0, 0),
    })
  })

  it('have no bounds from NaN, from broken text or from a wrong width', () => {
    const nan = new Uint8Array(new Float64Array([NaN]).buffer)
    const one = new Uint8Array(new Float64Array([1]).buffer)
    expect(columnBounds('double', [chunk({ min: one, max: nan })])).to.equal(undefined)
    expect(columnBounds('string', [chunk({ min: bytes(97), max: bytes(0xff) })])).to.equal(
      undefined,
    )
    expect(columnBounds('long', [chunk({ min: bytes(1), max: bytes(1) })])).to.equal(undefined)
  })

  it('write decimals as few big-endian bytes, whatever their width in the file', () => {
    const bounds = (type: 'decimal(9, 0)' | 'decimal(30, 0)', min: Uint8Array, max: Uint8Array) =>
      columnBounds(type, [chunk({ min, max })])
    expect(bounds('decimal(9, 0)', bytes(0, 255, 255, 255), bytes(0x80, 0, 0, 0))).to.deep.equal({
      lower: bytes(255, 0),
      upper: bytes(0, 0x80),
    })
    expect(bounds('decimal(30, 0)', bytes(255, 255, 255, 127), bytes(0, 0, 0, 1, 0))).to.have.keys(
      'lower',
      'upper',
    )
    const wide = (last: number, fill: number) => Uint8Array.from([...Array(12).fill(fill), last])
    expect(bounds('decimal(30, 0)', wide(0x7f, 0xff), wide(0x80, 0))).to.deep.equal({
      lower: bytes(255, 0x7f),
      upper: bytes(0, 0x80),
    })
  })

  it('have a lower bound alone when no short upper one exists', () => {
    const most = new Uint8Array(20).fill(0xff)
    const bounds = columnBounds('binary', [chunk({ min: most, max: most })])
    expect(bounds?.lower).to.deep.equal(new Uint8Array(16).fill(0xff))
    expect(bounds?.upper).to.equal(undefined)
  })

  it('stop after 100 columns, values of a struct before those nested deeper', () => {
    const leaf = (id: number) => ({ id, name: `c${id}`, required: false, type: 'int' as const })
    const inner = { type: 'struct' as const, fields: [leaf(1000)] }
    const fields = [
      { id: 500, name: 'inner', required: false, type: inner },
      ...Array.from({ length: 100 }, (_, i) => leaf(i + 1)),
    ]
    const columns = [1000, ...Array.from({ length: 100 }, (_, i) => i + 1)].map((fieldId) =>
      chunk({ fieldId }),
    )
    const footer = { rows: 2n, rowGroups: [{ rows: 2n, offset: 4n, columns }] }
    const { columnSizes } = fileMetrics({ type: 'struct', fields }, footer, new Map())
    expect(columnSizes.size).to.equal(100)
    expect(columnSizes.has(1000)).to.equal(false)
  })
})
