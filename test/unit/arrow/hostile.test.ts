import { zstdCompressSync } from 'node:zlib'
import { type DataType, Field, Float64, Int32, List, Utf8 } from 'apache-arrow'
import { expect } from 'chai'
import { type ArrowMessage, readMessage } from '../../../src/arrow/message.ts'
import { writeBatchMetadata } from '../../../src/arrow/message-write.ts'
import { openVerifier } from '../../../src/arrow/verifier.ts'
import { verifySchema } from '../../../src/arrow/verify-schema.ts'
import { ServiceError } from '../../../src/errors.ts'
import { ARROW_LIMITS, arrowFixture, verifyStream } from '../../support/arrow-fixtures.ts'
import {
  expectRefusal,
  schemaMetadata,
  withBatch,
  withBytes,
  withHeader,
  withNumber,
} from '../../support/arrow-ipc.ts'

/** A fixture whose last message is replaced by what `change` makes of it. */
function hostile(name: string, change: (message: ArrowMessage) => ArrowMessage): () => unknown {
  const { messages } = arrowFixture(name)
  const last = messages.at(-1) as ArrowMessage
  return () => verifyStream([...messages.slice(0, -1), change(last)])
}

/** Where a column's nodes and buffers begin: bool 0, i8 2, u16 4, ... */
const TEXT_NODE = 14
const TEXT_BUFFERS = 28

describe('hostile metadata', () => {
  for (const name of ['slice', 'nested', 'dictionary delta', 'views']) {
    it(`is refused or harmless when ${name} is cut at any byte`, () => {
      for (const [at, message] of arrowFixture(name).messages.entries()) {
        for (let length = 0; length < message.metadata.length; length++) {
          attempt(name, at, { ...message, metadata: message.metadata.subarray(0, length) })
        }
      }
    })

    it(`is refused or harmless when any bit of ${name} is flipped`, () => {
      for (const [at, message] of arrowFixture(name).messages.entries()) {
        for (let bit = 0; bit < message.metadata.length * 8; bit++) {
          const metadata = message.metadata.slice()
          metadata[bit >>> 3] = (metadata[bit >>> 3] as number) ^ (1 << (bit & 7))
          attempt(name, at, { ...message, metadata })
        }
      }
    })
  }

  it('of 100,000 columns is refused', () => {
    const fields = Array.from({ length: 100_000 }, (_, i) => new Field(`c${i}`, new Int32()))
    const metadata = schemaMetadata(fields)
    expectRefusal(
      () => verifySchema(metadata, ARROW_LIMITS),
      /100000 columns or more, at most 2000/,
      'too-large',
    )
  })

  it('nested 1,000 deep is refused', () => {
    let type: DataType = new Int32()
    for (let i = 0; i < 1_000; i++) type = new List(new Field('item', type, true))
    const metadata = schemaMetadata([new Field('deep', type, true)])
    const limits = { columnsMax: 100_000, nestingMax: 32 }
    expectRefusal(() => verifySchema(metadata, limits), /deeper than 32 levels/, 'too-large')
  })

  it('with a cycle of children ends', () => {
    const metadata = schemaMetadata([
      new Field('a', new List(new Field('b', new Utf8(), true)), true),
    ])
    // Every int32 that looks like an offset is pointed back at every table in turn.
    let refused = 0
    for (let at = 0; at + 4 <= metadata.length; at += 4) {
      for (let target = 0; target < metadata.length; target += 4) {
        const bytes = metadata.slice()
        new DataView(bytes.buffer).setUint32(at, target, true)
        try {
          verifySchema(bytes, ARROW_LIMITS)
        } catch (thrown) {
          expect(thrown).to.be.instanceOf(ServiceError)
          refused++
        }
      }
    }
    expect(refused).to.be.greaterThan(100)
  })

  it('with a name that is not UTF-8 is refused', () => {
    const metadata = schemaMetadata([new Field('abcdefgh', new Float64())])
    metadata[Buffer.from(metadata).indexOf('abcdefgh') + 3] = 0xff
    expectRefusal(() => verifySchema(metadata, ARROW_LIMITS), /name of column 0 .*UTF-8/)
  })

  it('of another kind than expected is refused', () => {
    const { messages } = arrowFixture('dictionary delta')
    const [schema, dictionary, batch] = messages as [ArrowMessage, ArrowMessage, ArrowMessage]
    const limits = ARROW_LIMITS
    const verifier = openVerifier({ schema: verifySchema(schema.metadata, limits), limits })
    expectRefusal(() => verifier.batch(schema), /expected a record batch, got a schema/)
    expectRefusal(() => verifier.dictionary(batch), /expected a dictionary, got a batch/)
    expectRefusal(() => verifySchema(dictionary.metadata, limits), /expected an arrow schema/)
  })
})

