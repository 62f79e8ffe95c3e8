/**
 * Hostile and broken input against the whole service: each row of the table gets its gRPC code and
 * a sentence, the process lives, and nothing of it is in the log.
 */

import { randomBytes } from 'node:crypto'
import { zstdCompressSync } from 'node:zlib'
import {
  status as codes,
  credentials,
  makeGenericClientConstructor,
  type ServiceError,
} from '@grpc/grpc-js'
import {
  type DataType,
  Dictionary,
  Field,
  Int32,
  makeData,
  RecordBatch,
  Schema,
  Struct,
  Table,
  tableToIPC,
  Utf8,
  vectorFromArray,
} from 'apache-arrow'
import { expect } from 'chai'
import { Builder } from 'flatbuffers'
import { type RunningService, runService } from '../support/running-service.ts'

interface Frame {
  readonly header?: Uint8Array
  readonly body?: Uint8Array
}

const TABLE = 'hostile'

/** `FlightData` by hand: descriptor 1 (type 1, path 3), data_header 2, data_body 1000. */
function flightData({ header, body }: Frame, path?: string): Buffer {
  const parts: Buffer[] = []
  const field = (tag: number[], bytes: Uint8Array) =>
    parts.push(Buffer.from(tag), varint(bytes.length), Buffer.from(bytes))
  if (path !== undefined) {
    const name = Buffer.from(path)
    const descriptor = Buffer.concat([Buffer.from([8, 1, 26]), varint(name.length), name])
    field([10], descriptor)
  }
  if (header !== undefined) field([18], header)
  if (body !== undefined) field([0xc2, 0x3e], body)
  return Buffer.concat(parts)
}

function varint(value: number): Buffer {
  const bytes: number[] = []
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return Buffer.from([...bytes, rest])
    bytes.push((rest % 128) | 128)
  }
}

/** The messages of an Arrow IPC stream, without its framing. */
function frames(table: Table): Frame[] {
  const bytes = Buffer.from(tableToIPC(table, 'stream'))
  const found: Frame[] = []
  for (let at = 0; at + 8 <= bytes.length; ) {
    const length = bytes.readInt32LE(at + 4)
    if (length === 0) break
    const header = bytes.subarray(at + 8, at + 8 + length)
    const body = bytes.subarray(at + 8 + length, at + 8 + length + bodyLength(header))
    found.push({ header, body })
    at += 8 + length + body.length
  }
  return found
}

function bodyLength(header: Buffer): number {
  const root = header.readInt32LE(0)
  const vtable = root - header.readInt32LE(root)
  // Absent fields at the end of a vtable are not written.
  const offset = header.readUInt16LE(vtable) > 10 ? header.readUInt16LE(vtable + 10) : 0
  return offset === 0 ? 0 : Number(header.readBigInt64LE(root + offset))
}

const Flight = makeGenericClientConstructor(
  {
    DoPut: {
      path: '/arrow.flight.protocol.FlightService/DoPut',
      requestStream: true,
      responseStream: true,
      requestSerialize: (message: Buffer) => message,
      requestDeserialize: (message: Buffer) => message,
      responseSerialize: (message: Buffer) => message,
      responseDeserialize: (message: Buffer) => message,
    },
  },
  'Flight',
)

/** Sends messages as they are; resolves with the status. */
function send(
  address: string,
  messages: readonly Buffer[],
): Promise<{ code: number; details: string }> {
  const client = new Flight(address, credentials.createInsecure(), {
    'grpc.max_send_message_length': -1,
  })
  return new Promise((resolve) => {
    const call = client['DoPut']!()
    call.on('data', () => {})
    call.on('error', ({ code, details }: ServiceError) => {
      client.close()
      resolve({ code, details })
    })
    call.on('status', ({ code, details }: { code: number; details: string }) => {
      client.close()
      resolve({ code, details })
    })
    for (const message of messages) call.write(message)
    call.end()
  })
}

