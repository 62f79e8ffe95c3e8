import { expect } from 'chai'
import type { Column } from '../../../src/arrow/kernels/column.ts'
import { bytesOf } from '../../../src/arrow/kernels/column.ts'
import { loadColumns } from '../../../src/arrow/kernels/load.ts'
import type { ArrowField, ArrowType } from '../../../src/arrow/schema.ts'
import { columnFrom, readerOf, rowsOf } from '../../support/parquet-columns.ts'

const INT32: ArrowType = { kind: 'int', bits: 32, signed: true }
const NO_BITS = new Uint8Array(0)
const int32s = (...values: number[]) => bytesOf(Int32Array.from(values))
const int64s = (...values: bigint[]) => bytesOf(BigInt64Array.from(values))
const text = (value: string) => new Uint8Array(Buffer.from(value))

function field(type: ArrowType, more: Partial<ArrowField> = {}): ArrowField {
  return {
    name: 'c',
    nullable: true,
    type,
    children: [],
    dictionary: undefined,
    metadata: new Map(),
    ...more,
  }
}

const element = field(INT32)
const load = (own: ArrowField, reader: ReturnType<typeof readerOf>, dictionaries = new Map()) =>
  rowsOf(loadColumns([own], reader, dictionaries)[0] as Column)

describe('loading columns', () => {
  it('follows offsets that do not begin at 0', () => {
    const utf8 = field({ kind: 'utf8', layout: 'normal' })
    expect(load(utf8, readerOf([2], [NO_BITS, int32s(3, 4, 6), text('xyzabbz')]))).to.deep.equal([
      'a',
      'bb',
    ])
    const list = field({ kind: 'list', layout: 'large' }, { children: [element] })
    const reader = readerOf([2, 4], [NO_BITS, int64s(1n, 2n, 4n), NO_BITS, int32s(9, 1, 2, 3)])
    expect(load(list, reader)).to.deep.equal([[1], [2, 3]])
  })

  it('gathers list views, which may overlap and be out of order', () => {
    const list = field({ kind: 'list', layout: 'view' }, { children: [element] })
    const reader = readerOf(
      [3, 4],
      [Uint8Array.of(0b101), int32s(2, 99, 1), int32s(2, 99, 2), NO_BITS, int32s(1, 2, 3, 4)],
    )
    expect(load(list, reader)).to.deep.equal([[3, 4], null, [2, 3]])
  })

  it('drops what stands behind null lists', () => {
    const list = field({ kind: 'fixed-size-list', size: 2 }, { children: [element] })
    const reader = readerOf(
      [2, 4],
      [Uint8Array.of(0b10), Uint8Array.of(0b1100), int32s(0, 0, 5, 6)],
    )
    const [column] = loadColumns([list], reader, new Map())
    expect(rowsOf(column as Column)).to.deep.equal([null, [5, 6]])
    expect(column).to.have.property('child').that.includes({ length: 2, nullCount: 0 })
  })

  it('looks up indices of every width', () => {
    const values = columnFrom({ kind: 'bytes' }, ['a', 'b', null])
    for (const bits of [8, 16, 32, 64] as const) {
      for (const signed of [true, false]) {
        const own = field(
          { kind: 'utf8', layout: 'normal' },
          { dictionary: { id: 1n, index: { bits, signed }, isOrdered: false } },
        )
        const indices = new Uint8Array(4 * (bits / 8))
        indices.set([1], 0)
        indices.set([0], bits / 8)
        indices.fill(0xff, (bits / 8) * 2, (bits / 8) * 3)
        indices.set([2], (bits / 8) * 3)
        const reader = readerOf([4], [Uint8Array.of(0b1011), indices])
        expect(load(own, reader, new Map([[1n, values]]))).to.deep.equal(['b', 'a', null, null])
      }
    }
  })

  it('needs no dictionary for a column of nulls', () => {
    const own = field(
      { kind: 'list', layout: 'normal' },
      {
        children: [element],
        dictionary: { id: 1n, index: { bits: 8, signed: true }, isOrdered: false },
      },
    )
    const nulls = readerOf([2], [Uint8Array.of(0), Uint8Array.of(0, 0)])
    expect(load(own, nulls)).to.deep.equal([null, null])
    const value = readerOf([1], [NO_BITS, Uint8Array.of(0)])
    expect(() => load(own, value)).to.throw(RangeError, 'dictionary')
  })

  const utf8 = field({ kind: 'utf8', layout: 'normal' })
  const view = field({ kind: 'binary', layout: 'view' })
  const list = field({ kind: 'list', layout: 'normal' }, { children: [element] })
  const damaged: [string, ArrowField, ReturnType<typeof readerOf>][] = [
    ['offsets that run backwards', utf8, readerOf([2], [NO_BITS, int32s(0, 3, 1), text('abc')])],
    ['negative offsets', utf8, readerOf([1], [NO_BITS, int32s(-1, 1), text('abc')])],
    ['offsets past the data', utf8, readerOf([1], [NO_BITS, int32s(0, 9), text('abc')])],
    ['too few offsets', utf8, readerOf([3], [NO_BITS, int32s(0, 1), text('abc')])],
    [
      'lists past their elements',
      list,
      readerOf([1, 1], [NO_BITS, int32s(0, 2), NO_BITS, int32s(1)]),
    ],
    ['too few values', element, readerOf([3], [NO_BITS, int32s(1, 2)])],
    ['too small a bitmap', element, readerOf([9], [Uint8Array.of(1), int32s(...Array(9).fill(1))])],
    ['a missing buffer', element, readerOf([1], [NO_BITS])],
    ['a missing node', element, readerOf([], [NO_BITS, int32s(1)])],
    [
      'a view outside its buffers',
      view,
      readerOf([1], [NO_BITS, int32s(20, 0, 0, 5), text('abc')], [1]),
    ],
    ['a view of a missing buffer', view, readerOf([1], [NO_BITS, int32s(20, 0, 7, 0)], [0])],
    [
      'a type that is not stored',
      field({ kind: 'union', mode: 'dense', typeIds: [] }),
      readerOf([1], [NO_BITS]),
    ],
  ]
  for (const [what, own, reader] of damaged) {
    it(`refuses ${what}`, () => {
      expect(() => load(own, reader)).to.throw(RangeError)
    })
  }
})
