/** Tables made before anything is sent to them, and what their settings do to what is sent. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { tableFromArrays, tableToIPC } from 'apache-arrow'
import { expect } from 'chai'
import type { Catalog } from '../../src/catalog/catalog.ts'
import { openSqliteCatalog } from '../../src/catalog/sqlite-catalog.ts'
import { ServiceError } from '../../src/errors.ts'
import { decodeManifest } from '../../src/iceberg/manifest.ts'
import { decodeManifestList } from '../../src/iceberg/manifest-list.ts'
import type { DataFile } from '../../src/iceberg/types.ts'
import { tableIdentifier } from '../../src/names.ts'
import { systemClock } from '../../src/runtime/clock.ts'
import { randomIds } from '../../src/runtime/ids.ts'
import { createFileStore } from '../../src/storage/file-store.ts'
import { runCli } from '../support/client-cli-run.ts'
import { hyparquetFooter } from '../support/parquet-readers.ts'
import { type RunningService, runService } from '../support/running-service.ts'

const EVENTS = tableFromArrays({
  n: Int32Array.of(3, 1, 2),
  text: ['c', 'a', 'b'],
})

async function refusalOf(promise: Promise<unknown>): Promise<ServiceError> {
  const error: unknown = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  if (error instanceof ServiceError) return error
  throw new Error('it was not refused')
}

describe('creating a table', () => {
  let running: RunningService
  let folder: string

  beforeEach(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'frazil-creation-'))
    running = await runService()
  })

  afterEach(async () => {
    await running.stop()
    await rm(folder, { recursive: true, force: true })
  })

  const otherClient = (): Promise<Catalog> =>
    openSqliteCatalog({
      path: path.join(running.data, 'catalog.db'),
      warehouse: running.service.warehouse,
      store: createFileStore(),
      clock: systemClock,
      ids: randomIds,
    })

  const filesOf = async (table: string): Promise<DataFile[]> => {
    const catalog = await otherClient()
    const { metadata } = await catalog.loadTable(tableIdentifier('default', ['default'], table))
    await catalog.close()
    const store = createFileStore()
    const list = metadata.snapshots.at(-1)?.['manifest-list'] ?? ''
    const manifests = decodeManifestList(await store.get(list))
    const decoded = await Promise.all(
      manifests.map(async ({ manifestPath }) => decodeManifest(await store.get(manifestPath))),
    )
    return decoded.flatMap(({ entries }) => entries.map(({ dataFile }) => dataFile))
  }

  it('gives it partitions, an order, properties and a format version', async () => {
    const created = await running.client.createTable('events', EVENTS, {
      partitionBy: ['bucket(4, n)', 'text'],
      sortBy: ['n desc', 'text nulls last'],
      properties: { owner: 'me', 'write.metadata.metrics.default': 'full', 'format-version': '3' },
    })
    expect(created).to.deep.include({ table: 'default.events', format_version: 3 })
    expect(created['partition_spec']).to.deep.include({
      fields: [
        { 'source-id': 1, 'field-id': 1000, name: 'n_bucket', transform: 'bucket[4]' },
        { 'source-id': 2, 'field-id': 1001, name: 'text', transform: 'identity' },
      ],
    })
    const text = { transform: 'identity', 'source-id': 2, direction: 'asc' }
    expect(created['sort_order']).to.deep.equal({
      'order-id': 1,
      fields: [
        {
          transform: 'identity',
          'source-id': 1,
          direction: 'desc',
          'null-order': 'nulls-last',
        },
        { ...text, 'null-order': 'nulls-last' },
      ],
    })
    expect(created['properties']).to.include({
      owner: 'me',
      'write.parquet.compression-codec': 'zstd',
    })
    await running.client.put('events', EVENTS)
    await running.client.flush()
    expect((await running.read('events')).totalRecords).to.equal(3)
  })

  it('gives it the configured codec, which the table then keeps', async () => {
    running = await running.restart({ parquet: { compression: 'lz4_raw' } })
    const { properties } = await running.client.createTable('events', EVENTS)
    expect(properties).to.include({ 'write.parquet.compression-codec': 'lz4' })
  })

  it('refuses a table that exists, and one that can never be as asked', async () => {
    const { client } = running
    await client.createTable('events', EVENTS)
    const exists = await refusalOf(client.createTable('events', EVENTS))
    expect([exists.kind, exists.message]).to.deep.equal([
      'already-exists',
      'table default.events exists',
    ])
    const refused: readonly [Parameters<typeof client.createTable>[2], RegExp][] = [
      [{ sortBy: ['nope'] }, /sort by nope/],
      [{ sortBy: ['n sideways'] }, /no such column/],
      [{ partitionBy: ['day(text)'] }, /day/],
      [{ properties: { 'write.parquet.compression-level': '9' } }, /compression-level.*level/],
      [
        { properties: { 'write.parquet.bloom-filter-enabled.column.n': 'true' } },
        /bloom-filter-enabled.column.n.*parquet-wasm/,
      ],
      [{ properties: { 'write.target-file-size-bytes': '128MB' } }, /whole number/],
      [{ properties: { 'format-version': '4' } }, /format-version/],
    ]
    for (const [options, message] of refused) {
      const { kind, message: said } = await refusalOf(client.createTable('other', EVENTS, options))
      expect(kind, said).to.equal('invalid')
      expect(said).to.match(message)
    }
    expect((await client.tables()).map(({ table }) => table)).to.deep.equal(['events'])
  })

  it('is a command, from a file of columns alone', async () => {
    const file = path.join(folder, 'columns.arrow')
    await writeFile(file, tableToIPC(EVENTS.slice(0, 0), 'file'))
    const run = (...args: string[]) =>
      runCli(['--address', running.service.flight, '--output', 'json', 'create', ...args])
    const flags = ['--partition-by', 'truncate(2, text)', '--sort-by', 'n desc nulls first']
    const made = await run('events', '--like', file, ...flags, '--property', 'owner=me')
    expect([made.stderr, made.code]).to.deep.equal(['', 0])
    const shown: unknown = JSON.parse(made.stdout)
    expect(shown).to.deep.include({ table: 'default.events', format_version: 2 })
    const again = await run('events', '--schema', file, '--format-version', '3')
    expect(again.code).to.equal(1)
    expect(again.stderr).to.contain('table default.events exists')
    expect((await run('events')).code).to.equal(2)
    expect((await run('events', '--like', file, '--schema', file)).code).to.equal(2)
  })

  it('can be followed by another client’s settings, obeyed at the next commit', async () => {
    await running.client.put('events', EVENTS)
    await running.client.flush()
    const catalog = await otherClient()
    const table = await catalog.loadTable(tableIdentifier('default', ['default'], 'events'))
    const updates = {
      'write.parquet.compression-codec': 'snappy',
      'write.parquet.compression-codec.column.text': 'gzip',
      'write.metadata.metrics.column.n': 'none',
      'write.parquet.row-group-limit': '2',
      'write.parquet.compression-level': '7',
    }
    const outcome = await catalog.commitTable(table.identifier, {
      requirements: [{ type: 'assert-table-uuid', uuid: table.metadata['table-uuid'] }],
      updates: [{ action: 'set-properties', updates }],
    })
    await catalog.close()
    expect(outcome.kind).to.equal('committed')
    await running.client.put('events', EVENTS)
    await running.client.flush()

    const [newer, older] = await filesOf('events')
    const codecs = async (file: DataFile | undefined) => {
      const bytes = await readFile(fileURLToPath(file?.filePath ?? ''))
      return hyparquetFooter(bytes).row_groups.map((group) =>
        group.columns.map((column) => column.meta_data?.codec),
      )
    }
    expect(await codecs(older)).to.deep.equal([['ZSTD', 'ZSTD']])
    expect(await codecs(newer)).to.deep.equal([
      ['SNAPPY', 'GZIP'],
      ['SNAPPY', 'GZIP'],
    ])
    expect(older?.lowerBounds.has(1)).to.equal(true)
    expect([newer?.lowerBounds.has(1), newer?.splitOffsets.length]).to.deep.equal([false, 2])
    const status = (await running.client.status()) as { tables: { warnings: string[] }[] }
    const [warning = ''] = status.tables[0]?.warnings ?? []
    expect(warning).to.contain('write.parquet.compression-level=7 is not obeyed')
  })
})
