/**
 * Single values by the specification's Appendix D, written again for the checker: bytes to what
 * can be compared, and the transforms that can be judged from bounds.
 */

/** Numbers, days and instants as bigint or number, the rest as bytes. */
export type Comparable = bigint | number | Buffer

export function decodeBound(type: string, bytes: Buffer): Comparable {
  if (type.startsWith('decimal')) return signedBigEndian(bytes)
  switch (type) {
    case 'boolean':
      return bytes[0] ?? 0
    case 'int':
    case 'date':
      return BigInt(exactly(bytes, 4).readInt32LE())
    // The bound of a widened column keeps the width that it was written with.
    case 'long':
      return bytes.length === 4 ? BigInt(bytes.readInt32LE()) : exactly(bytes, 8).readBigInt64LE()
    case 'time':
    case 'timestamp':
    case 'timestamptz':
    case 'timestamp_ns':
    case 'timestamptz_ns':
      return exactly(bytes, 8).readBigInt64LE()
    case 'float':
      return exactly(bytes, 4).readFloatLE()
    case 'double':
      return bytes.length === 4 ? bytes.readFloatLE() : exactly(bytes, 8).readDoubleLE()
    default:
      return bytes
  }
}

/** Statistics of a Parquet column chunk are in Parquet's plain encoding. */
export function decodeStatistic(type: string, physical: number, bytes: Buffer): Comparable {
  if (!type.startsWith('decimal')) return decodeBound(type, bytes)
  if (physical === 1) return BigInt(bytes.readInt32LE())
  if (physical === 2) return bytes.readBigInt64LE()
  return signedBigEndian(bytes)
}

export function compare(a: Comparable, b: Comparable): number {
  if (Buffer.isBuffer(a) && Buffer.isBuffer(b)) return Buffer.compare(a, b)
  if (a < b) return -1
  return a > b ? 1 : 0
}

export function isMinimalDecimal(bytes: Buffer): boolean {
  if (bytes.length === 0) return false
  const [first = 0, second = 0] = bytes
  if (bytes.length === 1) return true
  return !((first === 0 && second < 0x80) || (first === 0xff && second >= 0x80))
}

/** The partition of a value; undefined when only the value's hash would tell. */
export function transformed(
  transform: string,
  type: string,
  value: Comparable,
): Comparable | undefined {
  if (transform === 'identity') return value
  const [, width] = /^truncate\[(\d+)\]$/.exec(transform) ?? []
  if (width !== undefined) return truncated(type, value, Number(width))
  if (typeof value !== 'bigint') return undefined
  const days = daysOf(type, value)
  switch (transform) {
    case 'day':
      return days
    case 'hour':
      return floorDivide(micros(type, value), 3_600_000_000n)
    case 'month':
      return BigInt(civil(days).months)
    case 'year':
      return BigInt(civil(days).year)
    default:
      return undefined
  }
}

function truncated(type: string, value: Comparable, width: number): Comparable | undefined {
  if (typeof value === 'bigint') return floorDivide(value, BigInt(width)) * BigInt(width)
  if (!Buffer.isBuffer(value)) return undefined
  if (type !== 'string') return value.subarray(0, width)
  return Buffer.from(Array.from(value.toString('utf8')).slice(0, width).join(''))
}

function micros(type: string, value: bigint): bigint {
  return type.endsWith('_ns') ? floorDivide(value, 1000n) : value
}

function daysOf(type: string, value: bigint): bigint {
  return type === 'date' ? value : floorDivide(micros(type, value), 86_400_000_000n)
}

/** Months and years since 1970 by the days of the proleptic Gregorian calendar, without `Date`. */
function civil(days: bigint): { readonly months: number; readonly year: number } {
  const shifted = days + 719_468n
  const era = floorDivide(shifted, 146_097n)
  const dayOfEra = Number(shifted - era * 146_097n)
  const yearOfEra = Math.floor(
    (dayOfEra -
      Math.floor(dayOfEra / 1460) +
      Math.floor(dayOfEra / 36_524) -
      Math.floor(dayOfEra / 146_096)) /
      365,
  )
  const dayOfYear =
    dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100))
  const shiftedMonth = Math.floor((5 * dayOfYear + 2) / 153)
  const month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
  const year = Number(era) * 400 + yearOfEra + (month <= 2 ? 1 : 0)
  return { months: (year - 1970) * 12 + month - 1, year: year - 1970 }
}

function floorDivide(a: bigint, b: bigint): bigint {
  const quotient = a / b
  return a % b !== 0n && a < 0n !== b < 0n ? quotient - 1n : quotient
}

function signedBigEndian(bytes: Buffer): bigint {
  return bytes.length === 0
    ? 0n
    : BigInt.asIntN(bytes.length * 8, BigInt(`0x${bytes.toString('hex')}`))
}

function exactly(bytes: Buffer, length: number): Buffer {
  if (bytes.length !== length) throw new Error(`${bytes.length} bytes where ${length} belong`)
  return bytes
}
