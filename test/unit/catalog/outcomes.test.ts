import { expect } from 'chai'
import type { Catalog } from '../../../src/catalog/catalog.ts'
import { createMemoryPointers } from '../../../src/catalog/memory-pointers.ts'
import { createPointerCatalog } from '../../../src/catalog/pointer-catalog.ts'
import type { Pointers } from '../../../src/catalog/pointers.ts'
import { type ErrorKind, ServiceError } from '../../../src/errors.ts'
import { randomIds } from '../../../src/runtime/ids.ts'
import { createMemoryStore } from '../../../src/storage/memory-store.ts'
import type { ObjectStore } from '../../../src/storage/object-store.ts'
import {
  appendTo,
  events,
  eventsSchema,
  historyOf,
  kindOf,
  setProperties,
  stillClock,
} from '../../support/catalog-fixtures.ts'
import { createFaultyStore, type StoreFault, seededRandom } from '../../support/faulty-store.ts'

const warehouse = 'memory://w'

function catalogOn(pointers: Pointers, store: ObjectStore): Catalog {
  return createPointerCatalog({ pointers, store, warehouse, clock: stillClock, ids: randomIds })
}

async function filesIn(store: ObjectStore): Promise<string[]> {
  const files: string[] = []
  for await (const { location } of store.list(`${warehouse}/`)) {
    if (location.endsWith('.metadata.json')) files.push(location)
  }
  return files
}

/** Fails every move of a pointer, before or after its effect. */
function failing(pointers: Pointers, when: 'before' | 'after', kind: ErrorKind): Pointers {
  const fail = async (move: () => Promise<boolean>): Promise<boolean> => {
    if (when === 'after') await move()
    throw new ServiceError(kind, 'injected')
  }
  return {
    ...pointers,
    insert: (...given) => fail(() => pointers.insert(...given)),
    swap: (...given) => fail(() => pointers.swap(...given)),
  }
}

describe('outcome of a commit', () => {
  let pointers: Pointers
  let store: ObjectStore
  let catalog: Catalog

  beforeEach(async () => {
    pointers = createMemoryPointers()
    store = createMemoryStore()
    catalog = catalogOn(pointers, store)
    await catalog.createTable(events(), { schema: eventsSchema })
  })

  it('is unknown when the answer of the pointer is lost, and every file is kept', async () => {
    const table = await catalog.loadTable(events())
    for (const [when, landed] of [
      ['before', false],
      ['after', true],
    ] as const) {
      const faulty = catalogOn(failing(pointers, when, 'unavailable'), store)
      const outcome = await faulty.commitTable(events(), appendTo(table, 1n))
      expect(outcome.kind).to.equal('unknown')
      expect(historyOf(await catalog.loadTable(events()))).to.deep.equal(landed ? [1n] : [])
    }
    expect(await filesIn(store)).to.have.length(3)
  })

  it('is unknown after a defect in the pointers too', async () => {
    const table = await catalog.loadTable(events())
    const broken = { ...pointers, swap: () => Promise.reject(new TypeError('a defect')) }
    const outcome = await catalogOn(broken, store).commitTable(events(), appendTo(table, 1n))
    expect(outcome.kind).to.equal('unknown')
  })

  it('is conflict when the pointer proves that it did not move, and its file is gone', async () => {
    const table = await catalog.loadTable(events())
    for (const kind of ['overloaded', 'closed', 'corrupt'] as const) {
      const faulty = catalogOn(failing(pointers, 'before', kind), store)
      const outcome = await faulty.commitTable(events(), appendTo(table, 1n))
      expect(outcome).to.deep.include({ kind: 'conflict' })
    }
    expect(await filesIn(store)).to.have.length(1)
    expect(await catalog.loadTable(events())).to.deep.equal(table)
  })

  it('is true whichever call of the store fails, and never unknown then', async () => {
    const seen = new Set<string>()
    for (const fault of ['before', 'after'] as StoreFault[]) {
      for (let call = 1; call <= 6; call += 1) {
        const id = BigInt(call + (fault === 'after' ? 100 : 0))
        const before = await catalog.loadTable(events())
        const filesBefore = (await filesIn(store)).length
        const faulty = createFaultyStore(store, {
          random: seededRandom(call),
          plan: new Map([[call, fault]]),
        })
        const request = appendTo(before, id)
        const { kind } = await catalogOn(pointers, faulty).commitTable(events(), request)
        seen.add(kind)
        const isIn = historyOf(await catalog.loadTable(events())).includes(id)
        expect(kind, `${fault} call ${call}`).to.equal(isIn ? 'committed' : 'conflict')
        expect((await filesIn(store)).length - filesBefore).to.equal(isIn ? 1 : 0)
      }
    }
    expect([...seen].sort()).to.deep.equal(['committed', 'conflict'])
  })

  it('of a create whose answer is lost is unavailable, and the table loads if it is there', async () => {
    const second = events('default', ['web'], 'second')
    const request = { schema: eventsSchema }
    const lost = catalogOn(failing(pointers, 'after', 'unavailable'), store)
    expect(await kindOf(lost.createTable(second, request))).to.equal('unavailable')
    expect((await catalog.loadTable(second)).metadata.schemas).to.have.length(1)
    expect(await kindOf(lost.createTable(second, request))).to.equal('already-exists')
  })
})

