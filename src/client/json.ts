/**
 * JSON with whole int64s: a log's sequence and a snapshot's id do not fit a double.
 *
 * Integers beyond 2^53 are read as bigint, others as numbers; bigints are written as integers.
 */
import { ServiceError } from '../errors.ts'

type SourceReviver = (key: string, value: unknown, context: { source?: string }) => unknown

const keepIntegers: SourceReviver = (_key, value, { source }) =>
  typeof value === 'number' && !Number.isSafeInteger(value) && /^-?\d+$/.test(source ?? '')
    ? BigInt(source ?? '')
    : value

/** @throws ServiceError `internal` when the text is not JSON: it came from the server. */
export function parseJson(text: string): unknown {
  try {
    // The third argument (the source text) is in the language and not yet in the compiler's types.
    return JSON.parse(text, keepIntegers as (key: string, value: unknown) => unknown)
  } catch (cause) {
    throw new ServiceError('internal', 'the server sent metadata that is not JSON', { cause })
  }
}

const json = JSON as unknown as { rawJSON(text: string): unknown }

export function formatJson(value: unknown, indent?: number): string {
  return JSON.stringify(
    value,
    (_key, member: unknown) => (typeof member === 'bigint' ? json.rawJSON(String(member)) : member),
    indent,
  )
}

/** The members of a JSON object; none when it is something else. */
export function members(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? { ...value } : {}
}

/** An int64 that a server wrote as a number or as text. */
export function asBigint(value: unknown): bigint | undefined {
  if (typeof value === 'bigint') return value
  if (typeof value === 'number' && Number.isSafeInteger(value)) return BigInt(value)
  return typeof value === 'string' && /^-?\d+$/.test(value) ? BigInt(value) : undefined
}
