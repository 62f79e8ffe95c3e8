import { expect } from 'chai'
import * as fc from 'fast-check'
import type { StructColumn } from '../../../src/arrow/kernels/column.ts'
import { resultType, transformFunction } from '../../../src/iceberg/partition.ts'
import type { PartitionSpec, PrimitiveType, Schema, Value } from '../../../src/iceberg/types.ts'
import { splitter } from '../../../src/parquet/split.ts'
import { identityOf } from '../../support/naive-order.ts'
import { isTame, rowsOfValues, TYPED_VALUES, typedColumn } from '../../support/typed-columns.ts'

const TRANSFORMS = ['identity', 'void', 'year', 'month', 'day', 'bucket[5]', 'truncate[3]', 'hour']

type Row = readonly (Value | null)[]

function schemaOf(types: readonly PrimitiveType[]): Schema {
  const fields = types.map((type, i) => ({ id: i + 1, name: `c${i}`, required: false, type }))
  return { type: 'struct', 'schema-id': 0, fields }
}

function specOf(transforms: readonly string[]): PartitionSpec {
  const fields = transforms.map((transform, i) => ({
    'source-id': i + 1,
    'field-id': 1000 + i,
    name: `p${i}`,
    transform,
  }))
  return { 'spec-id': 1, fields }
}

function batchOf(types: readonly PrimitiveType[], rows: readonly Row[]): StructColumn {
  const children = types.map((type, i) =>
    typedColumn(
      type,
      rows.map((row) => row[i]!),
    ),
  )
  return { kind: 'struct', length: rows.length, nullCount: 0, validity: undefined, children }
}

/** Each row's partition as the plain transforms give it; undefined when one has no result. */
function expectedTuples(
  types: readonly PrimitiveType[],
  transforms: readonly string[],
  rows: readonly Row[],
) {
  const plain = transforms.map((transform, i) => transformFunction(transform, types[i]!))
  return rows.map((row) => plain.map((apply, i) => identityOf(apply(row[i]!))).join())
}

function checkSplit(
  types: readonly PrimitiveType[],
  transforms: readonly string[],
  batches: readonly (readonly Row[])[],
): void {
  const split = splitter(schemaOf(types), specOf(transforms))
  const numberOf = new Map<string, number>()
  for (const rows of batches.filter((batch) => batch.length > 0)) {
    const wanted = expectedTuples(types, transforms, rows)
    const numbers = split.number(batchOf(types, rows))
    expect(typeof numbers).to.equal(new Set(wanted).size === 1 ? 'number' : 'object')
    for (const [row, tuple] of wanted.entries()) {
      const number = typeof numbers === 'number' ? numbers : numbers[row]!
      const values = split.values(number)
      expect(values.map(identityOf).join()).to.equal(tuple)
      expect(numberOf.get(tuple) ?? number).to.equal(number)
      numberOf.set(tuple, number)
    }
  }
}

function isOffered(transform: string, type: PrimitiveType): boolean {
  try {
    resultType(transform, type)
    return true
  } catch {
    return false
  }
}

describe('rows to partitions', () => {
  for (const [type, values] of TYPED_VALUES) {
    const tame = values.filter(isTame)
    it(`are told apart by every transform of ${type}`, () => {
      for (const transform of TRANSFORMS.filter((name) => isOffered(name, type))) {
        const batches = fc.array(
          fc.oneof(
            rowsOfValues(tame),
            fc
              .tuple(tame, fc.integer({ min: 1, max: 20 }))
              .map(([v, n]) => Array(n).fill(v) as Value[]),
          ),
          { maxLength: 4 },
        )
        fc.assert(
          fc.property(batches, (lists) => {
            checkSplit(
              [type],
              [transform],
              lists.map((list) => list.map((value) => [value])),
            )
          }),
          { numRuns: 40 },
        )
      }
    })
  }

  it('are told apart by several fields together', () => {
    const types = ['string', 'timestamptz', 'double', 'int'] as const
    const rows = fc.tuple(
      fc.constantFrom('a', 'b', null),
      fc.constantFrom(0n, -1n, 86_400_000_000n, null),
      fc.constantFrom(0, -0, NaN, null),
      fc.integer({ min: -3, max: 3 }),
    )
    fc.assert(
      fc.property(fc.array(fc.array(rows, { maxLength: 40 }), { maxLength: 3 }), (batches) => {
        checkSplit(types, ['identity', 'day', 'identity', 'bucket[3]'], batches)
      }),
      { numRuns: 100 },
    )
  })

  it('counts nothing before a batch, and one partition without fields', () => {
    const split = splitter(schemaOf(['int']), specOf([]))
    expect(split.count()).to.equal(0)
    expect(split.number(batchOf(['int'], [[1], [2]]))).to.equal(0)
    expect(split.values(0)).to.deep.equal([])
  })

  it('reads a column inside a struct, null where the struct is', () => {
    const inner = {
      type: 'struct',
      fields: [{ id: 2, name: 'n', required: false, type: 'int' }],
    } as const
    const fields = [{ id: 1, name: 's', required: false, type: inner }]
    const spec = specOf(['identity', 'identity'])
    const split = splitter(
      { type: 'struct', 'schema-id': 0, fields },
      { ...spec, fields: [spec.fields[1]!] },
    )
    const numbers = split.number({
      kind: 'struct',
      length: 4,
      nullCount: 0,
      validity: undefined,
      children: [
        {
          kind: 'struct',
          length: 4,
          nullCount: 2,
          validity: Uint8Array.of(0b1001),
          children: [typedColumn('int', [7, 7, 8, 7])],
        },
      ],
    })
    expect([...(numbers as Int32Array)].map((n) => split.values(n)[0])).to.deep.equal([
      7,
      null,
      null,
      7,
    ])
  })
})
