/**
 * A column as sort keys: unsigned 32-bit words whose order is the order of the values.
 *
 * Promises: the order is that of the Iceberg specification as Java has it: integers and decimals by
 * value, -0.0 below 0.0, every NaN alike and above infinity, false below true, texts and bytes and
 * uuids by unsigned bytes. Nulls are alike, first or last whatever the direction.
 */
import { decimalOf } from '../../iceberg/primitive.ts'
import type { PrimitiveType } from '../../iceberg/types.ts'
import { isSet } from './bits.ts'
import { rankBytes } from './byte-rank.ts'
import { type ByteColumn, type Column, type FixedColumn, viewInt32 } from './column.ts'

export interface KeyOrder {
  readonly isDescending: boolean
  readonly nullsFirst: boolean
}

const SIGN = 0x80000000
/** Longer fixed values are ranked: each word costs passes over all rows. */
const KEY_BYTES_MAX = 16

/** Most significant word first. */
export function orderKey(column: Column, type: PrimitiveType, order: KeyOrder): Uint32Array[] {
  const words = valueKey(column, type)
  if (order.isDescending) {
    for (const word of words) for (let row = 0; row < word.length; row++) word[row] = ~word[row]!
  }
  const { validity, length } = column
  if (validity === undefined) return words
  const flags = new Uint32Array(length).fill(order.nullsFirst ? 1 : 0)
  for (let row = 0; row < length; row++) {
    if (isSet(validity, row)) continue
    flags[row] = order.nullsFirst ? 0 : 1
    for (const word of words) word[row] = 0
  }
  return [flags, ...words]
}

function valueKey(column: Column, type: PrimitiveType): Uint32Array[] {
  const { length } = column
  if (column.kind === 'bits') {
    const word = new Uint32Array(length)
    for (let row = 0; row < length; row++) word[row] = isSet(column.values, row) ? 1 : 0
    return [word]
  }
  if (column.kind === 'bytes') return [rankBytes(column)]
  if (column.kind !== 'fixed') throw new RangeError(`a column of type ${type} has no order`)
  if (type === 'uuid' || type.startsWith('fixed')) return bytesKey(column)
  if (type === 'float') return floatKey(column)
  if (type === 'double') return doubleKey(column)
  return integerKey(column, decimalOf(type) ? 4 : column.width >> 2)
}

function integerKey({ values, length }: FixedColumn, count: number): Uint32Array[] {
  const source = viewInt32(values)
  return Array.from({ length: count }, (_, k) => {
    const word = new Uint32Array(length)
    const flip = k === 0 ? SIGN : 0
    const at = count - 1 - k
    for (let row = 0; row < length; row++) word[row] = (source[row * count + at] as number) ^ flip
    return word
  })
}

function floatKey({ values, length }: FixedColumn): Uint32Array[] {
  const source = viewInt32(values)
  const word = new Uint32Array(length)
  for (let row = 0; row < length; row++) {
    const bits = source[row] as number
    const isNaN = (bits & 0x7fffffff) > 0x7f800000
    word[row] = isNaN ? 0xffffffff : bits < 0 ? ~bits : bits ^ SIGN
  }
  return [word]
}

function doubleKey({ values, length }: FixedColumn): Uint32Array[] {
  const source = viewInt32(values)
  const high = new Uint32Array(length)
  const low = new Uint32Array(length)
  for (let row = 0; row < length; row++) {
    const lowBits = source[row * 2] as number
    const highBits = source[row * 2 + 1] as number
    const magnitude = highBits & 0x7fffffff
    if (magnitude > 0x7ff00000 || (magnitude === 0x7ff00000 && lowBits !== 0)) {
      high[row] = low[row] = 0xffffffff
    } else {
      high[row] = highBits < 0 ? ~highBits : highBits ^ SIGN
      low[row] = highBits < 0 ? ~lowBits : lowBits
    }
  }
  return [high, low]
}

function bytesKey(column: FixedColumn): Uint32Array[] {
  const { values, width, length } = column
  if (width > KEY_BYTES_MAX) return [rankBytes(asByteColumn(column))]
  return Array.from({ length: Math.ceil(width / 4) }, (_, k) => {
    const word = new Uint32Array(length)
    const end = Math.min(width, k * 4 + 4)
    for (let row = 0; row < length; row++) {
      let bits = 0
      for (let i = k * 4; i < end; i++) bits = (bits << 8) | (values[row * width + i] as number)
      word[row] = bits
    }
    return word
  })
}

function asByteColumn({ values, width, length, nullCount, validity }: FixedColumn): ByteColumn {
  const offsets = new Int32Array(length + 1)
  for (let row = 1; row <= length; row++) offsets[row] = row * width
  return { kind: 'bytes', length, nullCount, validity, offsets, values }
}