describe('after a commit', () => {
  it('the hint of a commit that was overtaken is not the one that stays', async () => {
    const pointers = createMemoryPointers()
    const store = createMemoryStore()
    const catalog = catalogOn(pointers, store)
    const table = await catalog.createTable(events(), { schema: eventsSchema })
    let hints = 0
    const overtaking: ObjectStore = {
      ...store,
      async put(location, parts, options) {
        // Another writer commits between this one's commit and its hint.
        if (location.endsWith('version-hint.text') && (hints += 1) === 1) {
          const current = await catalog.loadTable(events())
          await catalog.commitTable(events(), setProperties(current, { second: 'yes' }))
        }
        await store.put(location, parts, options)
      },
    }
    const slow = catalogOn(pointers, overtaking)
    await slow.commitTable(events(), setProperties(table, { first: 'yes' }))
    const latest = await catalog.loadTable(events())
    expect(latest.metadata.properties).to.include({ first: 'yes', second: 'yes' })
    const hint = await store.get(`${latest.metadata.location}/metadata/version-hint.text`)
    expect(latest.metadataLocation).to.include(Buffer.from(hint).toString())
    expect(hints).to.equal(2)
  })

  async function commitsWith(properties: Record<string, string>, count: number) {
    const store = createMemoryStore()
    const catalog = catalogOn(createMemoryPointers(), store)
    await catalog.createTable(events(), { schema: eventsSchema, properties })
    for (let i = 0; i < count; i += 1) {
      const table = await catalog.loadTable(events())
      await catalog.commitTable(events(), setProperties(table, { i: String(i) }))
    }
    return { files: await filesIn(store), table: await catalog.loadTable(events()) }
  }

  it('metadata files that fell off the log are deleted when the table says so', async () => {
    const { files, table } = await commitsWith(
      {
        'write.metadata.delete-after-commit.enabled': 'true',
        'write.metadata.previous-versions-max': '3',
      },
      10,
    )
    const reachable = table.metadata['metadata-log'].map((entry) => entry['metadata-file'])
    expect(files.sort()).to.deep.equal([...reachable, table.metadataLocation].sort())
    expect(files).to.have.length(4)
  })

  it('no metadata file is deleted when the table does not say so', async () => {
    const { files } = await commitsWith(
      {
        'write.metadata.delete-after-commit.enabled': 'false',
        'write.metadata.previous-versions-max': '3',
      },
      10,
    )
    expect(files).to.have.length(11)
  })

  it("no file outside the table's own metadata directory is deleted, whatever the log says", async () => {
    const store = createMemoryStore()
    const pointers = createMemoryPointers()
    const catalog = catalogOn(pointers, store)
    const victim = `${warehouse}/other/web/events/metadata/00000-x.metadata.json`
    await store.put(victim, [Buffer.from('{}')])
    const table = await catalog.createTable(events(), {
      schema: eventsSchema,
      properties: {
        'write.metadata.delete-after-commit.enabled': 'true',
        'write.metadata.previous-versions-max': '1',
      },
    })
    const text = Buffer.from(await store.get(table.metadataLocation)).toString()
    const entry = JSON.stringify({ 'timestamp-ms': 1, 'metadata-file': victim })
    const forged = text.replace(/"metadata-log":\s*\[\]/, `"metadata-log":[${entry}]`)
    expect(forged).not.to.equal(text)
    await store.put(table.metadataLocation, [Buffer.from(forged)])
    for (let i = 0; i < 3; i += 1) {
      const current = await catalog.loadTable(events())
      const outcome = await catalog.commitTable(events(), setProperties(current, { i: `${i}` }))
      expect(outcome.kind).to.equal('committed')
    }
    expect(await store.head(victim)).not.to.equal(undefined)
  })
})
