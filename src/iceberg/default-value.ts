/**
 * Default values of columns as metadata has them (Iceberg spec, "JSON single-value serialization"),
 * in the shape that `bounds.ts` describes. Primitives only.
 */
import { decimalOf, fixedLengthOf } from './primitive.ts'
import type { PrimitiveType, Value } from './types.ts'

const INT32 = 32
const INT64 = 64
const DAY_MS = 86_400_000
const UUID = /^[\da-f]{8}-[\da-f]{4}-[\da-f]{4}-[\da-f]{4}-[\da-f]{12}$/i
const TIME = /^(\d{2}):(\d{2})(?::(\d{2})(?:\.(\d{1,9}))?)?$/
const FRACTION_DIGITS = { micros: 6, nanos: 9 }

/** Undefined for what is no value of the type. */
export function parseDefault(type: PrimitiveType, json: unknown): Value | undefined {
  if (typeof json === 'boolean') return type === 'boolean' ? json : undefined
  if (typeof json === 'number' || typeof json === 'bigint') return numeric(type, json)
  if (typeof json !== 'string') return undefined
  const decimal = decimalOf(type)
  if (decimal) return unscaled(json, decimal)
  const width = fixedLengthOf(type)
  if (width !== undefined || type === 'binary') {
    const bytes = hex(json)
    return width === undefined || bytes?.length === width ? bytes : undefined
  }
  switch (type) {
    case 'string':
      return json
    case 'uuid':
      return UUID.test(json) ? hex(json.replaceAll('-', '')) : undefined
    case 'date':
      return daysOf(json)
    case 'time':
      return timeOf(json, FRACTION_DIGITS.micros)
    case 'timestamp':
    case 'timestamp_ns':
      return instantOf(json, type)
    case 'timestamptz':
    case 'timestamptz_ns':
      return json.endsWith('+00:00') ? instantOf(json.slice(0, -6), type) : undefined
    default:
      return undefined
  }
}

function numeric(type: PrimitiveType, json: number | bigint): Value | undefined {
  if (type === 'float' || type === 'double') return Number(json)
  if (type !== 'int' && type !== 'long') return undefined
  // Digits beyond these were lost when the document was read.
  if (typeof json === 'number' && !Number.isSafeInteger(json)) return undefined
  const value = BigInt(json)
  if (BigInt.asIntN(type === 'int' ? INT32 : INT64, value) !== value) return undefined
  return type === 'int' ? Number(value) : value
}

function unscaled(
  text: string,
  { precision, scale }: { readonly precision: number; readonly scale: number },
): bigint | undefined {
  const [, sign, whole, fraction = ''] = /^(-?)(\d+)(?:\.(\d+))?$/.exec(text) ?? []
  if (whole === undefined || fraction.length !== scale) return undefined
  const value = BigInt(`${sign}${whole}${fraction}`)
  const limit = 10n ** BigInt(precision)
  return value < limit && value > -limit ? value : undefined
}

function hex(text: string): Uint8Array | undefined {
  if (text.length % 2 !== 0 || !/^[\da-f]*$/i.test(text)) return undefined
  return new Uint8Array(Buffer.from(text, 'hex'))
}

function daysOf(text: string): number | undefined {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(text)) return undefined
  const ms = Date.parse(`${text}T00:00:00Z`)
  return Number.isNaN(ms) ? undefined : ms / DAY_MS
}

function timeOf(text: string, digits: number): bigint | undefined {
  const [, hour, minute, second = '00', fraction = ''] = TIME.exec(text) ?? []
  if (hour === undefined || minute === undefined || fraction.length > digits) return undefined
  if (Number(hour) > 23 || Number(minute) > 59 || Number(second) > 59) return undefined
  const seconds = Number(hour) * 3_600 + Number(minute) * 60 + Number(second)
  return BigInt(seconds) * 10n ** BigInt(digits) + BigInt(fraction.padEnd(digits, '0'))
}

function instantOf(text: string, type: PrimitiveType): bigint | undefined {
  const [date = '', time = ''] = text.split('T')
  const digits = type.endsWith('_ns') ? FRACTION_DIGITS.nanos : FRACTION_DIGITS.micros
  const days = daysOf(date)
  const ofDay = timeOf(time, digits)
  if (days === undefined || ofDay === undefined) return undefined
  const value = BigInt(days) * 86_400n * 10n ** BigInt(digits) + ofDay
  return BigInt.asIntN(INT64, value) === value ? value : undefined
}
