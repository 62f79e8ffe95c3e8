import { expect } from 'chai'
import { array, assert, integer, property, tuple } from 'fast-check'
import { nullColumn } from '../../../src/arrow/kernels/column.ts'
import { concatColumns } from '../../../src/arrow/kernels/concat.ts'
import { sliceColumn, takeColumn } from '../../../src/arrow/kernels/take.ts'
import {
  columnFrom,
  EVERY_LAYOUT,
  rowsOf,
  rowsOfEveryLayout,
} from '../../support/parquet-columns.ts'

const RUNS = { numRuns: 60 }

describe('take, slice and concat', () => {
  it('takes any rows of every layout, and null for -1', () => {
    const indices = array(integer({ min: -1, max: 39 }), { maxLength: 60 })
    assert(
      property(rowsOfEveryLayout(), indices, (rows, wanted) => {
        const own = wanted.filter((index) => index < rows.length)
        const taken = takeColumn(columnFrom(EVERY_LAYOUT, rows), Int32Array.from(own))
        expect(rowsOf(taken)).to.deep.equal(own.map((index) => (index < 0 ? null : rows[index])))
      }),
      RUNS,
    )
  })

  it('slices any range of every layout, also of a slice', () => {
    const range = tuple(integer({ min: 0, max: 40 }), integer({ min: 0, max: 40 }))
    assert(
      property(rowsOfEveryLayout(), range, range, (rows, first, second) => {
        const column = columnFrom(EVERY_LAYOUT, rows)
        const [a, b] = within(first, rows.length)
        const slice = sliceColumn(column, a, b)
        expect(rowsOf(slice)).to.deep.equal(rows.slice(a, b))
        const [c, d] = within(second, b - a)
        expect(rowsOf(sliceColumn(slice, c, d))).to.deep.equal(rows.slice(a, b).slice(c, d))
      }),
      RUNS,
    )
  })

  it('joins columns of every layout', () => {
    assert(
      property(rowsOfEveryLayout(), rowsOfEveryLayout(), (first, second) => {
        const parts = [first, second, first].map((rows) => columnFrom(EVERY_LAYOUT, rows))
        expect(rowsOf(concatColumns(parts))).to.deep.equal([...first, ...second, ...first])
      }),
      RUNS,
    )
  })

  it('refuses to join different layouts', () => {
    expect(() =>
      concatColumns([columnFrom({ kind: 'bits' }, [true]), columnFrom({ kind: 'bytes' }, ['a'])]),
    ).to.throw(RangeError, 'layout')
  })

  it('makes nulls of every layout', () => {
    expect(rowsOf(nullColumn(EVERY_LAYOUT, 9))).to.deep.equal(Array(9).fill(null))
    expect(rowsOf(nullColumn(EVERY_LAYOUT, 0))).to.deep.equal([])
  })
})

function within([a, b]: readonly [number, number], length: number): [number, number] {
  const [start, end] = [Math.min(a, length), Math.min(b, length)]
  return start <= end ? [start, end] : [end, start]
}
