/** `bucket[N]` of a column: the hash of every value's bytes as Appendix B of the spec defines them. */
import { decimalOf } from '../../iceberg/primitive.ts'
import type { PrimitiveType } from '../../iceberg/types.ts'
import { bytesOf, type Column, type FixedColumn, viewInt32 } from './column.ts'
import { divideWords } from './int64.ts'
import { hashBytes, hashWords } from './murmur3.ts'

const DECIMAL_BYTES = 16
const NANOS_PER_MICRO = 1_000

export function bucketColumn(column: Column, type: PrimitiveType, buckets: number): FixedColumn {
  const out = new Int32Array(column.length)
  hashRows(column, type, out)
  for (let row = 0; row < out.length; row++) {
    out[row] = ((out[row] as number) & 0x7fffffff) % buckets
  }
  const { length, nullCount, validity } = column
  return { kind: 'fixed', width: 4, length, nullCount, validity, values: bytesOf(out) }
}

function hashRows(column: Column, type: PrimitiveType, out: Int32Array): void {
  if (column.kind === 'bytes') {
    const { offsets, values } = column
    for (let row = 0; row < out.length; row++) {
      out[row] = hashBytes(values, offsets[row] as number, offsets[row + 1] as number)
    }
    return
  }
  if (column.kind !== 'fixed') throw new RangeError(`a column of type ${type} has no buckets`)
  const { values, width } = column
  if (decimalOf(type)) hashDecimals(values, out)
  else if (type === 'int' || type === 'date') {
    const source = viewInt32(values)
    for (let row = 0; row < out.length; row++) {
      const value = source[row] as number
      out[row] = hashWords(value, value >> 31)
    }
  } else if (type.endsWith('_ns')) hashNanos(viewInt32(values), out)
  else if (type === 'uuid' || type.startsWith('fixed')) {
    for (let row = 0; row < out.length; row++) {
      out[row] = hashBytes(values, row * width, (row + 1) * width)
    }
  } else {
    const words = viewInt32(values)
    for (let row = 0; row < out.length; row++) {
      out[row] = hashWords(words[row * 2] as number, words[row * 2 + 1] as number)
    }
  }
}

/** As µs, so that a column keeps its buckets when its unit changes. */
function hashNanos(words: Int32Array, out: Int32Array): void {
  const micros = new Int32Array(2)
  for (let row = 0; row < out.length; row++) {
    divideWords(words, row * 2, NANOS_PER_MICRO, micros)
    out[row] = hashWords(micros[0] as number, micros[1] as number)
  }
}

/** Big-endian two's complement in as few bytes as hold the value. */
function hashDecimals(values: Uint8Array, out: Int32Array): void {
  const scratch = new Uint8Array(DECIMAL_BYTES)
  for (let row = 0; row < out.length; row++) {
    const at = row * DECIMAL_BYTES
    for (let i = 0; i < DECIMAL_BYTES; i++) {
      scratch[i] = values[at + DECIMAL_BYTES - 1 - i] as number
    }
    const sign = (scratch[0] as number) >> 7 === 1 ? 0xff : 0
    let start = 0
    while (
      start < DECIMAL_BYTES - 1 &&
      scratch[start] === sign &&
      (scratch[start + 1] as number) >> 7 === (sign & 1)
    ) {
      start += 1
    }
    out[row] = hashBytes(scratch, start, DECIMAL_BYTES)
  }
}