/** Whatever happens, it ends soon and with an error of ours, if with one. */
function attempt(name: string, at: number, message: ArrowMessage): void {
  const messages = [...arrowFixture(name).messages]
  messages[at] = message
  try {
    verifyStream(messages)
  } catch (thrown) {
    if (!(thrown instanceof ServiceError)) throw thrown
    expect(thrown.kind).to.be.oneOf(['invalid', 'too-large'])
    expect(thrown.message.length).to.be.within(10, 400)
  }
}

describe('a hostile batch is refused', () => {
  const cases: readonly [string, () => unknown, RegExp, ('invalid' | 'too-large')?][] = [
    [
      'with a buffer beyond the body',
      hostile('primitives', (m) => withNumber(m, { list: 'buffers', at: 4, value: 1e6 })),
      /buffer 2 of the record batch is bytes 1000000 to 100000\d, its body has/,
    ],
    [
      'with a buffer of a negative length',
      hostile('primitives', (m) => withNumber(m, { list: 'buffers', at: 5, value: -8 })),
      /list of buffers has -8/,
    ],
    [
      'with a negative row count',
      hostile('primitives', (m) => withBatch(m, () => ({ rows: -1 }))),
      /row count of the arrow message is -1/,
    ],
    [
      'with 2^31-1 rows',
      hostile('primitives', (m) => withBatch(m, () => ({ rows: 2 ** 31 - 1 }))),
      /2147483647 rows, at most 1000000/,
      'too-large',
    ],
    [
      'with a row count that its columns do not have',
      hostile('primitives', (m) => withBatch(m, () => ({ rows: 4 }))),
      /column bool has 3 slots where 4 are needed/,
    ],
    [
      'with one column of another length',
      hostile('primitives', (m) => withNumber(m, { list: 'nodes', at: TEXT_NODE * 2, value: 2 })),
      /column text has 2 slots where 3 are needed/,
    ],
    [
      'with more nulls than slots',
      hostile('primitives', (m) => withNumber(m, { list: 'nodes', at: 1, value: 9 })),
      /column bool states 9 nulls in 3 slots/,
    ],
    [
      'with a null count that its bitmap does not have',
      hostile('primitives', (m) => withNumber(m, { list: 'nodes', at: 1, value: 2 })),
      /column bool states 2 nulls, its bitmap has 1/,
    ],
    [
      'with nulls and no bitmap',
      hostile('primitives', (m) => withNumber(m, { list: 'buffers', at: 1, value: 0 })),
      /column bool states 1 nulls but has no validity bitmap/,
    ],
    [
      'with too few bytes for its rows',
      hostile('primitives', (m) => withNumber(m, { list: 'buffers', at: 11 * 2 + 1, value: 23 })),
      /column i64 needs a buffer of 24 bytes, got 23/,
    ],
    [
      'with too few offsets',
      hostile('primitives', (m) =>
        withNumber(m, { list: 'buffers', at: (TEXT_BUFFERS + 1) * 2 + 1, value: 12 }),
      ),
      /column text needs 16 bytes of offsets, got 12/,
    ],
    [
      'with offsets that decrease',
      hostile('primitives', (m) => withBytes(m, { buffer: TEXT_BUFFERS + 1, at: 4, bytes: [9] })),
      /column text has offset 1 after 9 in row 1/,
    ],
    [
      'with offsets beyond its data',
      hostile('primitives', (m) =>
        withBytes(m, { buffer: TEXT_BUFFERS + 1, at: 12, bytes: [0, 1] }),
      ),
      /column text has offsets up to 256, its data ends at/,
    ],
    [
      'with a negative offset',
      hostile('primitives', (m) =>
        withBytes(m, { buffer: TEXT_BUFFERS + 1, bytes: [255, 255, 255, 255] }),
      ),
      /column text begins at offset -1/,
    ],
    [
      'with text that is not UTF-8',
      hostile('primitives', (m) => withBytes(m, { buffer: TEXT_BUFFERS + 2, bytes: [0xff] })),
      /column text has text that is not valid UTF-8 in row 0/,
    ],
    [
      'with an offset inside a character',
      hostile('primitives', (m) =>
        withBytes(m, { buffer: TEXT_BUFFERS + 1, at: 4, bytes: [3, 0, 0, 0, 3] }),
      ),
      /column text has text that is not valid UTF-8 in row 0/,
    ],
    [
      'with fewer nodes than columns',
      hostile('primitives', (m) => withBatch(m, ({ nodes }) => ({ nodes: nodes.slice(0, -2) }))),
      /column nothing has no field node/,
    ],
    [
      'with more nodes than columns',
      hostile('primitives', (m) =>
        withBatch(m, ({ nodes }) => ({ nodes: Float64Array.of(...nodes, 3, 0) })),
      ),
      /19 field nodes, its schema asks for 18/,
    ],
    [
      'with fewer buffers than its columns have',
      hostile('primitives', (m) =>
        withBatch(m, ({ buffers }) => ({ buffers: buffers.slice(0, -2) })),
      ),
      /column fixed has no buffer/,
    ],
    [
      'with buffers that overlap',
      hostile('primitives', (m) =>
        withBatch(m, ({ buffers }) => ({
          buffers: buffers.map((value, i) => (i % 2 === 0 ? 0 : value > 0 ? m.body.length : 0)),
        })),
      ),
      /buffers of the record batch overlap/,
    ],
    [
      'when its body is cut',
      hostile('primitives', (m) => ({ ...m, body: m.body.subarray(0, -8) })),
      /announces a body of \d+ bytes, \d+ came/,
    ],
    [
      'with a list beyond its elements',
      hostile('large offsets', (m) => withBytes(m, { buffer: 7, at: 24, bytes: [99] })),
      /column lists has offsets up to 99, its data ends at 2/,
    ],
    [
      'with a time beyond the day',
      hostile('primitives', (m) => withBytes(m, { buffer: 21, bytes: [0x80, 0x51, 1, 0] })),
      /column t32 has 86400 in row 0, outside what time can store/,
    ],
    [
      'with a decimal of too many digits',
      hostile('decimals of every width', (m) => withBytes(m, { buffer: 5, at: 15, bytes: [0x7f] })),
      /column c128 has more digits than decimal\(38, 0\) in row 0/,
    ],
    [
      'with an index outside its dictionary',
      hostile('dictionary delta', (m) => withBytes(m, { buffer: 1, bytes: [4] })),
      /column word has index 4 in row 0; dictionary 0 has 4 values/,
    ],
    [
      'with a negative index',
      hostile('dictionary delta', (m) => withBytes(m, { buffer: 1, bytes: [0x80] })),
      /column word has index -128 in row 0/,
    ],
    [
      'with a view outside its buffers',
      hostile('views', (m) => withBytes(m, { buffer: 1, at: 8, bytes: [7] })),
      /column text has a view outside its data buffers in row 0/,
    ],
    [
      'with a view whose prefix is a lie',
      hostile('views', (m) => withBytes(m, { buffer: 1, at: 4, bytes: [7] })),
      /column text has a view whose prefix/,
    ],
    [
      'with bytes behind an inline view',
      hostile('views', (m) => withBytes(m, { buffer: 1, at: 16 + 9, bytes: [1] })),
      /column text has bytes behind the inline value of row 1/,
    ],
    [
      'with a view column without data buffers',
      hostile('views', (m) => withBatch(m, () => ({ variadicCounts: Float64Array.of(0, 1) }))),
      /column text has a view outside|column bytes/,
    ],
    [
      'with a list view outside its elements',
      hostile('list views', (m) => withBytes(m, { buffer: 2, bytes: [99] })),
      /column lists has a list outside its 3 elements in row 0/,
    ],
  ]
  for (const [what, run, pattern, kind] of cases) {
    it(what, () => void expectRefusal(run, pattern, kind ?? 'invalid'))
  }
})

