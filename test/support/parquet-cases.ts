/**
 * Every Arrow type that a table may be sent, with the Iceberg type that stores it, and what a
 * reader must find for each value. Expected values are written down, not computed by our kernels.
 */
import {
  Binary,
  BinaryView,
  Bool,
  type DataType,
  DateDay,
  DateMillisecond,
  Decimal,
  Dictionary,
  DurationMillisecond,
  Field,
  FixedSizeBinary,
  FixedSizeList,
  Float16,
  Float32,
  Float64,
  Int8,
  Int16,
  Int32,
  Int64,
  LargeBinary,
  LargeList,
  LargeUtf8,
  List,
  Map_,
  Null,
  Struct,
  TimeMicrosecond,
  TimeMillisecond,
  TimeNanosecond,
  TimeSecond,
  Timestamp,
  TimestampMicrosecond,
  TimestampMillisecond,
  TimestampNanosecond,
  TimestampSecond,
  TimeUnit,
  Uint8,
  Uint16,
  Uint32,
  Uint64,
  Utf8,
  Utf8View,
} from 'apache-arrow'
import type { Type } from '../../src/iceberg/types.ts'

export interface TypeCase {
  readonly name: string
  readonly arrow: DataType
  readonly iceberg: Type
  /** What is sent, and what `plain` of the readers must give for it. */
  readonly values: readonly (readonly [unknown, unknown])[]
}

const same = (...values: readonly unknown[]): [unknown, unknown][] => values.map((v) => [v, v])
const hex = (text: string): [unknown, unknown] => [Buffer.from(text, 'hex'), text]

const UUID_A = '00112233445566778899aabbccddeeff'
const UUID_B = 'ff112233445566778899aabbccddee00'
const LONG_TEXT = 'a text that is longer than what a view keeps inline'

/** Ids of nested types begin at 100, to stay clear of those of columns. */
const listOf = (element: Type, required = false): Type => ({
  type: 'list',
  'element-id': 100,
  element,
  'element-required': required,
})
const field = (name: string, type: DataType, nullable = true) => new Field(name, type, nullable)
const mapOf = (key: DataType, value: DataType) =>
  new Map_(
    field('entries', new Struct([field('key', key, false), field('value', value)]), false) as never,
  ) as DataType

const integers: TypeCase[] = [
  { name: 'int8', arrow: new Int8(), iceberg: 'int', values: same(-128, 0, 127) },
  { name: 'int16', arrow: new Int16(), iceberg: 'int', values: same(-32768, 1, 32767) },
  { name: 'int32', arrow: new Int32(), iceberg: 'int', values: same(-(2 ** 31), 0, 2 ** 31 - 1) },
  { name: 'uint8', arrow: new Uint8(), iceberg: 'int', values: same(0, 128, 255) },
  { name: 'uint16', arrow: new Uint16(), iceberg: 'int', values: same(0, 40_000, 65_535) },
  {
    name: 'uint32',
    arrow: new Uint32(),
    iceberg: 'long',
    values: [
      [0, 0n],
      [2 ** 31, 2n ** 31n],
      [2 ** 32 - 1, 2n ** 32n - 1n],
    ],
  },
  {
    name: 'int64',
    arrow: new Int64(),
    iceberg: 'long',
    values: same(-(2n ** 63n), 0n, 2n ** 63n - 1n),
  },
  {
    name: 'int32 into a promoted long',
    arrow: new Int32(),
    iceberg: 'long',
    values: [
      [-5, -5n],
      [2 ** 31 - 1, 2n ** 31n - 1n],
    ],
  },
  {
    name: 'uint64',
    arrow: new Uint64(),
    iceberg: 'decimal(20, 0)',
    values: same(0n, 2n ** 63n, 2n ** 64n - 1n),
  },
]

const numbers: TypeCase[] = [
  { name: 'bool', arrow: new Bool(), iceberg: 'boolean', values: same(true, false, false) },
  {
    name: 'float16',
    arrow: new Float16(),
    iceberg: 'float',
    values: [
      [0x3c00, 1],
      [0xc000, -2],
      [0x7bff, 65504],
      [0x0001, 2 ** -24],
      [0x7c00, Infinity],
    ],
  },
  { name: 'float32', arrow: new Float32(), iceberg: 'float', values: same(-1.5, 0.25, Infinity) },
  { name: 'float64', arrow: new Float64(), iceberg: 'double', values: same(-1e300, 0.1, 1e300) },
  {
    name: 'float32 into a promoted double',
    arrow: new Float32(),
    iceberg: 'double',
    values: same(-1.5, 0.25),
  },
  {
    name: 'float16 into a promoted double',
    arrow: new Float16(),
    iceberg: 'double',
    values: [[0x3c00, 1]],
  },
  ...[32, 64, 128, 256].map((bits) => ({
    name: `decimal${bits}`,
    arrow: new Decimal(2, 9, bits),
    iceberg: 'decimal(9, 2)' as const,
    values: same(-999_999_999n, -1n, 999_999_999n),
  })),
  {
    name: 'decimal128 of 18 digits',
    arrow: new Decimal(3, 18, 128),
    iceberg: 'decimal(18, 3)',
    values: same(-(10n ** 17n), 10n ** 17n, 255n),
  },
  {
    name: 'decimal128 of 38 digits',
    arrow: new Decimal(10, 38, 128),
    iceberg: 'decimal(38, 10)',
    values: same(-(10n ** 38n) + 1n, 128n, 10n ** 38n - 1n),
  },
  {
    name: 'decimal256 of 38 digits',
    arrow: new Decimal(0, 38, 256),
    iceberg: 'decimal(38, 0)',
    values: same(-(10n ** 38n) + 1n, -1n, 10n ** 38n - 1n),
  },
  {
    name: 'decimal64 into a wider decimal',
    arrow: new Decimal(2, 12, 64),
    iceberg: 'decimal(30, 2)',
    values: same(-1n, 10n ** 12n - 1n),
  },
]

