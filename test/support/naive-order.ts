/** The order of values as the specification words it, one comparison at a time. */

import { compareValues } from '../../src/iceberg/partition-summary.ts'
import type { PrimitiveType, SortField, Value } from '../../src/iceberg/types.ts'

/** NaN above everything, and all NaNs alike, as Java has it. */
export function compareInOrder(type: PrimitiveType, a: Value, b: Value): number {
  if (Number.isNaN(a) || Number.isNaN(b)) return Number(Number.isNaN(a)) - Number(Number.isNaN(b))
  return compareValues(type, a, b)
}

export function compareNullable(
  type: PrimitiveType,
  field: Pick<SortField, 'direction' | 'null-order'>,
  [a, b]: readonly [Value | null, Value | null],
): number {
  const nullsFirst = field['null-order'] === 'nulls-first'
  if (a === null || b === null) {
    if (a === b) return 0
    return (a === null) === nullsFirst ? -1 : 1
  }
  const order = compareInOrder(type, a, b)
  return field.direction === 'asc' ? order : -order
}

/** Equal exactly when they are the same partition: -0.0 is not 0.0, NaN is NaN. */
export function identityOf(value: Value | null): string {
  if (value instanceof Uint8Array) return `x${Buffer.from(value).toString('hex')}`
  return Object.is(value, -0) ? '-0' : `${typeof value} ${String(value)}`
}
