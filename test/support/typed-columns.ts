/** Columns of every primitive type from the values that they mean, and arbitraries of such values. */
import * as fc from 'fast-check'
import { bitmapBytes, setBit } from '../../src/arrow/kernels/bits.ts'
import { bytesOf, type Column } from '../../src/arrow/kernels/column.ts'
import { decimalOf, fixedLengthOf } from '../../src/iceberg/primitive.ts'
import type { PrimitiveType, Value } from '../../src/iceberg/types.ts'

const int32 = fc.oneof(
  fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
  fc.constantFrom(0, -1, 1, -(2 ** 31), 2 ** 31 - 1),
)
const int64 = fc.oneof(
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  fc.bigInt({ min: -200_000n, max: 200_000n }),
  fc.constantFrom(0n, -1n, -(2n ** 63n), 2n ** 63n - 1n, 2n ** 53n + 1n, 2n ** 32n, -(2n ** 32n)),
)
/** Around midnights and hours on both sides of 1970, where floors go wrong. */
function moments(perSecond: bigint): fc.Arbitrary<bigint> {
  const nearEdge = fc
    .tuple(fc.bigInt({ min: -2_500_000n, max: 2_500_000n }), fc.constantFrom(-1n, 0n, 1n))
    .map(([hours, off]) => hours * 3_600n * perSecond + off)
  return fc.oneof(nearEdge, int64)
}

const FLOATS = [0, -0, NaN, Infinity, -Infinity, 1.5, -1.5]

export const TYPED_VALUES: readonly (readonly [PrimitiveType, fc.Arbitrary<Value>])[] = [
  ['boolean', fc.boolean()],
  ['int', int32],
  ['date', fc.oneof(int32, fc.integer({ min: -800, max: 800 }))],
  ['long', int64],
  ['time', fc.bigInt({ min: 0n, max: 86_399_999_999n })],
  ['timestamp', moments(1_000_000n)],
  ['timestamptz', moments(1_000_000n)],
  ['timestamp_ns', moments(1_000_000_000n)],
  ['timestamptz_ns', moments(1_000_000_000n)],
  ['float', fc.oneof(fc.float(), fc.constantFrom(...FLOATS))],
  ['double', fc.oneof(fc.double(), fc.constantFrom(...FLOATS))],
  ['decimal(4, 2)', fc.bigInt({ min: -9_999n, max: 9_999n })],
  ['decimal(18, 6)', fc.bigInt({ min: -(10n ** 18n) + 1n, max: 10n ** 18n - 1n })],
  ['decimal(38, 6)', fc.bigInt({ min: -(10n ** 38n) + 1n, max: 10n ** 38n - 1n })],
  ['string', texts()],
  ['binary', fc.uint8Array({ maxLength: 40 })],
  ['fixed[5]', fc.uint8Array({ minLength: 5, maxLength: 5 })],
  ['fixed[24]', fc.uint8Array({ minLength: 24, maxLength: 24 })],
  ['uuid', fc.uint8Array({ minLength: 16, maxLength: 16 })],
]

/** Short and long, with shared beginnings, of every length of UTF-8. */
function texts(): fc.Arbitrary<string> {
  const unit = fc.constantFrom(
    'a',
    'b',
    '\u0000',
    'é',
    '\ud7ff',
    '\ue000',
    '\uffff',
    '😀',
    '\u{10ffff}',
  )
  const plain = fc.string({ unit, maxLength: 6 })
  return fc.oneof(
    plain,
    fc.tuple(fc.constantFrom('https://example.org/', ''), plain).map((parts) => parts.join('')),
    fc.string({ unit: 'binary', maxLength: 12 }),
  )
}

/** Null slots hold garbage, as Arrow allows. */
export function typedColumn(type: PrimitiveType, values: readonly (Value | null)[]): Column {
  const length = values.length
  const validity = new Uint8Array(bitmapBytes(length))
  values.forEach((value, row) => {
    if (value !== null) setBit(validity, row)
  })
  const nullCount = values.filter((value) => value === null).length
  const common = { length, nullCount, validity: nullCount > 0 ? validity : undefined }
  if (type === 'boolean') {
    const bits = new Uint8Array(bitmapBytes(length))
    values.forEach((value, row) => {
      if (value !== false) setBit(bits, row)
    })
    return { ...common, kind: 'bits', values: bits }
  }
  if (type === 'string' || type === 'binary') {
    const parts = values.map((value) => Buffer.from((value ?? 'garbage') as string))
    const offsets = new Int32Array(length + 1)
    parts.forEach((part, row) => {
      offsets[row + 1] = offsets[row]! + part.length
    })
    return { ...common, kind: 'bytes', offsets, values: new Uint8Array(Buffer.concat(parts)) }
  }
  const fixedLength = type === 'uuid' ? 16 : fixedLengthOf(type)
  if (fixedLength !== undefined) {
    const bytes = new Uint8Array(length * fixedLength).fill(0xab)
    values.forEach((value, row) => {
      if (value !== null) bytes.set(value as Uint8Array, row * fixedLength)
    })
    return { ...common, kind: 'fixed', width: fixedLength, values: bytes }
  }
  return { ...common, kind: 'fixed', ...numbers(type, values) }
}

function numbers(type: PrimitiveType, values: readonly (Value | null)[]) {
  switch (type) {
    case 'int':
    case 'date':
      return { width: 4, values: bytesOf(Int32Array.from(values, (v) => Number(v ?? -99))) }
    case 'float':
      return { width: 4, values: bytesOf(Float32Array.from(values, (v) => Number(v ?? NaN))) }
    case 'double':
      return { width: 8, values: bytesOf(Float64Array.from(values, (v) => Number(v ?? NaN))) }
    default: {
      const integers = values.map((value) => (value ?? -(2n ** 63n)) as bigint)
      if (!decimalOf(type)) return { width: 8, values: bytesOf(BigInt64Array.from(integers)) }
      const halves = integers.flatMap((n) => [BigInt.asIntN(64, n), n >> 64n])
      return { width: 16, values: bytesOf(BigInt64Array.from(halves)) }
    }
  }
}

/** Lists in which values repeat, with nulls. */
export function rowsOfValues(values: fc.Arbitrary<Value>): fc.Arbitrary<(Value | null)[]> {
  return fc
    .array(values, { minLength: 1, maxLength: 12 })
    .chain((some) => fc.array(fc.constantFrom(...some, null), { maxLength: 60 }))
}

/** Not so close to the ends of a type that a transform has no result in it. */
export function isTame(value: Value): boolean {
  if (typeof value === 'number') return value > -(2 ** 31) + 10 || !Number.isInteger(value)
  if (typeof value !== 'bigint' || BigInt.asIntN(64, value) !== value) return true
  return value > -(2n ** 62n) && value < 2n ** 62n
}
