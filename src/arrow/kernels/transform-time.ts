/** Years, months, days and hours since 1970 of dates and timestamps; moments before are floored. */
import { monthsFromDays } from '../../iceberg/transform.ts'
import type { PrimitiveType } from '../../iceberg/types.ts'
import { isSet } from './bits.ts'
import { bytesOf, type FixedColumn, viewInt32 } from './column.ts'
import { divisorOf, floorQuotient } from './int64.ts'

const UNITS_PER_SECOND = { micros: 1e6, nanos: 1e9 }
const SECONDS = { hour: 3_600, day: 86_400 }

/** @throws RangeError when hours do not fit 32 bits. */
export function timeColumn(
  column: FixedColumn,
  type: PrimitiveType,
  unit: 'year' | 'month' | 'day' | 'hour',
): FixedColumn {
  if (unit === 'hour') return wholeUnits(column, type, 'hour')
  const days = type === 'date' ? column : wholeUnits(column, type, 'day')
  return unit === 'day' ? days : calendar(days, unit)
}

function wholeUnits(column: FixedColumn, type: PrimitiveType, unit: 'day' | 'hour'): FixedColumn {
  const perSecond = type.endsWith('_ns') ? UNITS_PER_SECOND.nanos : UNITS_PER_SECOND.micros
  const divisor = divisorOf(SECONDS[unit] * perSecond)
  const words = viewInt32(column.values)
  const { length, validity } = column
  const out = new Int32Array(length)
  for (let row = 0; row < length; row++) {
    const quotient = floorQuotient(words[row * 2] as number, words[row * 2 + 1] as number, divisor)
    out[row] = quotient
    if (out[row] !== quotient && (validity === undefined || isSet(validity, row))) {
      throw new RangeError(`a timestamp is too far from 1970 to be counted in ${unit}s`)
    }
  }
  return { ...column, width: 4, values: bytesOf(out) }
}

function calendar(days: FixedColumn, unit: 'year' | 'month'): FixedColumn {
  const source = viewInt32(days.values)
  const out = new Int32Array(days.length)
  let lastDay = 0
  let last = 0
  for (let row = 0; row < days.length; row++) {
    const day = source[row] as number
    // Rows of a batch are mostly of one day.
    if (day !== lastDay) {
      const months = monthsFromDays(day)
      last = unit === 'month' ? months : Math.floor(months / 12)
      lastDay = day
    }
    out[row] = last
  }
  return { ...days, values: bytesOf(out) }
}
