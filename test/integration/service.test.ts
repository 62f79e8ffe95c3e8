/** The whole path in one process: a client puts, the processor commits, a foreign reader reads. */

import path from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { pathToFileURL } from 'node:url'
import { tableFromArrays } from 'apache-arrow'
import { expect } from 'chai'
import { openSqliteCatalog } from '../../src/catalog/sqlite-catalog.ts'
import { systemClock } from '../../src/runtime/clock.ts'
import { randomIds } from '../../src/runtime/ids.ts'
import { createFileStore } from '../../src/storage/file-store.ts'
import { type RunningService, runService } from '../support/running-service.ts'

function numbers(from: number, count: number) {
  const n = Int32Array.from({ length: count }, (_, i) => from + i)
  return tableFromArrays({ n, text: Array.from(n, (i) => `row ${i}`) })
}

describe('the whole service', () => {
  let running: RunningService

  beforeEach(async () => {
    running = await runService()
  })

  afterEach(() => running.stop())

  it('commits what it acknowledged, and a foreign reader finds every row', async () => {
    const result = await running.client.put('events', numbers(0, 1_000))
    expect(result).to.include({ rows: 1_000, duplicates: 0 })
    await running.client.flush()
    const table = await running.read('events')
    expect(table.totalRecords).to.equal(1_000)
    const [row] = await table.query(
      'SELECT count(*) AS rows, count(DISTINCT n) AS n, min(text) AS low, max(n) AS high FROM rows',
    )
    expect(row).to.deep.equal({ rows: 1_000n, n: 1_000n, low: 'row 0', high: 999 })
  })

  it('resolves with the snapshot when the put waits for the commit', async () => {
    running = await running.restart({ commit: { ageMs: 20 } })
    const { snapshotId } = await running.client.put('events', numbers(0, 10), { ack: 'committed' })
    const [snapshot] = await running.client.snapshots('events')
    expect(BigInt(snapshot?.['snapshot_id'] as number)).to.equal(snapshotId)
  })

  it('replays what was acknowledged and not committed before a restart', async () => {
    await running.client.put('events', numbers(0, 500))
    running = await running.restart({ commit: { onShutdown: false } })
    running = await running.restart({ commit: { onShutdown: false } })
    await running.client.flush()
    expect((await running.read('events')).totalRecords).to.equal(500)
  })

  it('commits what waits when it drains', async () => {
    await running.client.put('events', numbers(0, 10))
    running = await running.restart()
    expect((await running.read('events')).totalRecords).to.equal(10)
  })

  it('adds a new column in the middle of a stream of batches', async () => {
    await running.client.put('events', numbers(0, 10))
    const wider = tableFromArrays({
      n: Int32Array.of(10),
      text: ['row 10'],
      extra: Float64Array.of(1.5),
    })
    await running.client.put('events', wider)
    await running.client.put('events', numbers(11, 10))
    await running.client.flush()
    const table = await running.read('events')
    const rows = await table.query('SELECT n, extra FROM rows WHERE extra IS NOT NULL')
    expect(rows).to.deep.equal([{ n: 10, extra: 1.5 }])
    expect(table.totalRecords).to.equal(21)
  })

  it('stores what a column was widened for after the table’s first commit', async () => {
    const properties = { 'frazil.schema.evolution': 'widen' }
    await running.client.put('events', tableFromArrays({ n: Int32Array.of(1) }), { properties })
    await running.client.flush()
    await running.client.put('events', tableFromArrays({ n: BigInt64Array.of(2n ** 40n) }))
    await running.client.flush()
    const table = await running.read('events')
    expect(await table.query('SELECT n FROM rows ORDER BY n')).to.deep.equal([
      { n: 1n },
      { n: 2n ** 40n },
    ])
    const status = (await running.client.status()) as { log: { quarantined: unknown } }
    expect(status.log.quarantined).to.deep.equal([])
  })

  it('takes nothing more for a table that was dropped under an open stream', async () => {
    const writer = running.client.writer('events')
    await writer.write(numbers(0, 10))
    // Durable, not only on its way: a flush looks at nothing else.
    while ((await liveEntries(running)) === 0) await running.client.status()
    const catalog = new DatabaseSync(path.join(running.data, 'catalog.db'))
    catalog.exec('DELETE FROM iceberg_tables')
    catalog.close()
    await running.client.flush().catch(() => undefined)
    const before = await logPosition(running)
    const refused = await writer
      .write(numbers(10, 10))
      .then(() => writer.close())
      .catch((error: unknown) => error)
    expect(refused).to.include({ kind: 'not-found' })
    expect(await logPosition(running)).to.equal(before)
    await running.client.put('events', numbers(20, 5))
    await running.client.flush().catch(() => undefined)
    expect((await running.read('events')).totalRecords).to.equal(5)
  })

  it('refuses an incompatible batch by column, expectation and what came, and logs nothing', async () => {
    await running.client.put('events', numbers(0, 10))
    const before = await logPosition(running)
    const wrong = tableFromArrays({ n: ['text'], text: ['row'] })
    const refused = await running.client.put('events', wrong).catch((error: unknown) => error)
    expect(refused).to.include({ kind: 'schema-mismatch' })
    expect(String(refused)).to.match(/column n .*expected int, received .*utf8/)
    expect(await logPosition(running)).to.equal(before)
  })

  it('recognises a repeated batch, also after a restart', async () => {
    const producer = { id: 'device-7', sequence: 0n }
    await running.client.put('events', numbers(0, 10), { producer })
    running = await running.restart()
    const again = await running.client.put('events', numbers(0, 10), { producer })
    expect(again.duplicates).to.equal(1)
    await running.client.put('events', numbers(10, 10), { producer: { ...producer, sequence: 1n } })
    await running.client.flush()
    expect((await running.read('events')).totalRecords).to.equal(20)
  })

  it('refuses a gap in a producer’s numbers with the number it expected', async () => {
    const producer = { id: 'device-8', sequence: 5n }
    const refused = await running.client
      .put('events', numbers(0, 10), { producer })
      .catch((error: unknown) => error)
    expect(refused).to.include({ kind: 'out-of-sequence' })
    expect(String(refused)).to.match(/send 0 next/)
  })

  it('splits by identity and day, and every file has one partition', async () => {
    const table = tableFromArrays({ n: Int32Array.of(1, 2, 3), region: ['eu', 'us', 'eu'] })
    await running.client.put('events', table, { partitionBy: ['region'] })
    await running.client.flush()
    const { files } = await running.read('events')
    expect(files.map(({ recordCount }) => recordCount)).to.have.members([1, 2])
  })

  it('sorts what it commits once another writer has given the table a sort order', async () => {
    await running.client.put('events', numbers(0, 100))
    await running.client.flush()
    await sortByNumberFalling(running)
    for (const from of [100, 200]) await running.client.put('events', numbers(from, 100))
    await running.client.flush()
    const table = await running.read('events')
    const { files } = table
    expect(files.map(({ sortOrderId }) => sortOrderId)).to.have.members([undefined, 1])
    const sorted = files.find(({ sortOrderId }) => sortOrderId === 1)
    const rows = await table.query(`SELECT n FROM read_parquet('${sorted?.path}')`)
    expect(rows.map(({ n }) => n)).to.deep.equal(Array.from({ length: 200 }, (_, i) => 299 - i))
  })

  it('lists tables with their committed rows, and describes them', async () => {
    await running.client.put('events', numbers(0, 10))
    await running.client.flush()
    const [listed] = await running.client.tables()
    expect(listed).to.include({ namespace: 'default', table: 'events', rows: 10n })
    const described = await running.client.describe('events')
    expect(described).to.include({ table: 'default.events', format_version: 2 })
  })
})

async function sortByNumberFalling({ data }: RunningService): Promise<void> {
  const catalog = await openSqliteCatalog({
    path: path.join(data, 'catalog.db'),
    store: createFileStore(),
    warehouse: pathToFileURL(path.join(data, 'warehouse')).href,
    clock: systemClock,
    ids: randomIds,
  })
  const table = { tenant: 'default', namespace: ['default'], name: 'events' }
  const field = {
    transform: 'identity',
    'source-id': 1,
    direction: 'desc',
    'null-order': 'nulls-last',
  } as const
  const outcome = await catalog.commitTable(table, {
    requirements: [],
    updates: [
      { action: 'add-sort-order', 'sort-order': { 'order-id': 1, fields: [field] } },
      { action: 'set-default-sort-order', 'sort-order-id': -1 },
    ],
  })
  expect(outcome.kind).to.equal('committed')
  await catalog.close()
}

async function logPosition(running: RunningService): Promise<unknown> {
  const status = (await running.client.status()) as { log: { next_sequence: unknown } }
  return status.log.next_sequence
}

async function liveEntries(running: RunningService): Promise<unknown> {
  const status = (await running.client.status()) as { log: { live_entries: unknown } }
  return status.log.live_entries
}
