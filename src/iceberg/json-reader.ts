/**
 * Reading parsed JSON as what the specification says it is. Every function takes the value and
 * its path, and names both when they disagree. Absent and null are the same everywhere, because
 * writers disagree about which one to use for "none".
 */
import { ServiceError } from '../errors.ts'

export type JsonObject = Readonly<Record<string, unknown>>

const INT64_MAX = 2n ** 63n - 1n
const INT32_MAX = 2 ** 31 - 1

export function readObject(value: unknown, path: string): JsonObject {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    return value as JsonObject
  }
  throw unexpected(value, path, 'an object')
}

export function readArray(value: unknown, path: string): readonly unknown[] {
  if (Array.isArray(value)) return value
  throw unexpected(value, path, 'an array')
}

export function readString(value: unknown, path: string): string {
  if (typeof value === 'string') return value
  throw unexpected(value, path, 'a string')
}

export function readBoolean(value: unknown, path: string): boolean {
  if (typeof value === 'boolean') return value
  throw unexpected(value, path, 'a boolean')
}

/** A 32-bit integer: ids of schemas, specs, orders and fields. */
export function readInt(value: unknown, path: string): number {
  if (Number.isInteger(value) && Math.abs(value as number) <= INT32_MAX) return value as number
  throw unexpected(value, path, 'a 32-bit integer')
}

/** A safe integer: milliseconds and sizes. */
export function readNumber(value: unknown, path: string): number {
  if (Number.isSafeInteger(value)) return value as number
  throw unexpected(value, path, 'an integer')
}

/** An int64 identity, always as `bigint`. */
export function readLong(value: unknown, path: string): bigint {
  if (Number.isSafeInteger(value)) return BigInt(value as number)
  if (typeof value === 'bigint' && value <= INT64_MAX && value >= -INT64_MAX - 1n) return value
  throw unexpected(value, path, 'a 64-bit integer')
}

export function readStringMap(value: unknown, path: string): Record<string, string> {
  const entries = Object.entries(readObject(value, path))
  return Object.fromEntries(entries.map(([k, v]) => [k, readString(v, `${path}.${k}`)]))
}

/** Undefined for absent and null, else what `read` makes of it. */
export function optional<T>(
  value: unknown,
  path: string,
  read: (value: unknown, path: string) => T,
): T | undefined {
  return value === undefined || value === null ? undefined : read(value, path)
}

export function readEach<T>(
  value: unknown,
  path: string,
  read: (value: unknown, path: string) => T,
): T[] {
  return readArray(value, path).map((item, i) => read(item, `${path}[${i}]`))
}

/** Copies without the members that are undefined: an absent member and none are one thing. */
export function compact<T extends object>(value: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  const kept = Object.entries(value).filter(([, member]) => member !== undefined)
  return Object.fromEntries(kept) as { [K in keyof T]: Exclude<T[K], undefined> }
}

function unexpected(value: unknown, path: string, expected: string): ServiceError {
  return new ServiceError('invalid', `${path} is ${describe(value)} where ${expected} belongs`)
}

function describe(value: unknown): string {
  if (value === undefined) return 'missing'
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'an array'
  if (typeof value === 'object') return 'an object'
  const text = typeof value === 'bigint' ? `${value}` : JSON.stringify(value)
  return text.length > 60 ? `${text.slice(0, 60)}…` : text
}
