import { zstdCompressSync } from 'node:zlib'
import { Dictionary, Field, Int8, Int32, List, Utf8 } from 'apache-arrow'
import { CompressionType } from 'apache-arrow/fb/compression-type'
import {
  BodyCompression,
  BufferRegion,
  DictionaryBatch,
  FieldNode,
  Message,
  RecordBatch,
} from 'apache-arrow/ipc/metadata/message'
import { expect } from 'chai'
import type { Column } from '../../../src/arrow/kernels/column.ts'
import { valueReader } from '../../../src/arrow/kernels/values.ts'
import { readMessage } from '../../../src/arrow/message.ts'
import { decodeMessage, encodeMessage } from '../../../src/entry.ts'
import type { NestedField, StructType } from '../../../src/iceberg/types.ts'
import { entryDecoder } from '../../../src/parquet/decode-entry.ts'
import type { EncodeEntry } from '../../../src/parquet/encoder.ts'
import { boundedUnpack } from '../../../src/parquet/unpack.ts'
import { entriesFromColumns } from '../../support/parquet-arrow.ts'
import { rowsOf } from '../../support/parquet-columns.ts'

const TEXT: StructType = {
  type: 'struct',
  fields: [{ id: 1, name: 's', required: false, type: 'string' }],
}
const UNPACKED = 1024 ** 2

function dictionaryEntry(values: readonly unknown[], id = 1): EncodeEntry {
  const type = new Dictionary(new Utf8(), new Int8(), id)
  const [entry] = entriesFromColumns([{ name: 's', type, fieldIds: [1], values }])
  return entry as EncodeEntry
}

function rows(entry: EncodeEntry, schema = TEXT): unknown[] {
  return rowsOf(entryDecoder(schema, boundedUnpack(UNPACKED))(entry))
}

/** The entry with each buffer of its body compressed by itself. */
function compressed(entry: EncodeEntry): EncodeEntry {
  const { metadata, body } = decodeMessage(entry.payload)
  const header = readMessage(metadata)
  if (header.kind !== 'batch') throw new Error('not a batch')
  const parts: Uint8Array[] = []
  const regions: BufferRegion[] = []
  let at = 0
  for (let i = 0; i < header.batch.buffers.length; i += 2) {
    const [start, length] = [
      header.batch.buffers[i] as number,
      header.batch.buffers[i + 1] as number,
    ]
    const prefix = Buffer.alloc(8)
    prefix.writeBigInt64LE(BigInt(length))
    const part =
      length === 0
        ? new Uint8Array(0)
        : Buffer.concat([prefix, zstdCompressSync(body.subarray(start, start + length))])
    regions.push(new BufferRegion(at, part.length))
    parts.push(part, new Uint8Array((8 - (part.length % 8)) % 8))
    at += Math.ceil(part.length / 8) * 8
  }
  const [rows, nodes] = [header.batch.rows, [new FieldNode(header.batch.rows, 0)]]
  const codec = new BodyCompression(CompressionType.ZSTD)
  const batch = new RecordBatch(rows, nodes, regions, codec)
  const message = { metadata: Message.encode(Message.from(batch, at)), body: Buffer.concat(parts) }
  return { ...entry, payload: new Uint8Array(Buffer.concat(encodeMessage(message, 1))) }
}

