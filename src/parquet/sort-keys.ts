/** What the rows of batches are sorted by, as words that `sortRows` takes. */
import type { StructColumn } from '../arrow/kernels/column.ts'
import { concatColumns } from '../arrow/kernels/concat.ts'
import { orderKey } from '../arrow/kernels/order-key.ts'
import { columnById } from '../arrow/kernels/project.ts'
import { columnTransform } from '../arrow/kernels/transform.ts'
import { ServiceError } from '../errors.ts'
import { checkSortOrder, resultType } from '../iceberg/partition.ts'
import { isPrimitive, positionById } from '../iceberg/schema.ts'
import type { PrimitiveType, Schema, SortField, SortOrder } from '../iceberg/types.ts'

/** The key of all rows of the batches, most significant word first. */
export type SortKeys = (batches: readonly StructColumn[]) => Uint32Array[]

/** Undefined when there is no order, or none that the rows can be brought into: unsorted is legal. */
export function sortKeys(schema: Schema, order: SortOrder | undefined): SortKeys | undefined {
  if (order === undefined || order.fields.length === 0 || !isOffered(schema, order))
    return undefined
  const fields = order.fields.map((field) => fieldKeys(field, schema))
  return (batches) => fields.flatMap((keys) => keys(batches))
}

function isOffered(schema: Schema, order: SortOrder): boolean {
  try {
    checkSortOrder(schema, order)
    return true
  } catch (error) {
    // Its column was dropped, or another writer's transform is not known here.
    if (error instanceof ServiceError) return false
    throw error
  }
}

function fieldKeys(field: SortField, schema: Schema): SortKeys {
  const source = typeOf(schema, field['source-id'])
  const result = resultType(field.transform, source)
  const transform = columnTransform(field.transform, source)
  const order = {
    isDescending: field.direction === 'desc',
    nullsFirst: field['null-order'] === 'nulls-first',
  }
  return (batches) => {
    const columns = batches.map((batch) => {
      const column = columnById(batch, schema, field['source-id'])
      if (!column) throw new RangeError(`sort field ${field['source-id']} has no source column`)
      return column
    })
    return orderKey(transform(concatColumns(columns)), result, order)
  }
}

function typeOf(schema: Schema, id: number): PrimitiveType {
  const type = positionById(schema, id)?.field.type
  if (type !== undefined && isPrimitive(type)) return type
  throw new RangeError(`sort field ${id} has no primitive column`)
}