const temporals: TypeCase[] = [
  { name: 'date32', arrow: new DateDay(), iceberg: 'date', values: same(-1, 0, 20_000) },
  {
    name: 'date64',
    arrow: new DateMillisecond(),
    iceberg: 'date',
    values: [
      [-1n, -1],
      [86_400_000n, 1],
      [-86_400_001n, -2],
    ],
  },
  {
    name: 'time32[s]',
    arrow: new TimeSecond(),
    iceberg: 'time',
    values: [
      [0, 0n],
      [86_399, 86_399_000_000n],
    ],
  },
  {
    name: 'time32[ms]',
    arrow: new TimeMillisecond(),
    iceberg: 'time',
    values: [[86_399_999, 86_399_999_000n]],
  },
  {
    name: 'time64[us]',
    arrow: new TimeMicrosecond(),
    iceberg: 'time',
    values: same(1n, 86_399_999_999n),
  },
  {
    name: 'time64[ns]',
    arrow: new TimeNanosecond(),
    iceberg: 'time',
    values: [[86_399_999_999_999n, 86_399_999_999n]],
  },
  {
    name: 'timestamp[s]',
    arrow: new TimestampSecond(),
    iceberg: 'timestamp',
    values: [
      [-1n, -1_000_000n],
      [1_700_000_000n, 1_700_000_000_000_000n],
    ],
  },
  {
    name: 'timestamp[ms] with a zone',
    arrow: new TimestampMillisecond('Europe/Berlin'),
    iceberg: 'timestamptz',
    values: [
      [-1n, -1000n],
      [1_700_000_000_001n, 1_700_000_000_001_000n],
    ],
  },
  {
    name: 'timestamp[us]',
    arrow: new TimestampMicrosecond(),
    iceberg: 'timestamp',
    values: same(-1n, 1_700_000_000_000_001n),
  },
  {
    name: 'timestamp[us] with a zone',
    arrow: new Timestamp(TimeUnit.MICROSECOND, '+02:00'),
    iceberg: 'timestamptz',
    values: same(-1n, 1_700_000_000_000_001n),
  },
  {
    name: 'timestamp[ns]',
    arrow: new TimestampNanosecond(),
    iceberg: 'timestamp',
    values: [
      [-1n, -1n],
      [-1000n, -1n],
      [1999n, 1n],
    ],
  },
  {
    name: 'timestamp[ns] kept',
    arrow: new TimestampNanosecond(),
    iceberg: 'timestamp_ns',
    values: same(-1n, 1999n),
  },
  {
    name: 'timestamp[us] into nanoseconds',
    arrow: new TimestampMicrosecond(),
    iceberg: 'timestamp_ns',
    values: [[7n, 7000n]],
  },
  {
    name: 'duration',
    arrow: new DurationMillisecond(),
    iceberg: 'long',
    values: same(-7n, 7n),
  },
]

const texts: TypeCase[] = [
  { name: 'utf8', arrow: new Utf8(), iceberg: 'string', values: same('', 'æ😀', 'zz') },
  { name: 'large utf8', arrow: new LargeUtf8(), iceberg: 'string', values: same('b', '', 'æ') },
  { name: 'utf8 view', arrow: new Utf8View(), iceberg: 'string', values: same('b', '', LONG_TEXT) },
  {
    name: 'binary',
    arrow: new Binary(),
    iceberg: 'binary',
    values: [hex(''), hex('00ff80'), hex('ff')],
  },
  {
    name: 'large binary',
    arrow: new LargeBinary(),
    iceberg: 'binary',
    values: [hex('00'), hex('ffff')],
  },
  {
    name: 'binary view',
    arrow: new BinaryView(),
    iceberg: 'binary',
    values: [hex('00'), hex(Buffer.from(LONG_TEXT).toString('hex')), hex('')],
  },
  {
    name: 'fixed',
    arrow: new FixedSizeBinary(3),
    iceberg: 'fixed[3]',
    values: [hex('000000'), hex('80ffff'), hex('0102ff')],
  },
  {
    name: 'uuid',
    arrow: new FixedSizeBinary(16),
    iceberg: 'uuid',
    values: [hex(UUID_A), hex(UUID_B)],
  },
  { name: 'null', arrow: new Null(), iceberg: 'string', values: [[null, null]] },
]

