/** The processor on the real log and a real catalog; only the encoder is a stand-in. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { openWal, type Wal } from '#wal'
import type { Catalog } from '../../../src/catalog/catalog.ts'
import { createMemoryCatalog } from '../../../src/catalog/memory-catalog.ts'
import { configSchema } from '../../../src/config/schema.ts'
import { encodeMessage, formatKey } from '../../../src/entry.ts'
import { decodeManifest } from '../../../src/iceberg/manifest.ts'
import { decodeManifestList } from '../../../src/iceberg/manifest-list.ts'
import { createProcessor, type Processor } from '../../../src/processor/processor.ts'
import { watermarkKey } from '../../../src/processor/watermark.ts'
import { systemClock } from '../../../src/runtime/clock.ts'
import { randomIds } from '../../../src/runtime/ids.ts'
import { silentLogger } from '../../../src/runtime/logger.ts'
import { createMemoryStore } from '../../../src/storage/memory-store.ts'
import { identifierOf } from '../../support/processor-catalog.ts'
import { createFakeEncoder, sequencesIn } from '../../support/processor-encoder.ts'
import { storedTableFaults } from '../../support/stored-table.ts'

const CONFIG = configSchema.parse({ commit: { ageMs: 3_600_000 } })
const ALL = () => true

describe('processor on the real log', () => {
  const store = createMemoryStore()
  let directory = ''
  let catalog: Catalog
  let wal: Wal
  let processor: Processor
  let key = ''

  async function open(): Promise<void> {
    wal = await openWal({
      directory,
      limits: { ...CONFIG.wal, segmentBytes: 65_536, diskReserveBytes: 0 },
      now: () => systemClock.now(),
      newId: () => randomIds.ulid(),
    })
    processor = createProcessor({
      wal,
      catalog,
      store,
      encoder: createFakeEncoder(),
      clock: systemClock,
      ids: randomIds,
      logger: silentLogger,
      config: CONFIG,
    })
  }

  async function append(count: number, text = ''): Promise<bigint[]> {
    const message = { metadata: new Uint8Array(0), body: new TextEncoder().encode(text) }
    const payload = encodeMessage(message, 1)
    const appended = Array.from({ length: count }, () =>
      wal.append({ key, payload, definitions: [] }),
    )
    return (await Promise.all(appended)).map(({ sequence }) => sequence)
  }

  async function committed(): Promise<bigint[]> {
    const { metadata } = await catalog.loadTable(identifierOf('t'))
    const head = metadata.snapshots.at(-1)
    const sequences: bigint[] = []
    if (head === undefined) return sequences
    for (const { manifestPath } of decodeManifestList(await store.get(head['manifest-list']))) {
      for (const { dataFile } of decodeManifest(await store.get(manifestPath)).entries) {
        sequences.unshift(...sequencesIn(await store.get(dataFile.filePath)))
      }
    }
    return sequences
  }

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'frazil-processor-'))
    catalog = createMemoryCatalog({
      warehouse: 'memory:///warehouse',
      store,
      clock: systemClock,
      ids: randomIds,
    })
    const { metadata } = await catalog.createTable(identifierOf('t'), {
      schema: {
        type: 'struct',
        'schema-id': 0,
        fields: [{ id: 1, name: 'value', required: false, type: 'long' }],
      },
    })
    key = formatKey({ table: identifierOf('t'), tableUuid: metadata['table-uuid'] })
    await open()
  })

  afterEach(async () => {
    await processor.close({ commit: false })
    await wal.close()
    const { metadata } = await catalog.loadTable(identifierOf('t'))
    expect(await storedTableFaults(metadata, store)).to.deep.equal([])
    await rm(directory, { recursive: true, force: true })
  })

  it('carries every entry over, through a restart, once and in order', async () => {
    const sequences = await append(5)
    const [flushed] = await processor.flush(ALL)
    expect(flushed?.kind).to.equal('committed')
    sequences.push(...(await append(2)))
    await processor.close({ commit: false })
    await wal.close()
    expect(await committed()).to.deep.equal(sequences.slice(0, 5))

    await open()
    const last = processor.awaitCommitted(key, sequences.at(-1) ?? 0n)
    await processor.flush(ALL)
    const { metadata } = await catalog.loadTable(identifierOf('t'))
    expect(await committed()).to.deep.equal(sequences)
    expect((await last).snapshotId).to.equal(metadata['current-snapshot-id'])
    expect(metadata.properties[watermarkKey(wal.id)]).to.equal(`2:${wal.nonce}:7`)
    await processor.close({ commit: false })
    expect(wal.keys()[0]).to.include({ entries: 0, trimmedThrough: 7n })
  })

  it("leaves what it sets aside in the log's quarantine", async () => {
    const [first] = await append(1)
    const [bad] = await append(1, 'poison')
    const [last] = await append(1)
    await processor.flush(ALL)
    expect(await committed()).to.deep.equal([first, last])
    expect(wal.stats().quarantined.map(({ sequence }) => sequence)).to.deep.equal([bad])
  })
})
