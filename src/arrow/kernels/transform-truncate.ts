/** `truncate[W]` of a column: integers and decimals down to a multiple of W, texts to a prefix. */
import { decimalBytes, decimalOf } from '../../iceberg/primitive.ts'
import type { PrimitiveType } from '../../iceberg/types.ts'
import { isSet } from './bits.ts'
import { type ByteColumn, bytesOf, type Column, type FixedColumn, viewInt32 } from './column.ts'
import { floorRemainder } from './int64.ts'

const DECIMAL_WORDS = 4

/** @throws RangeError when a value has no multiple of W below it in its type. */
export function truncateColumn(column: Column, type: PrimitiveType, width: number): Column {
  if (column.kind === 'bytes') {
    return type === 'string' ? prefixes(column, width, codePointsEnd) : prefixes(column, width, cut)
  }
  if (column.kind !== 'fixed') throw new RangeError(`a column of type ${type} is not truncated`)
  if (type === 'int') return truncateInt32(column, width)
  const decimal = decimalOf(type)
  const wordsPerValue = decimal ? DECIMAL_WORDS : 2
  const fits = decimal ? fitsBytes(decimalBytes(decimal.precision)) : () => true
  return truncateWords(column, { width, wordsPerValue, fits })
}

function truncateInt32(column: FixedColumn, width: number): FixedColumn {
  const source = viewInt32(column.values)
  const out = new Int32Array(column.length)
  for (let row = 0; row < column.length; row++) {
    const value = source[row] as number
    const floor = value - (((value % width) + width) % width)
    out[row] = floor
    if (out[row] !== floor && isValue(column, row)) throw noMultiple(width)
  }
  return { ...column, values: bytesOf(out) }
}

interface WordTruncation {
  readonly width: number
  /** 2 or 4, low word first. */
  readonly wordsPerValue: number
  /** Does the result whose words begin at `at` fit its type? */
  readonly fits: (words: Int32Array, at: number) => boolean
}

function truncateWords(column: FixedColumn, how: WordTruncation): FixedColumn {
  const { width, wordsPerValue: count, fits } = how
  const source = viewInt32(column.values)
  const out = new Int32Array(column.length * count)
  for (let row = 0; row < column.length; row++) {
    const at = row * count
    const top = source[at + count - 1] as number
    let rest = count === 2 ? floorRemainder(source[at] as number, top, width) : 0
    if (count > 2) {
      rest = ((top % width) + width) % width
      for (let k = count - 2; k >= 0; k--)
        rest = remainderWith(rest, source[at + k] as number, width)
    }
    let borrow = rest
    for (let k = 0; k < count; k++) {
      const difference = ((source[at + k] as number) >>> 0) - borrow
      out[at + k] = difference
      borrow = difference < 0 ? 1 : 0
    }
    const wrapped = top < 0 && (out[at + count - 1] as number) >= 0
    if ((wrapped || !fits(out, at)) && isValue(column, row)) throw noMultiple(width)
  }
  return { ...column, values: bytesOf(out) }
}

function remainderWith(rest: number, word: number, width: number): number {
  const upper = (rest * 65_536 + (word >>> 16)) % width
  return (upper * 65_536 + (word & 0xffff)) % width
}

/** Is a decimal's value one of `bytes` bytes in two's complement? */
function fitsBytes(bytes: number): WordTruncation['fits'] {
  const last = (bytes - 1) >> 2
  const shift = 31 - ((bytes - 1) & 3) * 8 - 7
  return (words, at) => {
    const top = words[at + last] as number
    // Sign-extending the bytes that count must give the word back.
    if ((top << shift) >> shift !== top) return false
    for (let k = last + 1; k < DECIMAL_WORDS; k++) if (words[at + k] !== top >> 31) return false
    return true
  }
}

/** Where the first `count` units of `bytes[start, end)` end. */
type PrefixEnd = (bytes: Uint8Array, start: number, end: number, count: number) => number

function prefixes(column: ByteColumn, count: number, endOf: PrefixEnd): ByteColumn {
  const { length, offsets, values } = column
  const ends = new Int32Array(length + 1)
  let bytes = 0
  for (let row = 0; row < length; row++) {
    const start = offsets[row] as number
    bytes += endOf(values, start, offsets[row + 1] as number, count) - start
    ends[row + 1] = bytes
  }
  if (bytes === values.length) return column
  const out = new Uint8Array(bytes)
  for (let row = 0; row < length; row++) {
    const at = ends[row] as number
    const start = offsets[row] as number
    const size = (ends[row + 1] as number) - at
    for (let k = 0; k < size; k++) out[at + k] = values[start + k] as number
  }
  return { ...column, offsets: ends, values: out }
}

const cut: PrefixEnd = (_, start, end, count) => Math.min(end, start + count)

const codePointsEnd: PrefixEnd = (bytes, start, end, count) => {
  if (end - start <= count) return end
  let rest = count
  for (let i = start; i < end; i++) {
    const isContinuation = ((bytes[i] as number) & 0xc0) === 0x80
    if (isContinuation) continue
    if (rest === 0) return i
    rest -= 1
  }
  return end
}

function isValue({ validity }: FixedColumn, row: number): boolean {
  return validity === undefined || isSet(validity, row)
}

function noMultiple(width: number): RangeError {
  return new RangeError(
    `a value is so close to its type's least that it has no multiple of ${width} below it`,
  )
}
