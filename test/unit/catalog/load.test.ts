import { gzipSync } from 'node:zlib'
import { expect } from 'chai'
import type { LoadedTable } from '../../../src/catalog/catalog.ts'
import { createMemoryPointers } from '../../../src/catalog/memory-pointers.ts'
import { createPointerCatalog } from '../../../src/catalog/pointer-catalog.ts'
import { randomIds } from '../../../src/runtime/ids.ts'
import { createMemoryStore } from '../../../src/storage/memory-store.ts'
import { events, eventsSchema, kindOf, stillClock } from '../../support/catalog-fixtures.ts'

describe('loading a table', () => {
  const store = createMemoryStore()
  const warehouse = 'memory://w'
  let pointers = createMemoryPointers()
  let table: LoadedTable

  const catalogOn = (given = pointers) =>
    createPointerCatalog({ pointers: given, store, warehouse, clock: stillClock, ids: randomIds })

  beforeEach(async () => {
    pointers = createMemoryPointers()
    table = await catalogOn().createTable(events(), { schema: eventsSchema })
  })

  const replace = (bytes: Uint8Array) => store.put(table.metadataLocation, [bytes])

  it('says corrupt, never not-found, of a metadata file that is missing', async () => {
    await store.delete(table.metadataLocation)
    expect(await kindOf(catalogOn().loadTable(events()))).to.equal('corrupt')
  })

  it('follows the pointer when a commit and its cleaning came in between', async () => {
    let reads = 0
    const moving = {
      ...pointers,
      read: async () => ((reads += 1) === 1 ? `${warehouse}/gone` : table.metadataLocation),
    }
    expect(await catalogOn(moving).loadTable(events())).to.deep.equal(table)
    expect(reads).to.equal(2)
  })

  it('gives up on a pointer that never stops moving', async () => {
    let reads = 0
    const moving = { ...pointers, read: async () => `${warehouse}/gone-${(reads += 1)}` }
    expect(await kindOf(catalogOn(moving).loadTable(events()))).to.equal('corrupt')
    expect(reads).to.be.lessThan(10)
  })

  it('reads metadata that another writer compressed', async () => {
    await replace(gzipSync(await store.get(table.metadataLocation)))
    expect(await catalogOn().loadTable(events())).to.deep.equal(table)
  })

  it('says corrupt of bytes that are no table metadata', async () => {
    const whole = await store.get(table.metadataLocation)
    const gzip = gzipSync(whole)
    for (const bytes of [
      Buffer.from(''),
      Buffer.from('{}'),
      Buffer.from([0xff, 0xfe, 0xfd]),
      whole.subarray(0, whole.length - 3),
      gzip.subarray(0, gzip.length - 9),
    ]) {
      await replace(bytes)
      expect(await kindOf(catalogOn().loadTable(events()))).to.equal('corrupt')
    }
  })
})
