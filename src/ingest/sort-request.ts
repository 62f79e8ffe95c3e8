/** Pure: what a client asks for (`ts`, descending) as the sort order of the new table. */
import { ServiceError } from '../errors.ts'
import { checkSortOrder } from '../iceberg/partition.ts'
import { fieldByPath } from '../iceberg/schema.ts'
import type { Schema, SortField, SortOrder } from '../iceberg/types.ts'

export interface SortRequest {
  readonly column: string
  /** `identity`, `day`, `bucket[16]`, … */
  readonly transform: string
  readonly direction: 'asc' | 'desc'
  readonly nullOrder: 'nulls-first' | 'nulls-last'
}

/** @throws ServiceError `invalid`, naming the column that is missing or cannot be sorted by. */
export function sortOrderFor(schema: Schema, requests: readonly SortRequest[]): SortOrder {
  const fields = requests.map(({ column, transform, direction, nullOrder }): SortField => {
    const source = fieldByPath(schema, column)
    if (source === undefined) {
      throw new ServiceError('invalid', `cannot sort by ${column}: there is no such column`)
    }
    return { transform, 'source-id': source.id, direction, 'null-order': nullOrder }
  })
  const order = { 'order-id': fields.length > 0 ? 1 : 0, fields }
  checkSortOrder(schema, order)
  return order
}
