/** What a server says in JSON, read with all its digits: sequences and snapshot ids are int64. */
import { ServiceError } from '../errors.ts'
import { parseJson as parseLossless } from '../json.ts'

export { stringifyJson as formatJson } from '../json.ts'

/** @throws ServiceError `internal` when the text is not JSON: it came from the server. */
export function parseJson(text: string): unknown {
  try {
    return parseLossless(text)
  } catch (cause) {
    throw new ServiceError('internal', 'the server sent metadata that is not JSON', { cause })
  }
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
