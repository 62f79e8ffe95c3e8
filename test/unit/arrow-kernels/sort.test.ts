import { expect } from 'chai'
import * as fc from 'fast-check'
import { rankBytes } from '../../../src/arrow/kernels/byte-rank.ts'
import type { ByteColumn } from '../../../src/arrow/kernels/column.ts'
import { orderKey } from '../../../src/arrow/kernels/order-key.ts'
import { isOrdered, sortRows } from '../../../src/arrow/kernels/radix.ts'
import type { PrimitiveType, Value } from '../../../src/iceberg/types.ts'
import { compareNullable } from '../../support/naive-order.ts'
import { rowsOfValues, TYPED_VALUES, typedColumn } from '../../support/typed-columns.ts'

const DIRECTIONS = ['asc', 'desc'] as const
const NULL_ORDERS = ['nulls-first', 'nulls-last'] as const

function keyOf(type: PrimitiveType, rows: readonly (Value | null)[], order: Order) {
  return orderKey(typedColumn(type, rows), type, {
    isDescending: order.direction === 'desc',
    nullsFirst: order['null-order'] === 'nulls-first',
  })
}

type Order = {
  readonly direction: (typeof DIRECTIONS)[number]
  readonly 'null-order': (typeof NULL_ORDERS)[number]
}

describe('sorting', () => {
  for (const [type, values] of TYPED_VALUES) {
    it(`by ${type} is what comparing gives, in each direction, stable`, () => {
      const orders = fc.record({
        direction: fc.constantFrom(...DIRECTIONS),
        'null-order': fc.constantFrom(...NULL_ORDERS),
      })
      fc.assert(
        fc.property(rowsOfValues(values), orders, (rows, order) => {
          const wanted = rows
            .map((_, row) => row)
            .sort((a, b) => compareNullable(type, order, [rows[a]!, rows[b]!]))
          const words = keyOf(type, rows, order)
          expect([...sortRows(words, rows.length)]).to.deep.equal(wanted)
          const isSorted = wanted.every((row, i) => row === i)
          expect(isOrdered(words, rows.length)).to.equal(isSorted)
        }),
        { numRuns: 150 },
      )
    })
  }

  it('puts NaN last and -0.0 before 0.0', () => {
    for (const type of ['float', 'double'] as const) {
      const rows = [NaN, Infinity, 0, -0, -Infinity, null, 1]
      const sorted = sortRows(
        keyOf(type, rows, { direction: 'asc', 'null-order': 'nulls-last' }),
        rows.length,
      )
      const values = Array.from(sorted, (row) => rows[row])
      expect(values).to.deep.equal([-Infinity, -0, 0, 1, Infinity, NaN, null])
    }
  })

  it('sorts many rows by all of their bits', () => {
    const random = xorshift(7)
    const rows = Array.from({ length: 20_000 }, () =>
      BigInt.asIntN(64, (random() << 40n) ^ random()),
    )
    const words = keyOf('long', rows, { direction: 'asc', 'null-order': 'nulls-last' })
    const sorted = Array.from(sortRows(words, rows.length), (row) => rows[row]!)
    expect(sorted).to.deep.equal(rows.toSorted((a, b) => (a < b ? -1 : Number(a > b))))
  })

  for (const [what, textOf] of Object.entries({
    'distinct texts': (n: bigint) => `${n}`,
    'texts that differ late': (n: bigint) => `https://example.org/${n % 3n}/path/of/some/${n}`,
    'a few texts': (n: bigint) => `service ${n % 40n}`,
    'prefixes of one another': (n: bigint) => 'ab'.repeat(Number(n % 400n)),
    'zeros at the end': (n: bigint) => `a${'\0'.repeat(Number(n % 30n))}`,
  })) {
    it(`ranks ${what}`, () => {
      const random = xorshift(3)
      const rows = Array.from({ length: 5_000 }, (_, i) => (i % 97 === 5 ? null : textOf(random())))
      const ranks = rankBytes(typedColumn('string', rows) as ByteColumn)
      const present = rows.map((text, row) => ({ text, rank: ranks[row]! })).filter(isText)
      present.sort((a, b) => Buffer.compare(Buffer.from(a.text), Buffer.from(b.text)))
      for (const [i, { text, rank }] of present.entries()) {
        const before = present[i - 1]
        if (before === undefined) continue
        if (before.text === text) expect(rank).to.equal(before.rank)
        else expect(rank).to.be.above(before.rank)
      }
    })
  }
})

function isText(row: { text: string | null; rank: number }): row is { text: string; rank: number } {
  return row.text !== null
}

function xorshift(seed: number): () => bigint {
  let state = BigInt(seed)
  return () => {
    state = BigInt.asUintN(64, state ^ (state << 13n))
    state ^= state >> 7n
    state = BigInt.asUintN(64, state ^ (state << 17n))
    return state
  }
}
