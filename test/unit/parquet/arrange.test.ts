import { expect } from 'chai'
import * as fc from 'fast-check'
import type { StructColumn } from '../../../src/arrow/kernels/column.ts'
import { valueReader } from '../../../src/arrow/kernels/values.ts'
import { resultType, transformFunction } from '../../../src/iceberg/partition.ts'
import type {
  PrimitiveType,
  Schema,
  SortField,
  SortOrder,
  Value,
} from '../../../src/iceberg/types.ts'
import { arrange } from '../../../src/parquet/arrange.ts'
import { sortKeys } from '../../../src/parquet/sort-keys.ts'
import { compareNullable } from '../../support/naive-order.ts'
import { isTame, rowsOfValues, TYPED_VALUES, typedColumn } from '../../support/typed-columns.ts'

/** The last column counts rows, so that each can be told from its equals. */
function batchOf(
  types: readonly PrimitiveType[],
  rows: readonly (readonly (Value | null)[])[],
): StructColumn {
  const children = types.map((type, i) =>
    typedColumn(
      type,
      rows.map((row) => row[i]!),
    ),
  )
  return { kind: 'struct', length: rows.length, nullCount: 0, validity: undefined, children }
}

function countsIn(batches: readonly StructColumn[]): Value[] {
  return batches.flatMap((batch) => {
    const read = valueReader(batch.children.at(-1)!, 'int')
    return Array.from({ length: batch.length }, (_, row) => read(row)!)
  })
}

function schemaOf(types: readonly PrimitiveType[]): Schema {
  const fields = types.map((type, i) => ({ id: i + 1, name: `c${i}`, required: false, type }))
  return { type: 'struct', 'schema-id': 0, fields }
}

const orderOf = (...fields: SortField[]): SortOrder => ({ 'order-id': 1, fields })

const sortField = fc.record({
  transform: fc.constantFrom('identity', 'bucket[3]', 'truncate[2]', 'day'),
  'source-id': fc.integer({ min: 1, max: 3 }),
  direction: fc.constantFrom('asc' as const, 'desc' as const),
  'null-order': fc.constantFrom('nulls-first' as const, 'nulls-last' as const),
})

describe('rows of a job', () => {
  it('are grouped by partition and sorted by several keys, as comparing would', () => {
    const some = fc.constantFrom(...TYPED_VALUES.filter(([type]) => !type.startsWith('timestamp')))
    const scene = fc
      .tuple(some, some, fc.array(sortField, { maxLength: 3 }), fc.integer({ min: 1, max: 3 }))
      .chain(([[typeA, a], [typeB, b], wanted, partitions]) => {
        const types: PrimitiveType[] = [typeA, typeB, 'timestamp']
        const fields = wanted.filter(({ transform, 'source-id': id }) =>
          isOffered(transform, types[id - 1]!),
        )
        const moment = fc.constantFrom(0n, 86_399_999_999n, 86_400_000_000n, -1n)
        const column = fc.tuple(
          rowsOfValues(a.filter(isTame)),
          rowsOfValues(b.filter(isTame)),
          rowsOfValues(moment),
        )
        return fc.record({
          types: fc.constant(types),
          fields: fc.constant(fields),
          columns: column,
          partitions: fc.array(fc.nat({ max: partitions - 1 }), { minLength: 60, maxLength: 60 }),
          cut: fc.nat({ max: 30 }),
        })
      })
    fc.assert(
      fc.property(scene, ({ types, fields, columns, partitions, cut }) => {
        const length = Math.min(...columns.map((column) => column.length))
        const rows = Array.from({ length }, (_, row) => [...columns.map((c) => c[row]!), row])
        const own = [...types, 'int' as const]
        const batches = [rows.slice(0, cut), rows.slice(cut)]
          .filter((batch) => batch.length > 0)
          .map((batch) => {
            const at = batch[0]!.at(-1) as number
            const numbers = Int32Array.from(batch, (_, i) => partitions[at + i]!)
            const isOne = numbers.every((number) => number === numbers[0])
            return { rows: batchOf(own, batch), partitions: isOne ? numbers[0]! : numbers }
          })
        const keys = sortKeys(schemaOf(own), orderOf(...fields))
        const found = new Map<number, Value[]>()
        for (const { partition, batches: group } of arrange(batches, keys)) {
          expect(found.has(partition)).to.equal(false)
          found.set(partition, countsIn(group))
        }
        const compare = (a: number, b: number) => {
          for (const field of fields) {
            const i = field['source-id'] - 1
            const apply = transformFunction(field.transform, types[i]!)
            const result = resultType(field.transform, types[i]!)
            const order = compareNullable(result, field, [apply(rows[a]![i]!), apply(rows[b]![i]!)])
            if (order !== 0) return order
          }
          return a - b
        }
        const wanted = Map.groupBy(
          rows.map((_, row) => row),
          (row) => partitions[row]!,
        )
        expect(found.size).to.equal(wanted.size)
        for (const [partition, list] of wanted) {
          expect(found.get(partition)).to.deep.equal(list.toSorted(compare))
        }
      }),
      { numRuns: 300 },
    )
  })

  const types = ['int', 'int'] as const
  const rising = orderOf({
    transform: 'identity',
    'source-id': 1,
    direction: 'asc',
    'null-order': 'nulls-first',
  })

  it('are not touched when they are of one partition and in order', () => {
    const batches = [
      batchOf(types, [
        [1, 0],
        [2, 1],
      ]),
      batchOf(types, [
        [2, 2],
        [3, 3],
      ]),
    ]
    const numbered = batches.map((rows) => ({ rows, partitions: 4 }))
    for (const keys of [undefined, sortKeys(schemaOf(types), rising)]) {
      const [group, ...others] = arrange(numbered, keys)
      expect(others).to.deep.equal([])
      expect(group!.partition).to.equal(4)
      expect(group!.batches).to.have.length(2)
      for (const [i, batch] of group!.batches.entries()) expect(batch).to.equal(batches[i])
    }
  })

  it('have no keys when the order is empty, of a dropped column or of a transform from elsewhere', () => {
    const field = rising.fields[0]!
    const orders = [
      undefined,
      orderOf(),
      orderOf({ ...field, 'source-id': 9 }),
      orderOf(field, { ...field, transform: 'zorder' }),
      orderOf({ ...field, transform: 'day' }),
    ]
    for (const order of orders) expect(sortKeys(schemaOf(types), order)).to.equal(undefined)
  })
})

function isOffered(transform: string, type: PrimitiveType): boolean {
  try {
    resultType(transform, type)
    return true
  } catch {
    return false
  }
}
