/** One value of a stored column at a time, for partition transforms; never for whole rows. */
import { decimalOf } from '../../iceberg/primitive.ts'
import type { PrimitiveType, Value } from '../../iceberg/types.ts'
import { isSet } from './bits.ts'
import { type Column, viewFloat32, viewFloat64, viewInt32, viewInt64 } from './column.ts'

/** The value of a row in the shape that `src/iceberg/bounds.ts` gives its type. */
export type ValueReader = (row: number) => Value | null

export function valueReader(column: Column, type: PrimitiveType): ValueReader {
  const read = present(column, type)
  const { validity } = column
  return validity === undefined ? read : (row) => (isSet(validity, row) ? read(row) : null)
}

function present(column: Column, type: PrimitiveType): (row: number) => Value {
  if (column.kind === 'bits') return (row) => isSet(column.values, row)
  if (column.kind === 'bytes') {
    const { values, offsets } = column
    const bytes = Buffer.from(values.buffer, values.byteOffset, values.byteLength)
    if (type === 'string') return (row) => bytes.toString('utf8', offsets[row], offsets[row + 1])
    return (row) => values.slice(offsets[row], offsets[row + 1])
  }
  if (column.kind !== 'fixed') throw new RangeError(`a column of type ${type} is nested`)
  const { values, width } = column
  switch (type) {
    case 'int':
    case 'date':
      return at(viewInt32(values))
    case 'long':
    case 'time':
    case 'timestamp':
    case 'timestamptz':
    case 'timestamp_ns':
    case 'timestamptz_ns':
      return at(viewInt64(values))
    case 'float':
      return at(viewFloat32(values))
    case 'double':
      return at(viewFloat64(values))
    default: {
      if (!decimalOf(type)) return (row) => values.slice(row * width, (row + 1) * width)
      const halves = viewInt64(values)
      return (row) =>
        ((halves[row * 2 + 1] as bigint) << 64n) | BigInt.asUintN(64, halves[row * 2] as bigint)
    }
  }
}

function at<T extends Value>(values: { readonly [row: number]: T }): (row: number) => T {
  return (row) => values[row] as T
}
