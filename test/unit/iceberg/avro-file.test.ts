import { crc32, zstdCompressSync } from 'node:zlib'
import avro from 'avsc'
import { expect } from 'chai'
import { ServiceError } from '../../../src/errors.ts'
import { decodeAvroFile, encodeAvroFile } from '../../../src/iceberg/avro-file.ts'
import { type AvroSchema, plainSchema } from '../../../src/iceberg/avro-schema.ts'
import { decompressSnappy } from '../../../src/iceberg/snappy.ts'

const rawName = (id: number) => `f${id}`

const schema = {
  type: 'record',
  name: 'row',
  fields: [
    { name: 'id', type: 'long', 'field-id': 1 },
    { name: 'name', type: ['null', 'string'], default: null, 'field-id': 2 },
  ],
}

const records = Array.from({ length: 5 }, (_, i) => ({
  f1: BigInt(i),
  f2: i === 0 ? null : `n${i}`,
}))

/** Decoded, with records as plain objects: avsc gives them a class of their own. */
function read(bytes: Uint8Array, nameOf = rawName) {
  const file = decodeAvroFile(bytes, nameOf)
  return { ...file, records: file.records.map((record) => ({ ...record })) }
}

/** A file by avsc's own container writer, which stands for any other writer. */
function foreignFile(
  codec: string,
  compress: (data: Buffer) => Buffer,
  written: object = schema,
): Promise<Uint8Array> {
  const type = avro.Type.forSchema(written as avro.Schema)
  const encoder = new avro.streams.BlockEncoder(type, {
    codec,
    codecs: {
      [codec]: (data: Buffer, done: (error: null, out: Buffer) => void) =>
        done(null, compress(data)),
    },
    metadata: { 'avro.schema': Buffer.from(JSON.stringify(written)), note: Buffer.from('hi') },
  } as ConstructorParameters<typeof avro.streams.BlockEncoder>[1])
  const parts: Buffer[] = []
  return new Promise((resolve, reject) => {
    encoder.on('data', (part: Buffer) => parts.push(part))
    encoder.on('end', () => resolve(Uint8Array.from(Buffer.concat(parts))))
    encoder.on('error', reject)
    for (const { f1, f2 } of records) encoder.write({ id: Number(f1), name: f2 })
    encoder.end()
  })
}

/** Literals only: valid snappy that any compressor could have written. */
function snappyLiteral(data: Buffer): Buffer {
  const crc = Buffer.alloc(4)
  crc.writeUInt32BE(crc32(data))
  return Buffer.concat([Buffer.of(data.length, (data.length - 1) << 2), data, crc])
}

describe('Avro container file', () => {
  it('comes back with its schema, its metadata and its records', () => {
    const bytes = encodeAvroFile({ schema, metadata: { note: 'é' }, records }, rawName)
    expect(read(bytes)).to.deep.equal({
      schema,
      metadata: { note: 'é' },
      records,
    })
  })

  it('has the same bytes for the same content', () => {
    const file = { schema, metadata: {}, records }
    expect(encodeAvroFile(file, rawName)).to.deep.equal(encodeAvroFile(file, rawName))
  })

  it('has a header even when there are no records', () => {
    const bytes = encodeAvroFile({ schema, metadata: {}, records: [] }, rawName)
    expect(Buffer.from(bytes.subarray(0, 4)).toString('latin1')).to.equal('Obj\u0001')
    expect(decodeAvroFile(bytes, rawName).records).to.deep.equal([])
  })

  it('spreads many records over many blocks', () => {
    const many = Array.from({ length: 3000 }, (_, i) => ({ f1: BigInt(i), f2: 'x'.repeat(300) }))
    const bytes = encodeAvroFile({ schema, metadata: {}, records: many }, rawName)
    expect(read(bytes).records).to.deep.equal(many)
  })

  it('is read by plain avsc', async () => {
    const bytes = encodeAvroFile({ schema, metadata: {}, records }, rawName)
    const decoder = new avro.streams.BlockDecoder()
    const seen: unknown[] = []
    const done = new Promise((resolve, reject) => {
      decoder.on('data', (record: unknown) => seen.push(record))
      decoder.on('end', resolve)
      decoder.on('error', reject)
    })
    decoder.end(Buffer.from(bytes))
    await done
    expect(seen.map((record) => JSON.stringify(record)).slice(0, 2)).to.deep.equal([
      '{"id":0,"name":null}',
      '{"id":1,"name":"n1"}',
    ])
  })

  const codecs: [string, (data: Buffer) => Buffer][] = [
    ['null', (data) => data],
    ['zstandard', (data) => zstdCompressSync(data)],
    ['snappy', snappyLiteral],
  ]
  for (const [codec, compress] of codecs) {
    it(`is read when another writer compressed it with ${codec}`, async () => {
      const file = read(await foreignFile(codec, compress))
      expect(file.records).to.deep.equal(records)
      expect(file.metadata).to.deep.equal({ note: 'hi' })
    })
  }

  it('says which codec it cannot read', async () => {
    const bytes = await foreignFile('bzip2', (data) => data)
    expect(() => decodeAvroFile(bytes, rawName))
      .to.throw(ServiceError, '"bzip2" is not offered')
      .with.property('kind', 'unsupported')
  })

  it('finds fields by id wherever the writer put them, and whatever it called them', async () => {
    const written = {
      type: 'record',
      name: 'row',
      fields: [
        { name: 'name', type: ['null', 'string'], 'field-id': 2 },
        { name: 'id', type: { type: 'long' }, 'field-id': 1 },
      ],
    }
    const bytes = await foreignFile('null', (data) => data, written)
    const nameOf = (id: number) => (id === 1 ? 'first' : 'second')
    const expected = records.map(({ f1, f2 }) => ({ second: f2, first: f1 }))
    expect(read(bytes, nameOf).records).to.deep.equal(expected)
  })

  it('refuses a value that does not fit, and names it', () => {
    const bad = [{ f1: 1n, f2: 5 }]
    expect(() => encodeAvroFile({ schema, metadata: {}, records: bad }, rawName))
      .to.throw(ServiceError, 'f2 cannot hold a number')
      .with.property('kind', 'invalid')
    const tooLong = [{ f1: 2n ** 63n, f2: null }]
    expect(() => encodeAvroFile({ schema, metadata: {}, records: tooLong }, rawName)).to.throw('f1')
  })

  it('calls every cut and every flipped byte corrupt, or reads the same', () => {
    const bytes = encodeAvroFile({ schema, metadata: {}, records }, rawName)
    for (let at = 0; at < bytes.length; at += 1) {
      const cut = bytes.subarray(0, at)
      expect(() => decodeAvroFile(cut, rawName), `cut at ${at}`).to.satisfy(failsCleanly)
      const flipped = Uint8Array.from(bytes)
      flipped[at]! ^= 0x55
      expect(() => decodeAvroFile(flipped, rawName), `flip at ${at}`).to.satisfy(endsCleanly)
    }
  })

  function failsCleanly(read: () => unknown): boolean {
    try {
      // A cut right behind the header is a whole file without records.
      return (read() as { records: unknown[] }).records.length === 0
    } catch (thrown) {
      return thrown instanceof ServiceError && thrown.kind === 'corrupt'
    }
  }

  function endsCleanly(read: () => unknown): boolean {
    try {
      read()
      return true
    } catch (thrown) {
      return thrown instanceof ServiceError
    }
  }
})

