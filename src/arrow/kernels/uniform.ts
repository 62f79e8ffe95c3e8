/** Cheap questions about a whole column, asked before it is looked at value by value. */
import { countSet } from './bits.ts'
import { type Column, type FixedColumn, viewInt32 } from './column.ts'

/** Have all rows the same bits? Never when some are null and some are not. */
export function isUniform(column: Column): boolean {
  const { length, nullCount } = column
  if (nullCount > 0) return nullCount === length
  if (length <= 1) return true
  switch (column.kind) {
    case 'bits': {
      const set = countSet(column.values, length)
      return set === 0 || set === length
    }
    case 'fixed':
      return isUniformFixed(column)
    case 'bytes': {
      const { offsets } = column
      const size = offsets[1] as number
      for (let row = 2; row <= length; row++) {
        if (offsets[row] !== row * size) return false
      }
      return isPeriodic(column.values, size, length * size)
    }
    default:
      return false
  }
}

function isUniformFixed({ width, values, length }: FixedColumn): boolean {
  if (width % 4 !== 0) return isPeriodic(values, width, length * width)
  return isPeriodic(viewInt32(values), width >> 2, (length * width) >> 2)
}

function isPeriodic(values: Uint8Array | Int32Array, period: number, length: number): boolean {
  for (let i = period; i < length; i++) if (values[i] !== values[i - period]) return false
  return true
}

/** The rows of the least and the greatest integer. The column has 4 or 8 bytes a value, no nulls. */
export function extremeRows({ width, values, length }: FixedColumn): readonly [number, number] {
  const words = viewInt32(values)
  return width === 4 ? extremes32(words, length) : extremes64(words, length)
}

function extremes32(words: Int32Array, length: number): readonly [number, number] {
  let least = 0
  let greatest = 0
  for (let row = 1; row < length; row++) {
    const value = words[row] as number
    if (value < (words[least] as number)) least = row
    else if (value > (words[greatest] as number)) greatest = row
  }
  return [least, greatest]
}

function extremes64(words: Int32Array, length: number): readonly [number, number] {
  let [least, leastHigh, leastLow] = [0, words[1] as number, (words[0] as number) >>> 0]
  let [greatest, greatestHigh, greatestLow] = [0, leastHigh, leastLow]
  for (let row = 1; row < length; row++) {
    const low = (words[row * 2] as number) >>> 0
    const high = words[row * 2 + 1] as number
    if (high < leastHigh || (high === leastHigh && low < leastLow)) {
      least = row
      leastHigh = high
      leastLow = low
    } else if (high > greatestHigh || (high === greatestHigh && low > greatestLow)) {
      greatest = row
      greatestHigh = high
      greatestLow = low
    }
  }
  return [least, greatest]
}
