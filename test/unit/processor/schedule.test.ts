import { expect } from 'chai'
import * as fc from 'fast-check'
import { chooseTables } from '../../../src/processor/schedule.ts'

const NONE = { tables: 0, failing: 0 }
const due = (key: string, dueAt: number, isFailing = false) => ({ key, dueAt, isFailing })

describe('choice of tables', () => {
  it('takes those that have been due longest', () => {
    const candidates = [due('c', 30), due('a', 10), due('b', 20)]
    expect(chooseTables(candidates, NONE, 2)).to.deep.equal(['a', 'b'])
  })

  it('takes none when every place is taken', () => {
    expect(chooseTables([due('a', 1)], { tables: 2, failing: 0 }, 2)).to.deep.equal([])
  })

  it('keeps a place free of failing tables', () => {
    const failing = ['a', 'b', 'c'].map((key, i) => due(key, i, true))
    expect(chooseTables([...failing, due('healthy', 99)], NONE, 3)).to.deep.equal([
      'a',
      'b',
      'healthy',
    ])
    expect(chooseTables(failing, { tables: 2, failing: 2 }, 3)).to.deep.equal([])
  })

  it('lets failing and healthy tables take turns when there is one place', () => {
    expect(chooseTables([due('healthy', 5), due('failing', 3, true)], NONE, 1)).to.deep.equal([
      'failing',
    ])
    expect(chooseTables([due('healthy', 2), due('failing', 3, true)], NONE, 1)).to.deep.equal([
      'healthy',
    ])
  })

  it('never exceeds the places, never chooses twice, and never idles beside a healthy table', () => {
    const candidate = fc.record({ dueAt: fc.nat(100), isFailing: fc.boolean() })
    fc.assert(
      fc.property(
        fc.array(candidate, { maxLength: 20 }),
        fc.nat(5),
        fc.integer({ min: 1, max: 6 }),
        (drawn, tables, max) => {
          const candidates = drawn.map((other, i) => ({ key: `t${i}`, ...other }))
          const chosen = chooseTables(candidates, { tables, failing: 0 }, max)
          expect(new Set(chosen).size).to.equal(chosen.length)
          expect(chosen.length).to.be.at.most(Math.max(0, max - tables))
          const healthy = candidates.filter(({ isFailing }) => !isFailing)
          const isIdle = tables + chosen.length < max
          if (isIdle) for (const { key } of healthy) expect(chosen).to.include(key)
        },
      ),
    )
  })
})