const GOOD = new Table({
  n: vectorFromArray(Int32Array.of(1, 2, 3)),
  text: vectorFromArray(['a', 'b', 'c'], new Utf8()),
})
const [SCHEMA = {}, BATCH = {}] = frames(GOOD)

function stream(batch: Frame, schema: Frame = SCHEMA): Buffer[] {
  return [flightData(schema, TABLE), flightData(batch)]
}

/** The good batch with one 64-bit number of its metadata replaced wherever it stands. */
function withNumber(from: bigint, to: bigint): Frame {
  const header = Buffer.from(BATCH.header ?? [])
  for (let at = 0; at + 8 <= header.length; at += 4) {
    if (header.readBigInt64LE(at) === from) header.writeBigInt64LE(to, at)
  }
  return { ...BATCH, header }
}

function wideSchema(columns: number): Frame {
  const fields = Array.from({ length: columns }, (_, i) => new Field(`c${i}`, new Int32(), true))
  return schemaOf(fields)
}

function deepSchema(depth: number): Frame {
  let type: DataType = new Int32()
  for (let i = 0; i < depth; i++) type = new Struct([new Field('x', type, true)])
  return schemaOf([new Field('deep', type, true)])
}

function schemaOf(fields: Field[]): Frame {
  const schema = new Schema(fields)
  const data = makeData({ type: new Struct(fields), length: 0, nullCount: 0 })
  return frames(new Table([new RecordBatch(schema, data)]))[0] ?? {}
}

/** A Message flatbuffer whose header table is of a type that does not exist. */
function unknownMessage(): Frame {
  const builder = new Builder(64)
  builder.startObject(4)
  builder.addFieldInt16(0, 4, 0)
  builder.addFieldInt8(1, 77, 0)
  builder.finish(builder.endObject())
  return { header: builder.asUint8Array() }
}

function invalidText(): Frame {
  const body = Buffer.from(BATCH.body ?? [])
  body[body.indexOf(Buffer.from('abc'))] = 0xff
  return { ...BATCH, body }
}

/**
 * The good batch as if its body were compressed: one buffer that claims what it claims, and the
 * codec's table in the metadata, which apache-arrow's own builder writes.
 */
function bomb(codec: 'lz4' | 'zstd', claim: bigint, bytes: Uint8Array): Frame {
  const body = Buffer.alloc(Math.ceil((8 + bytes.length) / 8) * 8)
  body.writeBigInt64LE(claim, 0)
  body.set(bytes, 8)
  const builder = new Builder(256)
  builder.startObject(2)
  builder.addFieldInt8(0, codec === 'lz4' ? 0 : 1, -1)
  const compression = builder.endObject()
  builder.startVector(16, 5, 8)
  // From the last to the first: n has no nulls, its values; text has no nulls, offsets, characters.
  for (const length of [0, 0, 0, 8 + bytes.length, 0]) int64Pair(builder, 0n, BigInt(length))
  const buffers = builder.endVector()
  builder.startVector(16, 2, 8)
  for (let i = 0; i < 2; i += 1) int64Pair(builder, 3n, 0n)
  const nodes = builder.endVector()
  builder.startObject(4)
  builder.addFieldInt64(0, 3n, 0n)
  builder.addFieldOffset(1, nodes, 0)
  builder.addFieldOffset(2, buffers, 0)
  builder.addFieldOffset(3, compression, 0)
  const batch = builder.endObject()
  builder.startObject(5)
  builder.addFieldInt16(0, 4, 0)
  builder.addFieldInt8(1, 3, 0)
  builder.addFieldOffset(2, batch, 0)
  builder.addFieldInt64(3, BigInt(body.length), 0n)
  builder.finish(builder.endObject())
  return { header: builder.asUint8Array(), body }
}

function int64Pair(builder: Builder, first: bigint, second: bigint): void {
  builder.prep(8, 16)
  builder.writeInt64(second)
  builder.writeInt64(first)
}