describe('a hostile dictionary is refused', () => {
  it('with an id that no column has', () => {
    const { messages } = arrowFixture('dictionary replaced')
    const [schema, dictionary] = messages as [ArrowMessage, ArrowMessage]
    const stranger = withHeader(dictionary, (header) => ({ ...header, id: 77n }) as typeof header)
    expectRefusal(() => verifyStream([schema, stranger]), /no column uses dictionary 77/)
  })

  it('as a delta to nothing', () => {
    const { messages } = arrowFixture('dictionary replaced')
    const [schema, dictionary] = messages as [ArrowMessage, ArrowMessage]
    const delta = withHeader(
      dictionary,
      (header) => ({ ...header, isDelta: true }) as typeof header,
    )
    expectRefusal(() => verifyStream([schema, delta]), /dictionary 0 is extended before/)
  })

  it('missing before the batch that uses it', () => {
    const { messages } = arrowFixture('dictionary replaced')
    const [schema, , batch] = messages as [ArrowMessage, ArrowMessage, ArrowMessage]
    expectRefusal(() => verifyStream([schema, batch]), /uses dictionary 0, which was not sent/)
  })

  it('when all of them are beyond the limit together', () => {
    const { messages } = arrowFixture('dictionary delta')
    const limits = { ...ARROW_LIMITS, dictionaryBytesMax: 40 }
    expectRefusal(() => verifyStream(messages, limits), /dictionaryBytesMax/, 'too-large')
  })

  it('when an inner one is replaced by a smaller one and the outer one is not sent again', () => {
    const { messages } = arrowFixture('dictionary in a dictionary')
    const inner = messages.find(
      ({ metadata }) => readMessage(metadata).kind === 'dictionary',
    ) as ArrowMessage
    const smaller = withBatch(inner, ({ nodes }) => ({
      rows: 1,
      nodes: nodes.map((value, i) => (i === 0 ? 1 : value)),
    }))
    const [batch, ...before] = [...messages].reverse()
    const stream = [...before.reverse(), smaller, batch as ArrowMessage]
    expectRefusal(() => verifyStream(stream), /column lists uses dictionary \d/)
  })

  it('when its rows stand for more than a batch may have', () => {
    const { messages } = arrowFixture('zstd dictionary')
    expect(verifyStream(messages)).to.have.length(2)
    const long = arrowFixture('dictionary replaced').messages
    const limits = { ...ARROW_LIMITS, batchBytesMax: 15 }
    expectRefusal(() => verifyStream(long, limits), /15/, 'too-large')
  })
})

