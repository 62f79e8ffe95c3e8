/**
 * Single values as bytes (Iceberg spec, Appendix D), and bounds cut short so that they still
 * enclose: a lower bound never rises, an upper bound never falls.
 *
 *     boolean                        boolean      1 byte
 *     int, date                      number       4 bytes, little-endian
 *     long, time, timestamp…         bigint       8 bytes, little-endian (µs; ns for …_ns)
 *     float, double                  number       4 or 8 bytes, little-endian
 *     decimal(P, S)                  bigint       unscaled, big-endian, as few bytes as hold it
 *     string                         string       UTF-8
 *     uuid, fixed[L], binary         Uint8Array   as they are
 */
import { ServiceError } from '../errors.ts'
import { decimalOf, fixedLengthOf } from './primitive.ts'
import type { PrimitiveType, Value } from './types.ts'

const UUID_BYTES = 16
const CODE_POINT_MAX = 0x10ffff
const SURROGATE_FIRST = 0xd800
const AFTER_SURROGATES = 0xe000

/**
 * The value in the shape above; integers may come as number or bigint whatever their width.
 *
 * @throws ServiceError `invalid` for a value that is not of the type.
 */
export function serializeValue(type: PrimitiveType, value: Value): Uint8Array {
  if (decimalOf(type) !== undefined) return minimalDecimal(bigintOf(value))
  const fixedLength = type === 'uuid' ? UUID_BYTES : fixedLengthOf(type)
  if (fixedLength !== undefined) return bytesOf(type, value, fixedLength)
  switch (type) {
    case 'boolean':
      if (typeof value === 'boolean') return Uint8Array.of(value ? 1 : 0)
      break
    case 'int':
    case 'date':
      return littleEndian(4, (view) => view.setInt32(0, int32Of(type, value), true))
    case 'long':
    case 'time':
    case 'timestamp':
    case 'timestamptz':
    case 'timestamp_ns':
    case 'timestamptz_ns':
      return littleEndian(8, (view) => view.setBigInt64(0, int64Of(type, value), true))
    case 'float':
      return littleEndian(4, (view) => view.setFloat32(0, numberOf(type, value), true))
    case 'double':
      return littleEndian(8, (view) => view.setFloat64(0, numberOf(type, value), true))
    case 'string':
      if (typeof value === 'string') return Buffer.from(value, 'utf8')
      break
    case 'binary':
      return bytesOf(type, value, undefined)
    default:
      break
  }
  throw notOfType(type, value)
}

/**
 * The value that {@link serializeValue} wrote, or undefined when the bytes fit no value. Widths
 * from before a promotion are understood: 4 bytes for a long, 4 bytes for a double.
 */
export function deserializeValue(type: PrimitiveType, bytes: Uint8Array): Value | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const width = bytes.length
  if (decimalOf(type) !== undefined) return width === 0 ? undefined : decimalFrom(bytes)
  switch (type) {
    case 'boolean':
      return width === 1 ? bytes[0] !== 0 : undefined
    case 'int':
    case 'date':
      return width === 4 ? view.getInt32(0, true) : undefined
    case 'long':
    case 'time':
    case 'timestamp':
    case 'timestamptz':
    case 'timestamp_ns':
    case 'timestamptz_ns':
      if (width === 4) return BigInt(view.getInt32(0, true))
      return width === 8 ? view.getBigInt64(0, true) : undefined
    case 'float':
      return width === 4 ? view.getFloat32(0, true) : undefined
    case 'double':
      if (width === 4) return view.getFloat32(0, true)
      return width === 8 ? view.getFloat64(0, true) : undefined
    case 'string':
      return Buffer.from(bytes).toString('utf8')
    case 'unknown':
      return undefined
    default:
      return bytes
  }
}

/** A bound at or below the value. `width` counts code points of strings, bytes of binaries. */
export function truncateLower(type: PrimitiveType, bytes: Uint8Array, width: number): Uint8Array {
  if (type === 'string') return bytes.subarray(0, codePointsEnd(bytes, width))
  return isBinary(type) ? bytes.subarray(0, width) : bytes
}

/** A bound at or above the value; undefined when no short one exists. */
export function truncateUpper(
  type: PrimitiveType,
  bytes: Uint8Array,
  width: number,
): Uint8Array | undefined {
  if (type === 'string') {
    const end = codePointsEnd(bytes, width)
    return end === bytes.length ? bytes : stringAbove(bytes.subarray(0, end))
  }
  if (!isBinary(type) || bytes.length <= width) return bytes
  return binaryAbove(bytes.subarray(0, width))
}

