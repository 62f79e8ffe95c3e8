import { createFileStore } from '../../src/storage/file-store.ts'
import { locationOfPath } from '../../src/storage/location.ts'
import { createMemoryStore } from '../../src/storage/memory-store.ts'
import { scratchDirectory } from '../support/catalog-fixtures.ts'
import { createFaultyStore, seededRandom } from '../support/faulty-store.ts'
import { describeObjectStore } from './object-store.contract.ts'

describeObjectStore('file', async () => {
  const scratch = await scratchDirectory()
  return {
    store: createFileStore(),
    root: locationOfPath(scratch.path),
    dispose: () => scratch.remove(),
  }
})

describeObjectStore('memory', async () => ({
  store: createMemoryStore(),
  root: 'memory://warehouse',
  dispose: async () => {},
}))

describeObjectStore('faulty store without faults', async () => ({
  store: createFaultyStore(createMemoryStore(), { random: seededRandom(1), delay: 0.5 }),
  root: 'memory://warehouse',
  dispose: async () => {},
}))