/** One LZ4 block of a single literal and a match that repeats it. */
function lz4Bomb(length: number): Uint8Array {
  const more = Math.ceil((length - 20) / 255)
  const block = Buffer.concat([
    Buffer.from([0x1f, 0, 1, 0]),
    Buffer.alloc(more, 255),
    Buffer.alloc(1),
  ])
  const header = Buffer.from([4, 0x22, 0x4d, 0x18, 0x60, 0x70, 0x73, 0, 0, 0, 0])
  header.writeUInt32LE(block.length, 7)
  return Buffer.concat([header, block, Buffer.alloc(4)])
}

const WORD_TYPE = new Dictionary(new Utf8(), new Int32(), 7)
const WORDS = new Table({ word: vectorFromArray(['ice', 'floe', 'ice'], WORD_TYPE) })
const [WORD_SCHEMA = {}, WORD_DICTIONARY = {}, WORD_BATCH = {}] = frames(WORDS)

/** The dictionary under another number, wherever its own stands. */
function renumbered(): Frame {
  const header = Buffer.from(WORD_DICTIONARY.header ?? [])
  const root = header.readInt32LE(0)
  const message = (slot: number) =>
    root + header.readUInt16LE(root - header.readInt32LE(root) + slot)
  const table = message(8) + header.readInt32LE(message(8))
  const vtable = table - header.readInt32LE(table)
  const at = header.readUInt16LE(vtable + 4)
  expect(header.readBigInt64LE(table + at)).to.equal(BigInt(WORD_TYPE.id))
  header.writeBigInt64LE(4_711n, table + at)
  return { ...WORD_DICTIONARY, header }
}

function words(...messages: Frame[]): Buffer[] {
  return [flightData(WORD_SCHEMA, 'words'), ...messages.map((message) => flightData(message))]
}

interface Hostile {
  readonly name: string
  readonly messages: readonly Buffer[]
  readonly codes?: readonly number[]
  readonly says?: RegExp
}

const SENTENCE = /\w+ \w+/

const { INVALID_ARGUMENT, RESOURCE_EXHAUSTED, FAILED_PRECONDITION } = codes
const HOSTILE: readonly Hostile[] = [
  { name: 'no message at all', messages: [] },
  { name: 'a descriptor and nothing else', messages: [flightData({}, TABLE)] },
  { name: 'a batch before its schema', messages: [flightData(BATCH, TABLE)] },
  { name: 'no descriptor', messages: [flightData(SCHEMA), flightData(BATCH)] },
  { name: 'protobuf that is none', messages: [Buffer.from([0xff, 0xff, 0xff, 0xff, 0xff])] },
  { name: 'a length beyond the protobuf message', messages: [Buffer.from([18, 0xff, 0x7f, 1])] },
  { name: 'schema bytes that are noise', messages: stream(BATCH, { header: randomBytes(200) }) },
  { name: 'an empty flatbuffer', messages: stream(BATCH, { header: Buffer.alloc(8, 1) }) },
  { name: 'an unknown kind of message', messages: stream(unknownMessage()) },
  { name: 'a body with no header', messages: stream({ body: Buffer.alloc(64) }) },
  {
    name: 'a body that is cut short',
    messages: stream({ ...BATCH, body: BATCH.body!.subarray(0, 8) }),
  },
  { name: 'no body', messages: stream({ header: BATCH.header! }) },
  { name: 'a row count that does not match', messages: stream(withNumber(3n, 4n)) },
  { name: 'a negative row count', messages: stream(withNumber(3n, -3n)) },
  {
    name: 'two thousand million rows',
    messages: stream(withNumber(3n, 2n ** 31n - 1n)),
    codes: [INVALID_ARGUMENT, RESOURCE_EXHAUSTED],
  },
  { name: 'a buffer length beyond the body', messages: stream(withNumber(16n, 2n ** 40n)) },
  { name: 'a negative buffer length', messages: stream(withNumber(16n, -16n)) },
  { name: 'invalid UTF-8', messages: stream(invalidText()) },
  {
    name: '100,000 columns',
    messages: stream(BATCH, wideSchema(100_000)),
    codes: [INVALID_ARGUMENT, RESOURCE_EXHAUSTED],
  },
  {
    name: 'nesting 1,000 deep',
    messages: stream(BATCH, deepSchema(1_000)),
    codes: [INVALID_ARGUMENT, RESOURCE_EXHAUSTED],
  },
  {
    name: 'a dictionary of no column',
    messages: words(renumbered(), WORD_BATCH),
    says: /no column uses dictionary 4711/,
  },
  {
    name: 'a batch without its dictionary',
    messages: words(WORD_BATCH),
    says: /column word uses dictionary 7, which was not sent/,
  },
  {
    name: 'a dictionary where a column has none',
    messages: stream(WORD_DICTIONARY),
    says: /no column uses dictionary 7/,
  },
  {
    name: 'a ZSTD body that claims a terabyte',
    messages: stream(bomb('zstd', 2n ** 40n, zstdCompressSync(new Uint8Array(64)))),
    codes: [RESOURCE_EXHAUSTED],
    says: /stands for 1099511627776 bytes/,
  },
  {
    name: 'a ZSTD body that holds more than it claims',
    messages: stream(bomb('zstd', 12n, zstdCompressSync(new Uint8Array(64 * 1024 * 1024)))),
    says: /holds more than the 12 bytes that it claims/,
  },
  {
    name: 'an LZ4 body that claims more than it can hold',
    messages: stream(bomb('lz4', 2n ** 29n, Buffer.alloc(100))),
    says: /of 100 bytes claims to stand for 536870912/,
  },
  {
    name: 'an LZ4 body that holds more than it claims',
    messages: stream(bomb('lz4', 12n, lz4Bomb(64 * 1024 * 1024))),
    says: /more than the 12 bytes that it stands for/,
  },
  {
    name: 'an LZ4 body that claims a terabyte',
    messages: stream(bomb('lz4', 2n ** 40n, lz4Bomb(1024))),
    codes: [RESOURCE_EXHAUSTED],
    says: /stands for 1099511627776 bytes/,
  },
  ...['..', 'a/b', '../../etc', 'a\u0000b', 'a\nb', 'x'.repeat(300), ''].map((name) => ({
    name: `the table name ${JSON.stringify(name.slice(0, 20))}`,
    messages: [flightData(SCHEMA, name), flightData(BATCH)],
  })),
]

