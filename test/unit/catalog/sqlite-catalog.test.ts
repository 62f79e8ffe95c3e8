import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { fileURLToPath } from 'node:url'
import { expect } from 'chai'
import type { Catalog } from '../../../src/catalog/catalog.ts'
import { openSqliteCatalog } from '../../../src/catalog/sqlite-catalog.ts'
import { systemClock } from '../../../src/runtime/clock.ts'
import { randomIds } from '../../../src/runtime/ids.ts'
import { createFileStore } from '../../../src/storage/file-store.ts'
import { locationOfPath, pathOfLocation } from '../../../src/storage/location.ts'
import {
  appendTo,
  appendUntilCommitted,
  events,
  eventsSchema,
  historyOf,
  kindOf,
  scratchDirectory,
  setProperties,
  stillClock,
} from '../../support/catalog-fixtures.ts'

describe('sqlite catalog', () => {
  let directory: string
  let path: string
  let warehouse: string
  let opened: { close(): unknown }[]
  let remove: () => Promise<void>

  beforeEach(async () => {
    const scratch = await scratchDirectory()
    directory = scratch.path
    path = join(directory, 'catalog.db')
    warehouse = locationOfPath(join(directory, 'warehouse'))
    opened = []
    remove = () => scratch.remove()
  })
  afterEach(async () => {
    for (const each of opened.reverse()) await each.close()
    await remove()
  })

  async function open(clock = stillClock): Promise<Catalog> {
    const store = createFileStore()
    const catalog = await openSqliteCatalog({ path, warehouse, store, clock, ids: randomIds })
    opened.push(catalog)
    return catalog
  }

  /** The file as another library sees it. */
  function other(): DatabaseSync {
    const database = new DatabaseSync(path)
    opened.push({ close: () => database.isOpen && database.close() })
    return database
  }

  const create = (catalog: Catalog) => catalog.createTable(events(), { schema: eventsSchema })

  for (const [what, change] of [
    ['removed', async () => {}],
    ['replaced', () => writeFile(path, '')],
  ] as const) {
    it(`neither reads nor writes a file that was ${what} while it was open`, async () => {
      const catalog = await open()
      const table = await create(catalog)
      for (const suffix of ['', '-wal', '-shm']) await rm(path + suffix, { force: true })
      await change()
      expect(await kindOf(catalog.loadTable(events()))).to.equal('corrupt')
      const outcome = await catalog.commitTable(events(), setProperties(table, { key: 'value' }))
      expect(outcome.kind).to.equal('conflict')
    })
  }

  it('keeps its tables as the JDBC catalog has them', async () => {
    const catalog = await open()
    const created = await create(catalog)
    const outcome = await catalog.commitTable(events(), setProperties(created, { a: 'b' }))
    if (outcome.kind !== 'committed') throw new Error(outcome.kind)
    const database = other()
    expect({ ...database.prepare('SELECT * FROM iceberg_tables').get() }).to.deep.equal({
      catalog_name: 'default',
      table_namespace: 'web',
      table_name: 'events',
      metadata_location: outcome.table.metadataLocation,
      previous_metadata_location: created.metadataLocation,
      iceberg_type: 'TABLE',
    })
    const namespaces = database.prepare('SELECT * FROM iceberg_namespace_properties').all()
    expect(namespaces.map((row) => ({ ...row }))).to.deep.equal([
      {
        catalog_name: 'default',
        namespace: 'web',
        property_key: 'exists',
        property_value: 'true',
      },
    ])
    expect(database.prepare('PRAGMA journal_mode').get()?.['journal_mode']).to.equal('wal')
  })

  it('opens a file whose tables are of the first version, without the type', async () => {
    const database = other()
    database.exec(`CREATE TABLE iceberg_tables (
      catalog_name VARCHAR(255) NOT NULL, table_namespace VARCHAR(255) NOT NULL,
      table_name VARCHAR(255) NOT NULL, metadata_location VARCHAR(1000),
      previous_metadata_location VARCHAR(1000),
      PRIMARY KEY (catalog_name, table_namespace, table_name))`)
    const made = await create(await open())
    database.exec("UPDATE iceberg_tables SET iceberg_type = NULL WHERE table_name = 'events'")
    const catalog = await open()
    expect(await catalog.loadTable(events())).to.deep.equal(made)
    await appendUntilCommitted(catalog, events(), 1n)
    expect(await catalog.listTables('default', ['web'])).to.deep.equal([events()])
  })

  it('does not take a view for a table, and makes no table over it', async () => {
    const catalog = await open()
    other().exec(`INSERT INTO iceberg_tables VALUES
      ('default', 'web', 'events', 'file:///view.json', NULL, 'VIEW')`)
    expect(await kindOf(catalog.loadTable(events()))).to.equal('not-found')
    expect(await kindOf(catalog.dropTable(events()))).to.equal('not-found')
    expect(await catalog.listTables('default', ['web'])).to.deep.equal([])
    expect(await kindOf(create(catalog))).to.equal('already-exists')
  })

  it('waits for the lock of another process, and commits when it is free', async () => {
    const database = other()
    const catalog = await open({
      ...stillClock,
      sleep: async () => {
        if (database.isTransaction) database.exec('COMMIT')
      },
    })
    const table = await create(catalog)
    database.exec('BEGIN IMMEDIATE')
    const outcome = await catalog.commitTable(events(), appendTo(table, 1n))
    expect(outcome.kind).to.equal('committed')
  })

  it('says conflict of a lock that stays, has not committed, and leaves no file', async () => {
    const catalog = await open()
    const table = await create(catalog)
    const database = other()
    database.exec('BEGIN IMMEDIATE')
    const outcome = await catalog.commitTable(events(), appendTo(table, 1n))
    expect(outcome).to.have.property('kind', 'conflict')
    expect(outcome).to.have.property('cause').that.has.property('kind', 'overloaded')
    const second = events('default', ['web'], 'second')
    const created = catalog.createTable(second, { schema: eventsSchema })
    expect(await kindOf(created)).to.equal('overloaded')
    expect(await catalog.loadTable(events())).to.deep.equal(table)
    database.exec('ROLLBACK')
    const files = await readdir(join(directory, 'warehouse'), { recursive: true })
    expect(files.filter((file) => file.endsWith('.json'))).to.have.length(1)
  })

  it('says conflict of a change that the database refuses', async () => {
    const catalog = await open()
    const table = await create(catalog)
    other().exec(
      "CREATE TRIGGER full BEFORE UPDATE ON iceberg_tables BEGIN SELECT RAISE(FAIL, 'full'); END",
    )
    const outcome = await catalog.commitTable(events(), appendTo(table, 1n))
    expect(outcome).to.have.property('kind', 'conflict')
    expect(await catalog.loadTable(events())).to.deep.equal(table)
  })

  it('refuses to open what is no database, or cannot keep a journal', async () => {
    await writeFile(path, 'not a database, but long enough to be read as a header'.repeat(20))
    expect(await kindOf(open())).to.equal('corrupt')
    path = directory
    expect(await kindOf(open())).to.equal('unavailable')
  })

  it('keeps the version hint that DuckDB completes to the current metadata file', async () => {
    const catalog = await open()
    await create(catalog)
    await appendUntilCommitted(catalog, events(), 1n)
    const { metadata, metadataLocation } = await catalog.loadTable(events())
    const store = createFileStore()
    const hint = await store.get(`${metadata.location}/metadata/version-hint.text`)
    const completed = `${metadata.location}/metadata/${Buffer.from(hint).toString()}.metadata.json`
    expect(completed).to.equal(metadataLocation)
    expect(metadataLocation).to.match(/\/metadata\/00001-[0-9a-f-]{36}\.metadata\.json$/)
  })

  it('loses nothing when two processes commit at the same time', async () => {
    const catalog = await open(systemClock)
    const { metadata } = await create(catalog)
    const script = fileURLToPath(new URL('../../support/catalog-child.js', import.meta.url))
    const each = 25
    const child = spawn(
      process.execPath,
      ['--no-warnings', script, path, warehouse, '1001', String(each)],
      { stdio: ['ignore', 'ignore', 'inherit'] },
    )
    const exit = once(child, 'exit')
    for (let i = 1; i <= each; i += 1) await appendUntilCommitted(catalog, events(), BigInt(i))
    expect(await exit).to.deep.equal([0, null])

    const table = await catalog.loadTable(events())
    const history = historyOf(table)
    const expected = Array.from({ length: each }, (_, i) => [BigInt(i + 1), BigInt(i + 1001)])
    expect(new Set(history)).to.deep.equal(new Set(expected.flat()))
    expect(history).to.have.length(2 * each)
    expect(table.metadata['last-sequence-number']).to.equal(BigInt(2 * each))

    // Every lost attempt took its file away again: one for each version, and the hint.
    const files = await readdir(pathOfLocation(`${metadata.location}/metadata`))
    expect(files).to.have.length(1 + 2 * each + 1)
    const hint = await createFileStore().get(`${metadata.location}/metadata/version-hint.text`)
    expect(table.metadataLocation).to.include(Buffer.from(hint).toString())
  }).timeout(30_000)
})
