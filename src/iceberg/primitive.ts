/** Primitive types and their parameters: `decimal(9, 2)`, `fixed[16]`, and all that have none. */
import { ServiceError } from '../errors.ts'
import type { PrimitiveType } from './types.ts'

export const DECIMAL_PRECISION_MAX = 38

const DECIMAL = /^decimal\(\s*(\d{1,3})\s*,\s*(\d{1,3})\s*\)$/
const FIXED = /^fixed\[\s*(\d{1,9})\s*\]$/
const PLAIN: ReadonlySet<string> = new Set<PrimitiveType>([
  'boolean',
  'int',
  'long',
  'float',
  'double',
  'date',
  'time',
  'timestamp',
  'timestamptz',
  'timestamp_ns',
  'timestamptz_ns',
  'string',
  'uuid',
  'binary',
  'unknown',
])

/** @throws ServiceError `invalid` when the precision is not 1 to 38 or the scale exceeds it. */
export function decimalType(precision: number, scale: number): PrimitiveType {
  if (precision < 1 || precision > DECIMAL_PRECISION_MAX || scale < 0 || scale > precision) {
    throw new ServiceError(
      'invalid',
      `decimal(${precision}, ${scale}) is not a type: use precision 1 to 38 and scale 0 to precision`,
    )
  }
  return `decimal(${precision}, ${scale})`
}

/** @throws ServiceError `invalid` for a length below 1. */
export function fixedType(length: number): PrimitiveType {
  if (length < 1) throw new ServiceError('invalid', `fixed[${length}] is not a type`)
  return `fixed[${length}]`
}

export function decimalOf(
  type: string,
): { readonly precision: number; readonly scale: number } | undefined {
  const match = DECIMAL.exec(type)
  return match === null ? undefined : { precision: Number(match[1]), scale: Number(match[2]) }
}

/** The length in bytes of a `fixed[L]`. */
export function fixedLengthOf(type: string): number | undefined {
  const match = FIXED.exec(type)
  return match === null ? undefined : Number(match[1])
}

/** In the one spelling that compares equal. @throws ServiceError `invalid`, `unsupported`. */
export function parsePrimitive(text: string): PrimitiveType {
  if (PLAIN.has(text)) return text as PrimitiveType
  const decimal = decimalOf(text)
  if (decimal !== undefined) return decimalType(decimal.precision, decimal.scale)
  const length = fixedLengthOf(text)
  if (length !== undefined) return fixedType(length)
  throw new ServiceError('unsupported', `type ${JSON.stringify(text.slice(0, 60))} is not offered`)
}

/** Bytes that the unscaled value of any decimal of this precision fits in. */
export function decimalBytes(precision: number): number {
  let bytes = 1
  while (2n ** BigInt(bytes * 8 - 1) <= 10n ** BigInt(precision) - 1n) bytes += 1
  return bytes
}
