/** How many values of a float column are NaN: the one metric that a Parquet footer lacks. */
import { isSet } from './bits.ts'
import { type FixedColumn, viewFloat32, viewFloat64 } from './column.ts'

/** `parent`: rows that exist above; a value below a null struct is none. */
export function countNaN(column: FixedColumn, parent: Uint8Array | undefined): number {
  const values = column.width === 4 ? viewFloat32(column.values) : viewFloat64(column.values)
  const { length, validity } = column
  let count = 0
  for (let row = 0; row < length; row++) {
    const value = values[row] as number
    if (value === value) continue
    if (validity !== undefined && !isSet(validity, row)) continue
    if (parent === undefined || isSet(parent, row)) count += 1
  }
  return count
}