/** Two's complement, big-endian, without redundant sign bytes. */
export function minimalDecimal(unscaled: bigint): Uint8Array {
  let bytes = 1
  while (BigInt.asIntN(bytes * 8, unscaled) !== unscaled) bytes += 1
  return paddedDecimal(unscaled, bytes)
}

/** Two's complement, big-endian, sign-extended to `length` bytes. */
export function paddedDecimal(unscaled: bigint, length: number): Uint8Array {
  const bytes = new Uint8Array(length)
  let rest = unscaled
  for (let i = length - 1; i >= 0; i -= 1) {
    bytes[i] = Number(BigInt.asUintN(8, rest))
    rest >>= 8n
  }
  return bytes
}

/** The unscaled value of big-endian two's complement bytes. */
export function decimalFrom(bytes: Uint8Array): bigint {
  let value = 0n
  for (const byte of bytes) value = (value << 8n) | BigInt(byte)
  return BigInt.asIntN(bytes.length * 8, value)
}

/** An integer whichever way it came. @throws ServiceError `invalid` for what is no integer. */
export function bigintOf(value: Value): bigint {
  if (typeof value === 'bigint') return value
  if (typeof value === 'number' && Number.isSafeInteger(value)) return BigInt(value)
  throw new ServiceError('invalid', `a ${typeof value} is not an integer`)
}

function isBinary(type: PrimitiveType): boolean {
  return type === 'binary' || fixedLengthOf(type) !== undefined
}

/** Where the first `count` code points of UTF-8 bytes end. */
function codePointsEnd(bytes: Uint8Array, count: number): number {
  if (bytes.length <= count) return bytes.length
  let started = 0
  for (let i = 0; i < bytes.length; i += 1) {
    const isContinuation = (bytes[i]! & 0xc0) === 0x80
    if (isContinuation) continue
    if (started === count) return i
    started += 1
  }
  return bytes.length
}

/** The shortest string above all that begin with this prefix. */
function stringAbove(prefix: Uint8Array): Uint8Array | undefined {
  const codePoints = Array.from(Buffer.from(prefix).toString('utf8'), (c) => c.codePointAt(0)!)
  for (let last = codePoints.length - 1; last >= 0; last -= 1) {
    const codePoint = codePoints[last]!
    if (codePoint === CODE_POINT_MAX) continue
    // Surrogates are no characters, so the one after U+D7FF is U+E000.
    const above = codePoint + 1 === SURROGATE_FIRST ? AFTER_SURROGATES : codePoint + 1
    return Buffer.from(String.fromCodePoint(...codePoints.slice(0, last), above), 'utf8')
  }
  return undefined
}

function binaryAbove(prefix: Uint8Array): Uint8Array | undefined {
  let last = prefix.length - 1
  while (last >= 0 && prefix[last] === 0xff) last -= 1
  if (last < 0) return undefined
  const above = Uint8Array.from(prefix.subarray(0, last + 1))
  above[last]! += 1
  return above
}

function littleEndian(length: number, write: (view: DataView) => void): Uint8Array {
  const bytes = new Uint8Array(length)
  write(new DataView(bytes.buffer))
  return bytes
}

function numberOf(type: PrimitiveType, value: Value): number {
  if (typeof value === 'number') return value
  throw notOfType(type, value)
}

function int32Of(type: PrimitiveType, value: Value): number {
  const integer = bigintOf(value)
  if (BigInt.asIntN(32, integer) === integer) return Number(integer)
  throw notOfType(type, value)
}

function int64Of(type: PrimitiveType, value: Value): bigint {
  const integer = bigintOf(value)
  if (BigInt.asIntN(64, integer) === integer) return integer
  throw notOfType(type, value)
}

function bytesOf(type: PrimitiveType, value: Value, length: number | undefined): Uint8Array {
  if (value instanceof Uint8Array && (length === undefined || value.length === length)) return value
  throw notOfType(type, value)
}

function notOfType(type: PrimitiveType, value: Value): ServiceError {
  const shown = value instanceof Uint8Array ? `${value.length} bytes` : String(value).slice(0, 60)
  return new ServiceError('invalid', `${shown} is not a value of type ${type}`)
}
