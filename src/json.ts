/**
 * JSON without loss: snapshot ids, row ids and sequence numbers are int64, and a plain
 * `JSON.parse` rounds them beyond 2^53.
 *
 * Promises: an integer that is read and written again has the same digits. Does not promise the
 * spelling of fractions (`1.0` comes back as `1`).
 */
import { ServiceError } from './errors.ts'

const INTEGER = /^-?\d+$/
/** Longer than any integer that Iceberg knows; bounds the work of reading one. */
const INTEGER_DIGITS_MAX = 64

/** The part of the engine's JSON that its type declarations do not have yet. */
interface SourceTextJson {
  parse(text: string, reviver: Reviver): unknown
  rawJSON(text: string): object
}
type Reviver = (key: string, value: unknown, context: { readonly source?: string }) => unknown

const sourceTextJson = JSON as unknown as SourceTextJson

/**
 * Integers beyond 2^53 become `bigint`, all other numbers `number`.
 *
 * @throws ServiceError `invalid` for text that is not JSON.
 */
export function parseJson(text: string): unknown {
  try {
    return sourceTextJson.parse(text, reviveInteger)
  } catch (thrown) {
    if (thrown instanceof ServiceError) throw thrown
    throw new ServiceError('invalid', 'text is not valid JSON', { cause: thrown })
  }
}

/** Writes `bigint` as a JSON integer. Members that are undefined are left out. */
export function stringifyJson(value: unknown, indent?: number): string {
  return JSON.stringify(value, replaceBigint, indent)
}

function reviveInteger(_key: string, value: unknown, { source }: { readonly source?: string }) {
  if (typeof value !== 'number' || Number.isSafeInteger(value)) return value
  if (source === undefined || !INTEGER.test(source)) return value
  if (source.length > INTEGER_DIGITS_MAX) {
    throw new ServiceError('invalid', `an integer of ${source.length} digits is no int64`)
  }
  return BigInt(source)
}

function replaceBigint(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? sourceTextJson.rawJSON(value.toString()) : value
}

/** A plain object, or undefined for every other value. */
export function asObject(value: unknown): Readonly<Record<string, unknown>> | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Readonly<Record<string, unknown>>)
    : undefined
}

/** Member names as our JSON has them, at every depth: `lastSequence` → `last_sequence`. */
export function snakeCase(value: object): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => [
      name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
      snakeCaseWithin(member),
    ]),
  )
}

function snakeCaseWithin(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(snakeCaseWithin)
  return asObject(value) === undefined ? value : snakeCase(value as object)
}
