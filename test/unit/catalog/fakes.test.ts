import { expect } from 'chai'
import type { Catalog } from '../../../src/catalog/catalog.ts'
import { createMemoryCatalog } from '../../../src/catalog/memory-catalog.ts'
import { randomIds } from '../../../src/runtime/ids.ts'
import { createMemoryStore } from '../../../src/storage/memory-store.ts'
import {
  appendTo,
  events,
  eventsSchema,
  historyOf,
  kindOf,
  stillClock,
} from '../../support/catalog-fixtures.ts'
import { createFaultyCatalog } from '../../support/faulty-catalog.ts'
import { createFaultyStore, seededRandom } from '../../support/faulty-store.ts'

describe('faulty catalog', () => {
  let real: Catalog

  beforeEach(async () => {
    const store = createMemoryStore()
    const warehouse = 'memory://w'
    real = createMemoryCatalog({ warehouse, store, clock: stillClock, ids: randomIds })
    await real.createTable(events(), { schema: eventsSchema })
  })

  const history = async () => historyOf(await real.loadTable(events()))

  it('does what the plan says of the n-th commit', async () => {
    const faulty = createFaultyCatalog(real, {
      random: seededRandom(1),
      plan: new Map([
        [1, 'lost-before'],
        [2, 'conflict'],
        [3, 'lost-after'],
      ]),
    })
    const base = await real.loadTable(events())
    const request = appendTo(base, 1n)
    expect((await faulty.commitTable(events(), request)).kind).to.equal('unknown')
    expect((await faulty.commitTable(events(), request)).kind).to.equal('conflict')
    expect(await history()).to.deep.equal([])
    expect((await faulty.commitTable(events(), request)).kind).to.equal('unknown')
    expect(await history()).to.deep.equal([1n])
    expect((await faulty.commitTable(events(), request)).kind).to.equal('conflict')
    expect(faulty.commits).to.equal(4)
  })

  it('lands a late commit at a later call, where it must lose to a twin', async () => {
    const plan = new Map([[1, 'late'] as const])
    const faulty = createFaultyCatalog(real, { random: seededRandom(1), plan, landing: 0 })
    const base = await real.loadTable(events())
    expect((await faulty.commitTable(events(), appendTo(base, 1n))).kind).to.equal('unknown')
    expect(faulty.pending).to.equal(1)
    expect(await history()).to.deep.equal([])
    expect((await faulty.commitTable(events(), appendTo(base, 2n))).kind).to.equal('committed')
    expect((await faulty.land())?.kind).to.equal('conflict')
    expect(await faulty.land()).to.equal(undefined)
    expect(await history()).to.deep.equal([2n])
  })

  it('lands a late commit just before a load when chance says so', async () => {
    const plan = new Map([[1, 'late'] as const])
    const faulty = createFaultyCatalog(real, { random: seededRandom(1), plan, landing: 1 })
    const base = await real.loadTable(events())
    await faulty.commitTable(events(), appendTo(base, 1n))
    expect(historyOf(await faulty.loadTable(events()))).to.deep.equal([1n])
  })

  it('fails loads and creates until it is healed', async () => {
    const faulty = createFaultyCatalog(real, { random: seededRandom(1), unavailable: 1 })
    expect(await kindOf(faulty.loadTable(events()))).to.equal('unavailable')
    faulty.heal()
    expect((await faulty.loadTable(events())).identifier).to.deep.equal(events())
  })

  it('does the same again with the same seed', async () => {
    async function kinds(seed: number): Promise<string[]> {
      const rates = { 'lost-before': 0.2, 'lost-after': 0.2, late: 0.2, conflict: 0.2 }
      const faulty = createFaultyCatalog(real, { random: seededRandom(seed), rates })
      const seen: string[] = []
      for (let i = 0; i < 30; i += 1) {
        // A commit that changes nothing, so that every run starts from the same table.
        const { kind } = await faulty.commitTable(events(), { requirements: [], updates: [] })
        seen.push(kind)
      }
      return seen
    }
    expect(await kinds(7)).to.deep.equal(await kinds(7))
    expect(await kinds(7)).not.to.deep.equal(await kinds(8))
    expect(new Set(await kinds(7))).to.deep.equal(new Set(['unknown', 'conflict', 'committed']))
  })
})

describe('faulty store', () => {
  const bytes = [Buffer.from('x')]

  it('fails before or after the effect as planned, and counts only what may fail', async () => {
    const real = createMemoryStore()
    const faulty = createFaultyStore(real, {
      random: seededRandom(1),
      operations: ['put'],
      plan: new Map([
        [1, 'before'],
        [2, 'after'],
      ]),
    })
    expect(await kindOf(faulty.put('m://w/a', bytes))).to.equal('unavailable')
    expect(await faulty.head('m://w/a')).to.equal(undefined)
    expect(await kindOf(faulty.put('m://w/b', bytes))).to.equal('unavailable')
    expect((await faulty.head('m://w/b'))?.bytes).to.equal(1)
    await faulty.put('m://w/c', bytes)
    expect(faulty.calls).to.equal(3)
  })

  it('follows its rates, and stops when it is healed', async () => {
    const faulty = createFaultyStore(createMemoryStore(), {
      random: seededRandom(4),
      before: 0.5,
      after: 0.25,
    })
    let failed = 0
    for (let i = 0; i < 400; i += 1) {
      await faulty.put(`m://w/${i}`, bytes).catch(() => (failed += 1))
    }
    expect(failed).to.be.within(260, 340)
    faulty.heal()
    for (let i = 0; i < 20; i += 1) await faulty.put(`m://w/${i}`, bytes)
  })
})
