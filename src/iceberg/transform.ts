/**
 * Partition transforms (Iceberg spec, "Partition Transforms" and Appendix B).
 *
 * A value has the shape that `bounds.ts` describes for its type. Null in is null out, always.
 * Transforms that are not known here can be carried in a spec, but not applied.
 */
import { ServiceError, unreachable } from '../errors.ts'
import { bigintOf, minimalDecimal, serializeValue } from './bounds.ts'
import { murmur3 } from './murmur3.ts'
import { decimalOf } from './primitive.ts'
import type { PrimitiveType, Transform, Value } from './types.ts'

export type ParsedTransform =
  | { readonly kind: 'identity' | 'year' | 'month' | 'day' | 'hour' | 'void' | 'unknown' }
  | { readonly kind: 'bucket'; readonly buckets: number }
  | { readonly kind: 'truncate'; readonly width: number }

export type TransformFunction = (value: Value | null) => Value | null

const NOT_BUCKETED = new Set<PrimitiveType>(['boolean', 'float', 'double', 'unknown'])
const TRUNCATED = new Set<PrimitiveType>(['int', 'long', 'string', 'binary'])
const PARAMETER_MAX = 2 ** 31 - 1
const MICROS_PER_HOUR = 3_600_000_000n
const MICROS_PER_DAY = 24n * MICROS_PER_HOUR

/** @throws ServiceError `invalid` for a bucket count or a width of 0 or beyond int32. */
export function parseTransform(transform: Transform): ParsedTransform {
  const [, name, digits] = /^(bucket|truncate)\[(\d{1,10})\]$/.exec(transform) ?? []
  if (name !== undefined) {
    const parameter = Number(digits)
    if (parameter < 1 || parameter > PARAMETER_MAX) {
      throw new ServiceError('invalid', `transform ${transform} needs a number from 1 to 2^31 - 1`)
    }
    return name === 'bucket'
      ? { kind: 'bucket', buckets: parameter }
      : { kind: 'truncate', width: parameter }
  }
  switch (transform) {
    case 'identity':
    case 'year':
    case 'month':
    case 'day':
    case 'hour':
    case 'void':
      return { kind: transform }
    default:
      return { kind: 'unknown' }
  }
}

/** The type of partition values. @throws ServiceError `invalid` when it cannot be applied. */
export function resultType(transform: Transform, sourceType: PrimitiveType): PrimitiveType {
  const parsed = parseTransform(transform)
  const isTimestamp = sourceType.startsWith('timestamp')
  const isDay = isTimestamp || sourceType === 'date'
  switch (parsed.kind) {
    case 'identity':
    case 'void':
      return sourceType
    case 'bucket':
      if (!NOT_BUCKETED.has(sourceType)) return 'int'
      break
    case 'truncate':
      if (TRUNCATED.has(sourceType) || decimalOf(sourceType) !== undefined) return sourceType
      break
    case 'day':
      if (isDay) return 'date'
      break
    case 'year':
    case 'month':
      if (isDay) return 'int'
      break
    case 'hour':
      if (isTimestamp) return 'int'
      break
    case 'unknown':
      throw new ServiceError('invalid', `transform ${JSON.stringify(transform)} is not offered`)
  }
  throw new ServiceError('invalid', `transform ${transform} cannot be applied to ${sourceType}`)
}

/** @throws ServiceError `invalid` when the transform cannot be applied to the type. */
export function transformFunction(
  transform: Transform,
  sourceType: PrimitiveType,
): TransformFunction {
  resultType(transform, sourceType)
  const apply = applied(parseTransform(transform), sourceType)
  return (value) => (value === null ? null : apply(value))
}

function applied(transform: ParsedTransform, type: PrimitiveType): (value: Value) => Value | null {
  switch (transform.kind) {
    case 'identity':
      return (value) => value
    case 'bucket':
      return (value) => (murmur3(hashedBytes(type, value)) & 0x7fffffff) % transform.buckets
    case 'truncate':
      return (value) => truncated(type, value, transform.width)
    case 'year':
      return (value) => Math.floor(monthsFromDays(daysOf(type, value)) / 12)
    case 'month':
      return (value) => monthsFromDays(daysOf(type, value))
    case 'day':
      return (value) => daysOf(type, value)
    case 'hour':
      return (value) => Number(floorDivide(microsOf(type, value), MICROS_PER_HOUR))
    case 'void':
    case 'unknown':
      return () => null
    default:
      return unreachable(transform)
  }
}

/** What is hashed: all integers and times as 8 bytes, so that int and long agree. */
function hashedBytes(type: PrimitiveType, value: Value): Uint8Array {
  if (decimalOf(type) !== undefined) return minimalDecimal(bigintOf(value))
  switch (type) {
    case 'int':
    case 'long':
    case 'date':
    case 'time':
      return serializeValue('long', bigintOf(value))
    case 'timestamp':
    case 'timestamptz':
    case 'timestamp_ns':
    case 'timestamptz_ns':
      return serializeValue('long', microsOf(type, value))
    default:
      return serializeValue(type, value)
  }
}

function truncated(type: PrimitiveType, value: Value, width: number): Value {
  if (typeof value === 'string') return truncateString(value, width)
  if (value instanceof Uint8Array) return value.subarray(0, width)
  const unscaled = bigintOf(value)
  const floor = floorDivide(unscaled, BigInt(width)) * BigInt(width)
  return type === 'int' ? Number(floor) : floor
}

function truncateString(text: string, codePoints: number): string {
  if (text.length <= codePoints) return text
  let end = 0
  for (let i = 0; i < codePoints && end < text.length; i += 1) {
    end += text.codePointAt(end)! > 0xffff ? 2 : 1
  }
  return text.slice(0, end)
}

const DAYS_PER_ERA = 146_097
/** From 0000-03-01, where an era of 400 years begins, to 1970-01-01. */
const DAYS_BEFORE_EPOCH = 719_468
/** From March of the year 0 to January 1970. */
const MONTHS_BEFORE_EPOCH = 1970 * 12 - 2

/**
 * Whole months since 1970-01 in the proleptic Gregorian calendar, for every int32 of days: `Date`
 * ends long before. Years are counted from March, so that the leap day is the last one.
 */
export function monthsFromDays(days: number): number {
  const shifted = days + DAYS_BEFORE_EPOCH
  const era = Math.floor(shifted / DAYS_PER_ERA)
  const day = shifted - era * DAYS_PER_ERA
  const leaps = Math.floor(day / 1460) - Math.floor(day / 36_524) + Math.floor(day / 146_096)
  const year = Math.floor((day - leaps) / 365)
  const dayOfYear = day - (365 * year + Math.floor(year / 4) - Math.floor(year / 100))
  const month = Math.floor((5 * dayOfYear + 2) / 153)
  return (era * 400 + year) * 12 + month - MONTHS_BEFORE_EPOCH
}

function daysOf(type: PrimitiveType, value: Value): number {
  if (type === 'date') return Number(bigintOf(value))
  return Number(floorDivide(microsOf(type, value), MICROS_PER_DAY))
}

function microsOf(type: PrimitiveType, value: Value): bigint {
  const time = bigintOf(value)
  return type.endsWith('_ns') ? floorDivide(time, 1000n) : time
}

function floorDivide(a: bigint, b: bigint): bigint {
  const quotient = a / b
  return a % b !== 0n && a < 0n ? quotient - 1n : quotient
}
