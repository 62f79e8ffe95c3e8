import {
  type DataType,
  Decimal,
  Dictionary,
  Field,
  Int32,
  Int64,
  makeData,
  RecordBatch,
  Schema,
  Struct,
  Table,
  TimestampMicrosecond,
  TimestampMillisecond,
  TimestampNanosecond,
  TimestampSecond,
  vectorFromArray,
} from 'apache-arrow'
import { expect } from 'chai'
import { readMessage } from '../../../src/arrow/message.ts'
import { transformRanges } from '../../../src/arrow/transform-ranges.ts'
import { openVerifier } from '../../../src/arrow/verifier.ts'
import { verifySchema } from '../../../src/arrow/verify-schema.ts'
import { transformFunction } from '../../../src/iceberg/transform.ts'
import type { Schema as IcebergSchema, PrimitiveType } from '../../../src/iceberg/types.ts'
import { ARROW_LIMITS } from '../../support/arrow-fixtures.ts'
import { messagesOf, messagesOfBatches } from '../../support/arrow-ipc.ts'

const WIDTHS = [1, 3, 10, 1_000_000, 2 ** 30 + 1, 2 ** 31 - 1]

interface Case {
  readonly type: DataType
  readonly stored: PrimitiveType
  /** From a value as it is sent to the one that is stored. */
  readonly store?: (value: bigint) => bigint
  readonly transforms: readonly string[]
  readonly bounds: readonly [bigint, bigint]
}

const truncations = WIDTHS.map((width) => `truncate[${width}]`)
const INT64: Case['bounds'] = [-(2n ** 63n), 2n ** 63n - 1n]
const floor = (value: bigint, by: bigint) => (value - (((value % by) + by) % by)) / by

function digits(precision: bigint): Case['bounds'] {
  return [1n - 10n ** precision, 10n ** precision - 1n]
}

function instant(perMicro: bigint, micros: bigint): Case['bounds'] {
  // Whatever is beyond these is refused whatever the transform is.
  const limit = micros === 1n ? 2n ** 63n - 1n : (2n ** 63n - 1n) / micros - 1_000n
  return perMicro > 1n ? INT64 : [-limit, limit]
}

const CASES: readonly Case[] = [
  {
    type: new Int32(),
    stored: 'int',
    transforms: truncations,
    bounds: [-(2n ** 31n), 2n ** 31n - 1n],
  },
  {
    type: new Int32(),
    stored: 'long',
    transforms: truncations,
    bounds: [-(2n ** 31n), 2n ** 31n - 1n],
  },
  { type: new Int64(), stored: 'long', transforms: truncations, bounds: INT64 },
  {
    type: new Decimal(1, 2, 128),
    stored: 'decimal(2, 1)',
    transforms: truncations,
    bounds: digits(2n),
  },
  {
    type: new Decimal(0, 38, 128),
    stored: 'decimal(38, 0)',
    transforms: truncations,
    bounds: digits(38n),
  },
  {
    type: new Decimal(2, 9, 128),
    stored: 'decimal(20, 2)',
    transforms: truncations,
    bounds: digits(9n),
  },
  {
    type: new TimestampSecond(),
    stored: 'timestamp',
    store: (value) => value * 1_000_000n,
    transforms: ['hour'],
    bounds: instant(0n, 1_000_000n),
  },
  {
    type: new TimestampMillisecond(),
    stored: 'timestamp',
    store: (value) => value * 1_000n,
    transforms: ['hour', 'day'],
    bounds: instant(0n, 1_000n),
  },
  {
    type: new TimestampMicrosecond(),
    stored: 'timestamp',
    transforms: ['hour', 'year'],
    bounds: INT64,
  },
  {
    type: new TimestampNanosecond(),
    stored: 'timestamp',
    store: (value) => floor(value, 1_000n),
    transforms: ['hour'],
    bounds: INT64,
  },
  { type: new TimestampNanosecond(), stored: 'timestamp_ns', transforms: ['hour'], bounds: INT64 },
]

function opened(messages: ReturnType<typeof messagesOf>, stored: PrimitiveType, transform: string) {
  const arrow = verifySchema(messages[0]!.metadata, ARROW_LIMITS)
  const schema: IcebergSchema = {
    type: 'struct',
    'schema-id': 0,
    fields: [{ id: 7, name: 'v', required: false, type: stored }],
  }
  const transformed = [{ 'source-id': 7, transform }]
  const ranges = transformRanges(arrow, [7], { schema, transformed })
  const verifier = openVerifier({ schema: arrow, limits: ARROW_LIMITS, ranges })
  return { ranges, verifier }
}

