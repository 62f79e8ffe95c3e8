/**
 * Partition transforms over whole columns (Iceberg spec, "Partition Transforms").
 *
 * Promises: row by row what `transformFunction` of `src/iceberg/transform.ts` gives, as a column
 * of the transform's result type; a null stays a null. A value whose result does not fit that type
 * is an error.
 */
import { unreachable } from '../../errors.ts'
import { type ParsedTransform, parseTransform, resultType } from '../../iceberg/transform.ts'
import type { PrimitiveType, Transform } from '../../iceberg/types.ts'
import { primitiveLayout } from './cast.ts'
import { type Column, type FixedColumn, nullColumn } from './column.ts'
import { bucketColumn } from './transform-bucket.ts'
import { timeColumn } from './transform-time.ts'
import { truncateColumn } from './transform-truncate.ts'

export type ColumnTransform = (column: Column) => Column

/**
 * Columns given to the result must be of `type`.
 *
 * @throws ServiceError `invalid` when the transform cannot be applied to the type. What it returns
 * throws RangeError for a value that has no result.
 */
export function columnTransform(transform: Transform, type: PrimitiveType): ColumnTransform {
  resultType(transform, type)
  return applied(parseTransform(transform), type)
}

function applied(transform: ParsedTransform, type: PrimitiveType): ColumnTransform {
  switch (transform.kind) {
    case 'identity':
      return (column) => column
    case 'bucket':
      return (column) => bucketColumn(column, type, transform.buckets)
    case 'truncate':
      return (column) => truncateColumn(column, type, transform.width)
    case 'year':
    case 'month':
    case 'day':
    case 'hour': {
      const { kind } = transform
      return (column) => timeColumn(column as FixedColumn, type, kind)
    }
    case 'void':
    case 'unknown':
      return ({ length }) => nullColumn(primitiveLayout(type), length)
    default:
      return unreachable(transform)
  }
}
