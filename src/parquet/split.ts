/**
 * Which partition each row of a batch belongs to.
 *
 * Promises: rows have the same number exactly when all of the spec's transforms give them the same
 * values, in all batches of a job; a batch within one partition is told so without a number for
 * each row. Does not know: what becomes of the rows.
 */
import type { Column, StructColumn } from '../arrow/kernels/column.ts'
import { createNumbering, createWordNumbering } from '../arrow/kernels/numbering.ts'
import { columnById } from '../arrow/kernels/project.ts'
import { takeColumn } from '../arrow/kernels/take.ts'
import { type ColumnTransform, columnTransform } from '../arrow/kernels/transform.ts'
import { extremeRows, isUniform } from '../arrow/kernels/uniform.ts'
import { valueReader } from '../arrow/kernels/values.ts'
import { parseTransform, resultType, sourceType } from '../iceberg/partition.ts'
import type {
  PartitionField,
  PartitionSpec,
  PrimitiveType,
  Schema,
  Value,
} from '../iceberg/types.ts'

/** One number for all rows, or one for each. */
export type RowNumbers = number | Int32Array

export interface Splitter {
  /** @throws RangeError when a value has no partition. */
  number(batch: StructColumn): RowNumbers
  /** How many partitions there are so far: numbers are below. */
  count(): number
  /** One value for each field of the spec. */
  values(partition: number): readonly (Value | null)[]
}

/** @throws ServiceError `invalid` when the schema cannot be partitioned that way. */
export function splitter(schema: Schema, spec: PartitionSpec): Splitter {
  const fields = spec.fields.map((field) => fieldSplitter(field, schema))
  const tuples = createWordNumbering(fields.length)
  const partitions: (readonly (Value | null)[])[] = []

  const learn = (rows: Int32Array): Int32Array => {
    const { numbers, firsts } = tuples(rows)
    for (const row of firsts) {
      partitions.push(
        fields.map((field, i) => field.value(rows[row * fields.length + i] as number)),
      )
    }
    return numbers
  }
  return {
    number: (batch) => {
      if (fields.length === 0) {
        if (partitions.length === 0) partitions.push([])
        return 0
      }
      const columns = fields.map((field) => field.number(batch))
      if (columns.every((numbers) => typeof numbers === 'number')) {
        return learn(Int32Array.from(columns))[0] as number
      }
      return learn(interleaved(columns, batch.length))
    },
    count: () => partitions.length,
    values: (partition) => partitions[partition] as readonly (Value | null)[],
  }
}

function interleaved(columns: readonly RowNumbers[], length: number): Int32Array {
  const [first] = columns
  if (columns.length === 1 && typeof first === 'object') return first
  const rows = new Int32Array(length * columns.length)
  for (const [i, numbers] of columns.entries()) {
    for (let row = 0; row < length; row++) {
      rows[row * columns.length + i] =
        typeof numbers === 'number' ? numbers : (numbers[row] as number)
    }
  }
  return rows
}

interface FieldSplitter {
  number(batch: StructColumn): RowNumbers
  value(number: number): Value | null
}

function fieldSplitter(field: PartitionField, schema: Schema): FieldSplitter {
  // The column of a void field may be gone from the schema.
  if (field.transform === 'void') return { number: () => 0, value: () => null }
  const source = sourceType(schema, field)
  const result = resultType(field.transform, source)
  const transform = columnTransform(field.transform, source)
  const isFloat = result === 'float' || result === 'double'
  const numbering = createNumbering(isFloat)
  const values: (Value | null)[] = []

  const learn = (column: Column): Int32Array => {
    const { numbers, firsts } = numbering.add(column)
    const read = valueReader(column, result)
    for (const row of firsts) values.push(read(row))
    return numbers
  }
  return {
    value: (number) => values[number] as Value | null,
    number: (batch) => {
      const column = columnById(batch, schema, field['source-id'])
      if (!column) throw new RangeError(`partition field ${field.name} has no source column`)
      const sample = sampleRow(column, { transform, keepsOrder: keepsOrder(field, source) })
      if (sample) return learn(sample)[0] as number
      const numbers = learn(transform(column))
      return numbers.every((number) => number === numbers[0]) ? (numbers[0] as number) : numbers
    },
  }
}

interface Sampling {
  readonly transform: ColumnTransform
  readonly keepsOrder: boolean
}

/** The one transformed value of all rows, when that is cheap to see. */
function sampleRow(column: Column, { transform, keepsOrder }: Sampling): Column | undefined {
  if (isUniform(column)) return transform(takeColumn(column, Int32Array.of(0)))
  if (!keepsOrder || column.nullCount > 0 || column.kind !== 'fixed') return undefined
  const ends = transform(takeColumn(column, Int32Array.from(extremeRows(column))))
  return isUniform(ends) ? ends : undefined
}

/** Is the result between those of the least and the greatest value? */
function keepsOrder({ transform }: PartitionField, source: PrimitiveType): boolean {
  switch (parseTransform(transform).kind) {
    case 'year':
    case 'month':
    case 'day':
    case 'hour':
      return true
    case 'truncate':
      return source === 'int' || source === 'long'
    default:
      return false
  }
}
