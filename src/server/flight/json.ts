/**
 * Pure: JSON in which integers keep all their digits, both ways.
 *
 * Sequences and snapshot ids are int64; a double would round them. Integers beyond 2^53 are read
 * as bigint, and every bigint is written as a plain JSON integer.
 */

type Source = { readonly source?: string }
const parse = JSON.parse as (
  text: string,
  revive: (key: string, value: unknown, context: Source) => unknown,
) => unknown
const { rawJSON } = JSON as unknown as { rawJSON(this: void, text: string): unknown }

/** @throws SyntaxError for what is not JSON. */
export function parseJson(text: string): unknown {
  return parse(text, (_key, value, { source }) =>
    typeof value === 'number' && !Number.isSafeInteger(value) && /^-?\d+$/.test(source ?? '')
      ? BigInt(source as string)
      : value,
  )
}

export function formatJson(value: unknown): string {
  return JSON.stringify(value, (_key, inner) =>
    typeof inner === 'bigint' ? rawJSON(inner.toString()) : inner,
  )
}

/** A plain object, or undefined for every other value. */
export function asObject(value: unknown): Readonly<Record<string, unknown>> | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Readonly<Record<string, unknown>>)
    : undefined
}
