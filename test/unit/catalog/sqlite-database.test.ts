import { join } from 'node:path'
import { expect } from 'chai'
import { SqliteDatabase } from '../../../src/catalog/sqlite-database.ts'
import { kindOf, scratchDirectory, stillClock } from '../../support/catalog-fixtures.ts'

describe('sqlite database', () => {
  let database: SqliteDatabase
  let remove: () => Promise<void>

  beforeEach(async () => {
    const scratch = await scratchDirectory()
    remove = () => scratch.remove()
    const path = join(scratch.path, 'a', 'b', 'file.db')
    database = await SqliteDatabase.open({ path, clock: stillClock })
    await database.transact((connection) =>
      connection.exec(`
        CREATE TABLE parent (id INTEGER PRIMARY KEY);
        CREATE TABLE child (id INTEGER REFERENCES parent DEFERRABLE INITIALLY DEFERRED);`),
    )
  })
  afterEach(async () => {
    await database.close()
    await remove()
  })

  const count = (table: string) =>
    database.read((c) => c.prepare(`SELECT count(*) AS n FROM ${table}`).get()?.['n'])

  it('syncs fully and keeps its journal ahead of itself', async () => {
    const pragma = (name: string) => database.read((c) => c.prepare(`PRAGMA ${name}`).get()?.[name])
    expect(await pragma('journal_mode')).to.equal('wal')
    expect(await pragma('synchronous')).to.equal(2)
  })

  it('says unavailable when the end of a transaction fails, and goes on afterwards', async () => {
    const orphan = database.transact((c) => c.exec('INSERT INTO child VALUES (1)'))
    expect(await kindOf(orphan)).to.equal('unavailable')
    await database.transact((c) => c.exec('INSERT INTO parent VALUES (1)'))
    expect(await count('parent')).to.equal(1)
    expect(await count('child')).to.equal(0)
  })

  it('says overloaded when the work fails before its end, and has undone it', async () => {
    const failing = database.transact((c) => {
      c.exec('INSERT INTO parent VALUES (7)')
      throw new Error('in the middle')
    })
    expect(await kindOf(failing)).to.equal('overloaded')
    expect(await count('parent')).to.equal(0)
  })

  it('is closed to every work after its end', async () => {
    await database.close()
    await database.close()
    expect(await kindOf(count('parent'))).to.equal('closed')
    expect(await kindOf(database.transact(() => {}))).to.equal('closed')
  })
})
