import { join } from 'node:path'
import { createMemoryCatalog } from '../../src/catalog/memory-catalog.ts'
import { openSqliteCatalog } from '../../src/catalog/sqlite-catalog.ts'
import { systemClock } from '../../src/runtime/clock.ts'
import { randomIds } from '../../src/runtime/ids.ts'
import { createFileStore } from '../../src/storage/file-store.ts'
import { locationOfPath } from '../../src/storage/location.ts'
import { createMemoryStore } from '../../src/storage/memory-store.ts'
import type { ObjectStore } from '../../src/storage/object-store.ts'
import { scratchDirectory, stillClock } from '../support/catalog-fixtures.ts'
import { createFaultyCatalog } from '../support/faulty-catalog.ts'
import { createFaultyStore, seededRandom } from '../support/faulty-store.ts'
import { type CatalogUnderTest, describeCatalog } from './catalog.contract.ts'

async function sqlite(store: ObjectStore): Promise<CatalogUnderTest> {
  const scratch = await scratchDirectory()
  const options = {
    path: join(scratch.path, 'new', 'catalog.db'),
    warehouse: locationOfPath(join(scratch.path, 'warehouse')),
    store,
    clock: systemClock,
    ids: randomIds,
  }
  const catalog = await openSqliteCatalog(options)
  return {
    catalog,
    reopen: () => openSqliteCatalog(options),
    dispose: async () => {
      await catalog.close()
      await scratch.remove()
    },
  }
}

const memory = (store = createMemoryStore()) =>
  createMemoryCatalog({ warehouse: 'memory://w', store, clock: stillClock, ids: randomIds })

describeCatalog('sqlite on files', async () => ({
  ...(await sqlite(createFileStore())),
  commitsPerWriter: 3,
}))

describeCatalog('sqlite on a slow store', () =>
  sqlite(createFaultyStore(createMemoryStore(), { random: seededRandom(2), delay: 0.5 })),
)

describeCatalog('memory', async () => ({ catalog: memory(), dispose: async () => {} }))

describeCatalog('faulty catalog without faults', async () => ({
  catalog: createFaultyCatalog(memory(), { random: seededRandom(3) }),
  dispose: async () => {},
}))
