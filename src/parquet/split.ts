/**
 * Rows of batches to the partitions that they belong to.
 *
 * Promises: each row is in exactly one partition; within a partition rows stay in log order; a
 * batch whose rows share one partition is passed on untouched.
 */
import type { StructColumn } from '../arrow/kernels/column.ts'
import { columnById } from '../arrow/kernels/project.ts'
import { takeColumn } from '../arrow/kernels/take.ts'
import { type ValueReader, valueReader } from '../arrow/kernels/values.ts'
import { transformFunction } from '../iceberg/partition.ts'
import type {
  PartitionField,
  PartitionSpec,
  PrimitiveType,
  Schema,
  Value,
} from '../iceberg/types.ts'

export interface Partition {
  /** One value for each field of the spec. */
  readonly values: readonly (Value | null)[]
  readonly batches: StructColumn[]
}

export interface Splitter {
  add(batch: StructColumn): void
  /** In the order of their first rows. */
  partitions(): readonly Partition[]
}

/** `add` throws RangeError when a source column cannot be partitioned by. */
export function splitter(schema: Schema, spec: PartitionSpec): Splitter {
  const partitions = new Map<string, Partition>()
  const fields = spec.fields.map((field) => fieldPartitioner(field, schema))

  const partition = (ordinals: readonly number[]): Partition => {
    const key = ordinals.join()
    const known = partitions.get(key)
    if (known) return known
    const values = fields.map((field, i) => field.value(ordinals[i] as number))
    const made: Partition = { values, batches: [] }
    partitions.set(key, made)
    return made
  }

  return {
    partitions: () => [...partitions.values()],
    add: (batch) => {
      if (batch.length === 0) return
      const columns = fields.map((field) => field.ordinals(batch))
      const groups = groupRows(columns, batch.length)
      for (const rows of groups) {
        const first = rows[0] as number
        const { batches } = partition(columns.map((column) => column[first] as number))
        batches.push(groups.length === 1 ? batch : (takeColumn(batch, rows) as StructColumn))
      }
    },
  }
}

/** Rows with equal ordinals together, groups in the order of their first rows. */
function groupRows(columns: readonly Int32Array[], length: number): Int32Array[] {
  const groups = new Map<number | string, number[]>()
  const [first] = columns
  for (let row = 0; row < length; row++) {
    const key =
      columns.length === 1
        ? ((first as Int32Array)[row] as number)
        : columns.map((column) => column[row]).join()
    const rows = groups.get(key)
    if (rows) rows.push(row)
    else groups.set(key, [row])
  }
  return [...groups.values()].map((rows) => Int32Array.from(rows))
}

interface FieldPartitioner {
  /** A small number for each row: equal for equal partition values, in all batches. */
  ordinals(batch: StructColumn): Int32Array
  value(ordinal: number): Value | null
}

function fieldPartitioner(field: PartitionField, schema: Schema): FieldPartitioner {
  const values: (Value | null)[] = []
  const ordinalOf = new Map<unknown, number>()
  const ordinal = (value: Value | null): number => {
    const key = comparable(value)
    const known = ordinalOf.get(key)
    if (known !== undefined) return known
    ordinalOf.set(key, values.length)
    return values.push(value) - 1
  }
  return {
    value: (index) => values[index] as Value | null,
    ordinals: (batch) => {
      const source = columnById(batch, schema, field['source-id'])
      if (!source || typeof source.type !== 'string') {
        throw new RangeError(`partition field ${field.name} has no source column`)
      }
      const apply = transformFunction(field.transform, source.type)
      return rowOrdinals(batch.length, valueReader(source.column, source.type), {
        isPlain: isPlain(source.type),
        ordinal: (value) => ordinal(apply(value)),
      })
    },
  }
}

interface Ordering {
  /** Values can be compared with `===`. */
  readonly isPlain: boolean
  readonly ordinal: (value: Value | null) => number
}

function rowOrdinals(length: number, read: ValueReader, { isPlain, ordinal }: Ordering) {
  const ordinals = new Int32Array(length)
  let previous: Value | null | undefined
  for (let row = 0; row < length; row++) {
    const value = read(row)
    // Neighbours are often equal: time series and sorted data.
    const isSame = isPlain && value === previous
    ordinals[row] = isSame ? (ordinals[row - 1] as number) : ordinal(value)
    previous = value
  }
  return ordinals
}

function isPlain(type: PrimitiveType): boolean {
  return type !== 'binary' && type !== 'uuid' && !type.startsWith('fixed')
}

function comparable(value: Value | null): unknown {
  return value instanceof Uint8Array ? `x${Buffer.from(value).toString('hex')}` : value
}
