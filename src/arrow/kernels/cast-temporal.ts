/**
 * Dates to days, times to microseconds, timestamps to micro- or nanoseconds.
 *
 * Coarser is floor (also before 1970), finer is exact or an error. Null rows become zero, so that
 * whatever bytes a producer left there can neither fail nor leak.
 */
import type { TimeUnit } from '../schema.ts'
import { isSet } from './bits.ts'
import { bytesOf, type FixedColumn, viewInt32, viewInt64 } from './column.ts'

const PER_SECOND: Readonly<Record<TimeUnit, bigint>> = {
  s: 1n,
  ms: 1_000n,
  us: 1_000_000n,
  ns: 1_000_000_000n,
}
const MS_PER_DAY = 86_400_000n
const INT32_MAX = 2n ** 31n - 1n
const INT64_MAX = 2n ** 63n - 1n
const INT64_MIN = -(2n ** 63n)

/** @throws RangeError for a date64 beyond what 32-bit days hold. */
export function castDate(column: FixedColumn, unit: 'day' | 'ms'): FixedColumn {
  if (unit === 'day') return column
  const source = viewInt64(column.values)
  const out = new Int32Array(column.length)
  for (let row = 0; row < column.length; row++) {
    if (isNull(column, row)) continue
    const days = floorDivide(source[row] as bigint, MS_PER_DAY)
    if (days > INT32_MAX || days < -INT32_MAX - 1n) {
      throw new RangeError(`row ${row} has a date of ${source[row]} ms, which is out of range`)
    }
    out[row] = Number(days)
  }
  return { ...column, width: 4, values: bytesOf(out) }
}

/** To microseconds of the day in 64 bits. */
export function castTime(column: FixedColumn, unit: TimeUnit): FixedColumn {
  if (unit === 'us') return column
  const out = new BigInt64Array(column.length)
  if (unit === 'ns') {
    const source = viewInt64(column.values)
    for (let row = 0; row < column.length; row++) {
      if (!isNull(column, row)) out[row] = floorDivide(source[row] as bigint, 1_000n)
    }
  } else {
    const source = viewInt32(column.values)
    const factor = unit === 's' ? 1_000_000 : 1_000
    for (let row = 0; row < column.length; row++) {
      if (!isNull(column, row)) out[row] = BigInt((source[row] as number) * factor)
    }
  }
  return { ...column, width: 8, values: bytesOf(out) }
}

/** @throws RangeError for what {@link timestampOverflow} finds. */
export function castTimestamp(column: FixedColumn, from: TimeUnit, to: 'us' | 'ns'): FixedColumn {
  if (from === to) return column
  const overflow = timestampOverflow(column, from, to)
  if (overflow !== undefined) {
    throw new RangeError(`row ${overflow} has a timestamp that does not fit 64 bits of ${to}`)
  }
  const source = viewInt64(column.values)
  const out = new BigInt64Array(column.length)
  const factor = PER_SECOND[to] / PER_SECOND[from]
  const divisor = PER_SECOND[from] / PER_SECOND[to]
  for (let row = 0; row < column.length; row++) {
    if (isNull(column, row)) continue
    const value = source[row] as bigint
    out[row] = factor > 0n ? value * factor : floorDivide(value, divisor)
  }
  return { ...column, width: 8, values: bytesOf(out) }
}

/**
 * The first row whose timestamp would not fit when it is stored in `to`, if there is one. Ingest
 * asks it too, so that such a batch is refused before it is acknowledged.
 */
export function timestampOverflow(
  column: FixedColumn,
  from: TimeUnit,
  to: 'us' | 'ns',
): number | undefined {
  const factor = PER_SECOND[to] / PER_SECOND[from]
  if (factor <= 1n) return undefined
  const source = viewInt64(column.values)
  const most = INT64_MAX / factor
  const least = INT64_MIN / factor
  for (let row = 0; row < column.length; row++) {
    const value = source[row] as bigint
    if ((value > most || value < least) && !isNull(column, row)) return row
  }
  return undefined
}

function isNull(column: FixedColumn, row: number): boolean {
  return column.validity !== undefined && !isSet(column.validity, row)
}

function floorDivide(value: bigint, divisor: bigint): bigint {
  const quotient = value / divisor
  return value < 0n && quotient * divisor !== value ? quotient - 1n : quotient
}