/** The row that is refused. */
function refusedRow(one: Case, transform: string, values: readonly bigint[]): number | undefined {
  const width = one.type instanceof Int32 ? 4 : one.type instanceof Decimal ? 16 : 8
  const bytes = Buffer.alloc(values.length * width)
  for (const [row, value] of values.entries()) {
    for (let i = 0; i < width; i++) {
      bytes[row * width + i] = Number((value >> BigInt(i * 8)) & 255n)
    }
  }
  const words = new Int32Array(new Uint8Array(bytes).buffer)
  const data = width === 8 ? new BigInt64Array(words.buffer) : words
  const child = makeData({ type: one.type, length: values.length, data } as never)
  const schema = new Schema([new Field('v', one.type, true)])
  const struct = makeData({
    type: new Struct(schema.fields),
    length: values.length,
    children: [child],
  })
  const messages = messagesOfBatches([new RecordBatch(schema, struct)])
  const { ranges, verifier } = opened(messages, one.stored, transform)
  const batch = verifier.batch(messages[1]!)
  return ranges[0] && batch.firstRowOutside(ranges[0])
}

function hasResult({ stored, store }: Case, transform: string, value: bigint): boolean {
  const inside = store ? store(value) : value
  const argument = stored === 'int' ? Number(inside) : inside
  const result = transformFunction(transform, stored)(argument)
  if (transform === 'hour') return Number(result) === (Number(result) | 0)
  if (!transform.startsWith('truncate')) return true
  const [, precision] = /^decimal\((\d+)/.exec(stored) ?? []
  const decimal = precision === undefined ? undefined : digits(BigInt(precision))
  const [min] = decimal ?? (stored === 'int' ? [-(2n ** 31n)] : INT64)
  return BigInt(result as number | bigint) >= min
}

function edges([min, max]: Case['bounds'], transform: string): bigint[] {
  const near = [min, max, 0n, (min / 7n) * 6n]
  const [, width] = /\[(\d+)\]/.exec(transform) ?? []
  if (width !== undefined) near.push(floor(min, BigInt(width)) * BigInt(width) + BigInt(width))
  for (const unit of [1n, 1_000n, 1_000_000n, 1_000_000_000n]) {
    near.push(-(2n ** 31n) * 3_600n * unit, 2n ** 31n * 3_600n * unit)
  }
  const all = near.flatMap((value) => [-2n, -1n, 0n, 1n, 2n].map((beside) => value + beside))
  return all.filter((value) => value >= min && value <= max)
}

describe('values that a transform has no result for', () => {
  for (const one of CASES) {
    for (const transform of one.transforms) {
      it(`${transform} of ${one.type.constructor.name} as ${one.stored}: just those are found`, () => {
        for (const value of edges(one.bounds, transform)) {
          const wanted = hasResult(one, transform, value) ? undefined : 1
          expect(refusedRow(one, transform, [0n, value]), `${value}`).to.equal(wanted)
        }
      })
    }
  }

  it('are nobody’s where the slot is null', () => {
    const values = Int32Array.of(-(2 ** 31), 5)
    const child = makeData({
      type: new Int32(),
      length: 2,
      data: values,
      nullBitmap: Uint8Array.of(2),
    })
    const schema = new Schema([new Field('v', new Int32(), true)])
    const data = makeData({ type: new Struct(schema.fields), length: 2, children: [child] })
    const messages = messagesOfBatches([new RecordBatch(schema, data)])
    const { ranges, verifier } = opened(messages, 'int', 'truncate[10]')
    expect(verifier.batch(messages[1]!).firstRowOutside(ranges[0]!)).to.equal(undefined)
  })

  it('are found in dictionaries, where a row has them', () => {
    for (const [rows, wanted] of [
      [[5, null, -(2 ** 31), 5], 2],
      [[5, null, 7], undefined],
    ] as const) {
      const v = vectorFromArray([...rows], new Dictionary(new Int32(), new Int32()))
      const messages = messagesOf(new Table({ v }))
      const { ranges, verifier } = opened(messages, 'int', 'truncate[10]')
      let found: number | undefined
      for (const message of messages.slice(1)) {
        if (readMessage(message.metadata).kind === 'dictionary') verifier.dictionary(message)
        else found = verifier.batch(message).firstRowOutside(ranges[0]!)
      }
      expect(found).to.equal(wanted)
    }
  })

  it('are looked for only where the stream could have one', () => {
    const messages = messagesOf(new Table({ v: vectorFromArray([1], new Int32()) }))
    for (const [stored, transform, count] of [
      ['int', 'truncate[10]', 1],
      ['int', 'truncate[1]', 0],
      ['int', 'bucket[4]', 0],
      ['int', 'identity', 0],
      ['long', 'truncate[10]', 0],
    ] as const) {
      expect(opened(messages, stored, transform).ranges).to.have.lengthOf(count)
    }
  })
})
