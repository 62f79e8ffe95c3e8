/**
 * Integers and floats to the next wider ones, buffer to buffer.
 *
 * 64-bit integers are written as two 32-bit halves: a `bigint` per row would cost ten times more.
 */
import { bytesOf, type FixedColumn, viewFloat32, viewInt32 } from './column.ts'

interface IntegerType {
  readonly bits: 8 | 16 | 32 | 64
  readonly signed: boolean
}

/** To int32 or int64. Same width and sign: the column itself. */
export function widenInteger(column: FixedColumn, from: IntegerType, bits: 32 | 64): FixedColumn {
  if (from.bits === bits && from.signed) return column
  const source = integers(column, from)
  if (bits === 32) {
    return { ...column, width: 4, values: bytesOf(Int32Array.from(source)) }
  }
  const out = new Int32Array(column.length * 2)
  for (let row = 0; row < column.length; row++) {
    const value = source[row] as number
    out[row * 2] = value
    out[row * 2 + 1] = value < 0 ? -1 : 0
  }
  return { ...column, width: 8, values: bytesOf(out) }
}

function integers({ values, length }: FixedColumn, { bits, signed }: IntegerType) {
  const { buffer, byteOffset } = values
  if (bits === 8) return signed ? new Int8Array(buffer, byteOffset, length) : values
  if (bits === 16) {
    return signed
      ? new Int16Array(buffer, byteOffset, length)
      : new Uint16Array(buffer, byteOffset, length)
  }
  return signed
    ? new Int32Array(buffer, byteOffset, length)
    : new Uint32Array(buffer, byteOffset, length)
}

export function widenFloat(column: FixedColumn): FixedColumn {
  const values = Float64Array.from(viewFloat32(column.values).subarray(0, column.length))
  return { ...column, width: 8, values: bytesOf(values) }
}

const HALF_EXPONENT_MAX = 0x1f
const SUBNORMAL_STEP = 2 ** -24

/** IEEE 754 binary16 to binary32; every half has an exact single. */
export function halfToFloat(column: FixedColumn): FixedColumn {
  const { buffer, byteOffset } = column.values
  const halves = new Uint16Array(buffer, byteOffset, column.length)
  const out = new Float32Array(column.length)
  const bits = viewInt32(bytesOf(out))
  for (let row = 0; row < column.length; row++) {
    const half = halves[row] as number
    const sign = half >> 15 ? -1 : 1
    const exponent = (half >> 10) & HALF_EXPONENT_MAX
    const fraction = half & 0x3ff
    if (exponent === 0) out[row] = sign * fraction * SUBNORMAL_STEP
    else {
      // Rebias 15 to 127; infinity and NaN keep the largest exponent.
      const wide = exponent === HALF_EXPONENT_MAX ? 0xff : exponent + 112
      bits[row] = ((half >> 15) << 31) | (wide << 23) | (fraction << 13)
    }
  }
  return { ...column, width: 4, values: bytesOf(out) }
}