describe('a compressed body is refused', () => {
  function bomb(codec: 0 | 1, claim: bigint, payload: Uint8Array): ArrowMessage[] {
    const { messages } = arrowFixture(codec === 0 ? 'lz4' : 'zstd')
    const [schema, batch] = messages as [ArrowMessage, ArrowMessage]
    const header = readMessage(batch.metadata)
    if (header.kind !== 'batch') throw new Error('not a batch')
    const body = new Uint8Array(8 + payload.length)
    new DataView(body.buffer).setBigInt64(0, claim, true)
    body.set(payload, 8)
    // The first buffer that is there holds the bomb; the metadata keeps its compression.
    const metadata = batch.metadata.slice()
    const view = new DataView(metadata.buffer)
    const plain = header.batch.buffers
    const first = plain.findIndex((value, i) => i % 2 === 1 && value > 0)
    const needle = Buffer.alloc(16)
    needle.writeBigInt64LE(BigInt(plain[first - 1] as number), 0)
    needle.writeBigInt64LE(BigInt(plain[first] as number), 8)
    const at = Buffer.from(metadata).indexOf(needle)
    for (let i = 0; i + first < plain.length; i += 2) {
      view.setBigInt64(at + i * 8, 0n, true)
      view.setBigInt64(at + i * 8 + 8, i === 0 ? BigInt(body.length) : 0n, true)
    }
    const padded = new Uint8Array(header.bodyLength)
    padded.set(body)
    return [schema, { metadata, body: padded }]
  }

  it('when ZSTD claims more than the limit', () => {
    const payload = zstdCompressSync(new Uint8Array(1024))
    expectRefusal(
      () => verifyStream(bomb(1, 2n ** 40n, payload)),
      /stands for 1099511627776 bytes, at most 67108864 are allowed \(ingest.batchBytesMax\)/,
      'too-large',
    )
  })

  it('when ZSTD holds more than it claims', () => {
    const payload = zstdCompressSync(new Uint8Array(10_000_000))
    expect(payload.length).to.be.lessThan(3_000)
    expectRefusal(() => verifyStream(bomb(1, 100n, payload)), /ZSTD .*100 bytes that it claims/)
  })

  it('when ZSTD holds less than it claims', () => {
    const payload = zstdCompressSync(new Uint8Array(100))
    expectRefusal(() => verifyStream(bomb(1, 1000n, payload)), /holds 100 bytes, it claims 1000/)
  })

  it('when LZ4 claims more than its bytes can stand for', () => {
    expectRefusal(
      () => verifyStream(bomb(0, 60_000_000n, new Uint8Array(100))),
      /LZ4 buffer of 100 bytes claims to stand for 60000000/,
    )
  })

  it('when a claim is negative', () => {
    expectRefusal(() => verifyStream(bomb(0, -2n, new Uint8Array(9))), /claims -2 bytes/)
  })

  it('when any byte of it is changed, or what it decodes to is verified', () => {
    for (const name of ['lz4', 'zstd']) {
      const { messages } = arrowFixture(name)
      const [schema, batch] = messages as [ArrowMessage, ArrowMessage]
      for (let at = 0; at < batch.body.length; at++) {
        const body = batch.body.slice()
        body[at] = (body[at] as number) ^ 0x55
        try {
          verifyStream([schema, { ...batch, body }])
        } catch (thrown) {
          expect(thrown).to.be.instanceOf(ServiceError)
          expect((thrown as ServiceError).kind).to.be.oneOf(['invalid', 'too-large'])
        }
      }
    }
  })
})

describe('rewritten metadata', () => {
  it('reads back as it was written', () => {
    for (const name of ['primitives', 'views', 'dictionary delta']) {
      for (const { metadata } of arrowFixture(name).messages.slice(1)) {
        const header = readMessage(metadata)
        if (header.kind === 'schema') throw new Error('a second schema')
        expect(readMessage(writeBatchMetadata(header))).to.deep.equal(header)
      }
    }
  })
})