describe('a plain Avro schema', () => {
  const plain = (type: AvroSchema) =>
    plainSchema({ type: 'record', name: 'r', fields: [{ name: 'a', type }] }, rawName)

  it('resolves types by name, with and without a namespace', () => {
    const fixed = { type: 'fixed', name: 'u', size: 16, logicalType: 'uuid' }
    const fields = [
      { name: 'a', type: ['null', fixed], 'field-id': 1 },
      { name: 'b', type: ['null', 'org.example.u'], 'field-id': 2 },
      { name: 'c', type: { type: 'map', values: 'u' } },
      { name: 'd', type: { type: 'enum', name: 'e', symbols: ['x'] } },
    ]
    expect(plainSchema({ type: 'record', name: 'r', fields }, rawName)).to.deep.equal({
      type: 'record',
      name: 't0',
      fields: [
        { name: 'f1', type: ['null', { type: 'fixed', name: 't1', size: 16 }] },
        { name: 'f2', type: ['null', 't1'] },
        { name: 'x2', type: { type: 'map', values: 't1' } },
        { name: 'x3', type: { type: 'enum', name: 't2', symbols: ['x'] } },
      ],
    })
  })

  it('gives types their own names when a writer defined one twice', () => {
    const pair = { type: 'record', name: 'pair', fields: [] }
    const text = JSON.stringify(plain([pair, pair, { ...pair, name: 'other' }]))
    expect(['t1', 't2', 't3'].every((name) => text.includes(`"${name}"`))).to.equal(true)
  })

  it('refuses names that stand for nothing, and schemas without an end', () => {
    expect(() => plain('mystery')).to.throw('"mystery" is not defined')
    let deep: AvroSchema = 'int'
    for (let i = 0; i < 40; i += 1) deep = { type: 'array', items: deep }
    expect(() => plain(deep)).to.throw('nests too deep')
  })
})

describe('snappy', () => {
  it('repeats what it has written', () => {
    // Length 8; literal "ab"; copy of 6 bytes from 2 back.
    const raw = Buffer.of(8, 0x04, 0x61, 0x62, ((6 - 1) << 2) | 2, 2, 0)
    const content = Buffer.from('abababab')
    const crc = Buffer.alloc(4)
    crc.writeUInt32BE(crc32(content))
    expect(decompressSnappy(Buffer.concat([raw, crc]), 100)).to.deep.equal(content)
    expect(() => decompressSnappy(Buffer.concat([raw, Buffer.alloc(4)]), 100)).to.throw('CRC')
    expect(() => decompressSnappy(Buffer.concat([raw, crc]), 4)).to.throw('claims 8 bytes')
  })

  it('refuses copies from before the start and content that is too short', () => {
    const from = (...bytes: number[]) => Buffer.concat([Buffer.of(...bytes), Buffer.alloc(4)])
    expect(() => decompressSnappy(from(8, (7 << 2) | 2, 2, 0), 100)).to.throw('overruns')
    expect(() => decompressSnappy(from(8, 0x04, 1, 2), 100)).to.throw('cut short')
    expect(() => decompressSnappy(from(255, 255, 255, 255, 255), 100)).to.throw('no length')
    expect(() => decompressSnappy(Buffer.alloc(2), 100)).to.throw('cut short')
  })
})