describe('hostile input', () => {
  let running: RunningService

  before(async () => {
    running = await runService()
    await running.client.put(TABLE, GOOD)
  })

  after(() => running.stop())

  for (const { name, messages, codes: allowed = [INVALID_ARGUMENT], says = SENTENCE } of HOSTILE) {
    it(`refuses ${name}`, async () => {
      const before = await log(running)
      const { code, details } = await send(running.service.flight, messages)
      expect(allowed, details).to.include(code)
      expect(details).to.match(says)
      expect(await log(running)).to.deep.equal(before)
    })
  }

  it('survives every flipped bit of a schema and of a batch header, and logs only what can be read', async function () {
    this.timeout(60_000)
    for (const [index, frame] of [SCHEMA, BATCH].entries()) {
      const { header = Buffer.alloc(0) } = frame
      for (let bit = 0; bit < header.length * 8; bit += 7) {
        const flipped = Buffer.from(header)
        flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7))
        const messages =
          index === 0 ? stream(BATCH, { header: flipped }) : stream({ ...BATCH, header: flipped })
        const { code, details } = await send(running.service.flight, messages)
        expect([0, INVALID_ARGUMENT, RESOURCE_EXHAUSTED, FAILED_PRECONDITION], details).to.include(
          code,
        )
      }
    }
    await running.client.put(TABLE, GOOD)
    const results = await running.client.flush()
    expect(results.filter((result) => result['error'] !== undefined)).to.deep.equal([])
    const { log: after } = (await running.client.status()) as { log: { quarantined: unknown[] } }
    expect(after.quarantined).to.deep.equal([])
  })
})

async function log(running: RunningService): Promise<unknown> {
  const { log: found } = (await running.client.status()) as { log: Record<string, unknown> }
  return { next: found['next_sequence'], live: found['live_entries'] }
}
