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
import { sourceType, transformFunction } from '../iceberg/partition.ts'
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

/** @throws ServiceError `invalid` when the schema cannot be partitioned that way. */
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
  const ids = columns.reduce(pairOrdinals, new Int32Array(length))
  const groups = new Map<number, number[]>()
  for (let row = 0; row < length; row++) {
    const id = ids[row] as number
    const rows = groups.get(id)
    if (rows) rows.push(row)
    else groups.set(id, [row])
  }
  return [...groups.values()].map((rows) => Int32Array.from(rows))
}

/** A small number for each row: equal where both are equal. */
function pairOrdinals(left: Int32Array, right: Int32Array): Int32Array {
  const ids = new Map<number, number>()
  return left.map((ordinal, row) => {
    // Both are below 2^26: a job has fewer distinct values than that.
    const pair = ordinal * 2 ** 26 + (right[row] as number)
    const known = ids.get(pair)
    if (known !== undefined) return known
    ids.set(pair, ids.size)
    return ids.size - 1
  })
}

interface FieldPartitioner {
  /** A small number for each row: equal for equal partition values, in all batches. */
  ordinals(batch: StructColumn): Int32Array
  value(ordinal: number): Value | null
}

function fieldPartitioner(field: PartitionField, schema: Schema): FieldPartitioner {
  // The column of a void field may be gone from the schema.
  if (field.transform === 'void') {
    return { ordinals: (batch) => new Int32Array(batch.length), value: () => null }
  }
  const source = sourceType(schema, field)
  const apply = transformFunction(field.transform, source)
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
      const column = columnById(batch, schema, field['source-id'])
      if (!column) throw new RangeError(`partition field ${field.name} has no source column`)
      return rowOrdinals(batch.length, valueReader(column, source), {
        isPlain: isPlain(source),
        ordinal: (value) => ordinal(apply(value)),
      })
    },
  }
}

/** Source values of one batch that are remembered; beyond, each row is transformed. */
const SEEN_VALUES_MAX = 1_024

interface Ordering {
  /** Equal values are the same key of a Map. */
  readonly isPlain: boolean
  readonly ordinal: (value: Value | null) => number
}

function rowOrdinals(length: number, read: ValueReader, { isPlain, ordinal }: Ordering) {
  const ordinals = new Int32Array(length)
  // Sources repeat (services, sorted times), and a hash of a text costs more than a look-up.
  const seen = new Map<Value | null, number>()
  for (let row = 0; row < length; row++) {
    const value = read(row)
    const known = isPlain ? seen.get(value) : undefined
    const own = known ?? ordinal(value)
    ordinals[row] = own
    if (isPlain && known === undefined && seen.size < SEEN_VALUES_MAX) seen.set(value, own)
  }
  return ordinals
}

function isPlain(type: PrimitiveType): boolean {
  return type !== 'binary' && type !== 'uuid' && !type.startsWith('fixed')
}

function comparable(value: Value | null): unknown {
  return value instanceof Uint8Array ? `x${Buffer.from(value).toString('hex')}` : value
}
