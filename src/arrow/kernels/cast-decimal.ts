/** Decimals of every width to 128 bits, two's complement, low word first. The scale stays. */
import { isSet } from './bits.ts'
import { bytesOf, type FixedColumn, viewInt32 } from './column.ts'

const WORDS = 4

/** @throws RangeError when a 256-bit value does not fit 128 bits. */
export function castDecimal(column: FixedColumn): FixedColumn {
  if (column.width === WORDS * 4) return column
  const source = viewInt32(column.values)
  const words = column.width / 4
  const out = new Int32Array(column.length * WORDS)
  for (let row = 0; row < column.length; row++) {
    if (column.validity !== undefined && !isSet(column.validity, row)) continue
    const kept = Math.min(words, WORDS)
    for (let k = 0; k < kept; k++) out[row * WORDS + k] = source[row * words + k] as number
    const sign = (out[row * WORDS + kept - 1] as number) < 0 ? -1 : 0
    for (let k = kept; k < WORDS; k++) out[row * WORDS + k] = sign
    for (let k = kept; k < words; k++) {
      if (source[row * words + k] !== sign) {
        throw new RangeError(`row ${row} has a decimal that does not fit 38 digits`)
      }
    }
  }
  return { ...column, width: WORDS * 4, values: bytesOf(out) }
}

/** uint64 to decimal(20, 0) or wider. */
export function unsignedToDecimal(column: FixedColumn): FixedColumn {
  const source = viewInt32(column.values)
  const out = new Int32Array(column.length * WORDS)
  for (let row = 0; row < column.length; row++) {
    out[row * WORDS] = source[row * 2] as number
    out[row * WORDS + 1] = source[row * 2 + 1] as number
  }
  return { ...column, width: WORDS * 4, values: bytesOf(out) }
}
