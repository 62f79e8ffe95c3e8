/**
 * What a manifest's row says about its partitions: for each field of the spec whether there are
 * nulls and NaNs, and the least and the greatest value. Readers skip manifests by this, so a
 * bound never excludes a value that is there.
 */
import { serializeValue } from './bounds.ts'
import type { FieldSummary } from './manifest-list.ts'
import type { PrimitiveType, Value } from './types.ts'

/** One summary for each type, over partitions that have a value for each of them. */
export function summarizePartitions(
  types: readonly PrimitiveType[],
  partitions: readonly (readonly (Value | null)[])[],
): FieldSummary[] {
  return types.map((type, i) =>
    summarize(
      type,
      partitions.map((partition) => partition[i] ?? null),
    ),
  )
}

function summarize(type: PrimitiveType, values: readonly (Value | null)[]): FieldSummary {
  let lower: Value | undefined
  let upper: Value | undefined
  let containsNull = false
  let containsNan = false
  for (const value of values) {
    if (value === null) containsNull = true
    else if (Number.isNaN(value)) containsNan = true
    else {
      if (lower === undefined || compareValues(type, value, lower) < 0) lower = value
      if (upper === undefined || compareValues(type, value, upper) > 0) upper = value
    }
  }
  return {
    containsNull,
    containsNan,
    lowerBound: lower === undefined ? undefined : serializeValue(type, lower),
    upperBound: upper === undefined ? undefined : serializeValue(type, upper),
  }
}

/** The specification's order: strings and bytes by unsigned bytes, -0.0 before +0.0. */
export function compareValues(type: PrimitiveType, a: Value, b: Value): number {
  if (typeof a === 'string' || a instanceof Uint8Array) {
    return Buffer.compare(serializeValue(type, a), serializeValue(type, b))
  }
  if (a < b) return -1
  if (a > b) return 1
  const isFloating = type === 'float' || type === 'double'
  if (!isFloating || Object.is(a, b)) return 0
  return Object.is(a, -0) ? -1 : 1
}