describe('decoding an entry', () => {
  it('takes the last dictionary when one replaces another', () => {
    const first = dictionaryEntry(['a', 'b', null])
    const second = dictionaryEntry(['c', 'd'])
    const [schema, a] = first.definitions
    const b = second.definitions[1]
    const definitions = [schema, a, b].filter((definition) => definition !== undefined)
    expect(rows({ ...first, definitions })).to.deep.equal([['c'], ['d'], [null]])
    expect(rows(first)).to.deep.equal([['a'], ['b'], [null]])
  })

  it('appends a delta to its dictionary', () => {
    const first = dictionaryEntry(['a'])
    const more = dictionaryEntry(['b', 'c'])
    const wanted = dictionaryEntry(['x', 'y', 'z'])
    const { metadata, body } = decodeMessage(more.definitions[1]?.bytes as Uint8Array)
    const { data, id } = Message.decode(metadata).header() as DictionaryBatch
    const delta = Message.encode(Message.from(new DictionaryBatch(data, id, true), body.length))
    const bytes = Buffer.concat(encodeMessage({ metadata: delta, body }, 0))
    const definitions = [...first.definitions, { id: 'delta', bytes }]
    expect(rows({ ...wanted, definitions })).to.deep.equal([['a'], ['b'], ['c']])
  })

  it('decodes a dictionary whose values have a dictionary', () => {
    const inner = new Dictionary(new Utf8(), new Int8(), 5)
    const list = new List(new Field('item', inner, true))
    const type = new Dictionary(list, new Int8(), 6)
    const element = {
      type: 'list',
      'element-id': 2,
      element: 'string',
      'element-required': false,
    } as const
    const schema: StructType = {
      type: 'struct',
      fields: [{ id: 1, name: 's', required: false, type: element }],
    }
    const [a, b] = [['p', null], ['q']]
    const [entry] = entriesFromColumns([
      { name: 's', type, fieldIds: [1, 2], values: [b, a, b, null] },
    ])
    expect(rows(entry as EncodeEntry, schema)).to.deep.equal([[b], [a], [b], [null]])
  })

  it('decodes definitions that entries share only once', () => {
    const entry = dictionaryEntry(['a', 'b'])
    const decode = entryDecoder(TEXT, boundedUnpack(UNPACKED))
    decode(entry)
    // The second time their bytes are not looked at: any would do.
    const definitions = entry.definitions.map(({ id }) => ({ id, bytes: new Uint8Array(0) }))
    expect(rowsOf(decode({ ...entry, definitions }))).to.deep.equal([['a'], ['b']])
  })

  it('reads a body that lies at any address', () => {
    const entry = dictionaryEntry(['a', 'b'])
    const shifted = new Uint8Array(entry.payload.length + 3).subarray(3)
    shifted.set(entry.payload)
    expect(rows({ ...entry, payload: shifted })).to.deep.equal([['a'], ['b']])
  })

  it('reads compressed bodies, and only as much as a job may unpack', () => {
    const values = Array.from({ length: 500 }, (_, i) => i)
    const [plain] = entriesFromColumns([{ name: 'n', type: new Int32(), fieldIds: [1], values }])
    const schema: StructType = {
      type: 'struct',
      fields: [{ id: 1, name: 'n', required: true, type: 'int' }],
    }
    const entry = compressed(plain as EncodeEntry)
    expect(rows(entry, schema)).to.deep.equal(values.map((value) => [value]))
    const decode = entryDecoder(schema, boundedUnpack(3_000))
    decode(entry)
    expect(() => decode(entry))
      .to.throw()
      .with.property('kind', 'unavailable')
  })

  it('refuses an entry without schema, with another message, or with ids that do not fit', () => {
    const entry = dictionaryEntry(['a'])
    expect(() => rows({ ...entry, definitions: [] })).to.throw(RangeError, 'schema')
    const dictionary = entry.definitions[1]?.bytes as Uint8Array
    expect(() => rows({ ...entry, payload: dictionary })).to.throw(RangeError, 'dictionary')
    const [schema] = entry.definitions
    const bytes = new Uint8Array(schema?.bytes as Uint8Array)
    expect(() =>
      rows({ ...entry, definitions: [{ id: 'x', bytes: bytes.subarray(4) }] }),
    ).to.throw()
  })
})

describe('columns that an entry lacks', () => {
  const [entry] = entriesFromColumns([
    { name: 's', type: new Utf8(), fieldIds: [1], values: ['a', null] },
  ]) as [EncodeEntry]
  const withField = (field: object): StructType => ({
    type: 'struct',
    fields: [
      ...TEXT.fields,
      { id: 9, name: 'd', required: false, type: 'int', ...field } satisfies NestedField,
    ],
  })

  it('are null, or the default that is written', () => {
    expect(rows(entry, withField({}))).to.deep.equal([
      ['a', null],
      [null, null],
    ])
    const required = { type: 'string', required: true, 'write-default': 'é' }
    const decoded = entryDecoder(withField(required), boundedUnpack(UNPACKED))(entry)
    const read = valueReader(decoded.children[1] as Column, 'string')
    expect([read(0), read(1)]).to.deep.equal(['é', 'é'])
  })

  it('are null where the default is not understood, and an error where that is forbidden', () => {
    expect(rows(entry, withField({ 'write-default': 'x' }))[0]).to.deep.equal(['a', null])
    const required = withField({ 'write-default': 'x', required: true })
    expect(() => rows(entry, required)).to.throw(RangeError, /column d/)
  })
})