const dictionaries: TypeCase[] = [
  {
    name: 'dictionary of utf8',
    get arrow() {
      return new Dictionary(new Utf8(), new Int8() as never)
    },
    iceberg: 'string',
    values: same('x', 'y', 'x', LONG_TEXT),
  },
  {
    name: 'dictionary of int64 by uint16',
    get arrow() {
      return new Dictionary(new Int64(), new Uint16() as never)
    },
    iceberg: 'long',
    values: same(5n, -5n, 5n),
  },
  {
    name: 'dictionary of timestamps by int64',
    get arrow() {
      return new Dictionary(new TimestampMillisecond(), new Int64() as never)
    },
    iceberg: 'timestamp',
    values: [
      [5n, 5000n],
      [-5n, -5000n],
    ],
  },
  {
    name: 'dictionary of bool',
    get arrow() {
      return new Dictionary(new Bool(), new Int32() as never)
    },
    iceberg: 'boolean',
    values: same(true, false, true),
  },
]

const LIST = [[1, 2, null], [], [3]]
const nested: TypeCase[] = [
  {
    name: 'list',
    arrow: new List(field('item', new Int32())),
    iceberg: listOf('int'),
    values: same(...LIST),
  },
  {
    name: 'large list',
    arrow: new LargeList(field('item', new Int16())),
    iceberg: listOf('int'),
    values: same(...LIST),
  },
  {
    name: 'fixed-size list of required',
    arrow: new FixedSizeList(2, field('item', new Float32(), false)),
    iceberg: listOf('float', true),
    values: same([1, 2], [-1, 0.5]),
  },
  {
    name: 'list of lists of dictionary strings',
    get arrow() {
      const text = new Dictionary(new Utf8(), new Int8() as never)
      return new List(field('item', new List(field('item', text))))
    },
    iceberg: {
      type: 'list',
      'element-id': 100,
      'element-required': false,
      element: { type: 'list', 'element-id': 101, 'element-required': false, element: 'string' },
    },
    values: same([['a', null], []], [], [null, ['b', 'a']]),
  },
  {
    name: 'map',
    arrow: mapOf(new Utf8(), new Int32()),
    iceberg: {
      type: 'map',
      'key-id': 100,
      key: 'string',
      'value-id': 101,
      value: 'long',
      'value-required': false,
    },
    values: [
      [
        [
          ['a', 1],
          ['b', null],
        ],
        [
          ['a', 1n],
          ['b', null],
        ],
      ],
      [[], []],
    ],
  },
  {
    name: 'struct with an unknown and a missing field',
    arrow: new Struct([
      field('dropped', new Utf8()),
      field('n', new Int8()),
      field('inner', new Struct([field('u', new FixedSizeBinary(16)), field('f', new Float32())])),
    ]),
    iceberg: {
      type: 'struct',
      fields: [
        {
          id: 102,
          name: 'inner',
          required: false,
          type: {
            type: 'struct',
            fields: [
              { id: 105, name: 'f', required: false, type: 'double' },
              { id: 103, name: 'u', required: false, type: 'uuid' },
            ],
          },
        },
        { id: 100, name: 'n', required: false, type: 'int' },
        { id: 104, name: 'missing', required: false, type: listOf('string') },
      ],
    },
    values: [
      [
        { dropped: 'x', n: 1, inner: { u: Buffer.from(UUID_A, 'hex'), f: 0.5 } },
        { n: 1, inner: { u: UUID_A, f: 0.5 }, missing: null },
      ],
      [
        { dropped: null, n: null, inner: null },
        { n: null, inner: null, missing: null },
      ],
      [
        { dropped: 'y', n: 2, inner: { u: null, f: null } },
        { n: 2, inner: { u: null, f: null }, missing: null },
      ],
    ],
  },
  {
    name: 'struct of required fields',
    arrow: new Struct([field('n', new Int32(), false), field('s', new Utf8(), false)]),
    iceberg: {
      type: 'struct',
      fields: [
        { id: 100, name: 'n', required: true, type: 'long' },
        { id: 101, name: 's', required: true, type: 'string' },
      ],
    },
    values: [
      [
        { n: 1, s: 'a' },
        { n: 1n, s: 'a' },
      ],
      [
        { n: -1, s: '' },
        { n: -1n, s: '' },
      ],
    ],
  },
]

export const TYPE_CASES: readonly TypeCase[] = [
  ...integers,
  ...numbers,
  ...temporals,
  ...texts,
  ...dictionaries,
  ...nested,
]
