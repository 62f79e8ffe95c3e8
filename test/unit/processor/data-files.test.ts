import { expect } from 'chai'
import { putOnce, writeDataFiles } from '../../../src/processor/data-files.ts'
import { createMemoryStore } from '../../../src/storage/memory-store.ts'
import { parseDataFileLocation } from '../../../src/storage/paths.ts'
import { kindOf } from '../../support/catalog-fixtures.ts'
import { createFaultyStore, type StoreFault } from '../../support/faulty-store.ts'

const TABLE = 'memory:///warehouse/default/default/t'
const AT = `${TABLE}/data/x.parquet`
const NAME = { from: 3n, to: 9n, logId: 'LOG', epoch: 2n, attempt: 'A1' }

function failing(...faults: StoreFault[]) {
  const plan = new Map(faults.map((fault, i) => [i + 1, fault]))
  const store = createMemoryStore()
  return createFaultyStore(store, { random: () => 0.99, operations: ['put'], plan })
}

describe('data files', () => {
  it('are named after the log and the range that they hold', async () => {
    const metrics = {
      partition: [],
      recordCount: 2n,
      columnSizes: new Map(),
      valueCounts: new Map(),
      nullValueCounts: new Map(),
      nanValueCounts: new Map(),
      lowerBounds: new Map(),
      upperBounds: new Map(),
      splitOffsets: [4n],
      sortOrderId: undefined,
    }
    const store = createMemoryStore()
    const files = [
      { ...metrics, bytes: Uint8Array.of(1, 2, 3) },
      { ...metrics, bytes: Uint8Array.of(4) },
    ]
    const written = await writeDataFiles(store, TABLE, NAME, files)
    expect(written.map((file) => file.fileSizeInBytes)).to.deep.equal([3n, 1n])
    for (const [n, file] of written.entries()) {
      expect(parseDataFileLocation(file.filePath)).to.deep.equal({ ...NAME, n })
      expect(await store.get(file.filePath)).to.deep.equal(files[n]?.bytes)
      expect(file).not.to.have.property('bytes')
      expect(file.recordCount).to.equal(2n)
    }
  })

  it('take their own object for success when the first answer was lost', async () => {
    const store = failing('after')
    await putOnce(store, AT, Uint8Array.of(1))
    expect(store.calls).to.equal(2)
  })

  it('never replace an object with other bytes', async () => {
    const store = createMemoryStore()
    await store.put(AT, [Uint8Array.of(9)])
    expect(await kindOf(putOnce(store, AT, Uint8Array.of(1)))).to.equal('internal')
    expect(await store.get(AT)).to.deep.equal(Uint8Array.of(9))
  })

  it('are given up after a few tries of one object', async () => {
    const store = failing('before', 'before', 'before', 'before')
    expect(await kindOf(putOnce(store, AT, Uint8Array.of(1)))).to.equal('unavailable')
    expect(store.calls).to.equal(3)
  })
})
