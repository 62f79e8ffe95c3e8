/**
 * A process of its own that appends to a table of a SQLite catalog, for tests that share the file.
 *
 *     node catalog-child.js <catalog file> <warehouse> <first snapshot id> <count>
 */
import { openSqliteCatalog } from '../../src/catalog/sqlite-catalog.ts'
import { systemClock } from '../../src/runtime/clock.ts'
import { randomIds } from '../../src/runtime/ids.ts'
import { createFileStore } from '../../src/storage/file-store.ts'
import { appendUntilCommitted, events } from './catalog-fixtures.ts'

const [path = '', warehouse = '', first = '', count = ''] = process.argv.slice(2)
const catalog = await openSqliteCatalog({
  path,
  warehouse,
  store: createFileStore(),
  clock: systemClock,
  ids: randomIds,
})
for (let i = 0; i < Number(count); i += 1) {
  await appendUntilCommitted(catalog, events(), BigInt(first) + BigInt(i))
}
await catalog.close()
