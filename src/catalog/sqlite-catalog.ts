/**
 * The embedded catalog: a SQLite file that other Iceberg libraries open too, at the same time.
 *
 * Readers must ask for the catalog by the tenant's name (`SqlCatalog("default", …)`), because the
 * tables keep tenants apart by it.
 */
import type { Catalog } from './catalog.ts'
import type { CatalogParts } from './parts.ts'
import { createPointerCatalog } from './pointer-catalog.ts'
import { SqliteDatabase } from './sqlite-database.ts'
import { createSqlitePointers, prepareTables } from './sqlite-pointers.ts'

export interface SqliteCatalogOptions extends Omit<CatalogParts, 'pointers'> {
  /** The database file, on a local disk. */
  readonly path: string
}

/**
 * Makes the file and its tables where they are missing.
 *
 * @throws ServiceError `unavailable`, `corrupt`, `overloaded` (locked for too long), `unsupported`
 * when the disk cannot keep what it is given.
 */
export async function openSqliteCatalog(options: SqliteCatalogOptions): Promise<Catalog> {
  const { path, ...parts } = options
  const database = await SqliteDatabase.open({ path, clock: parts.clock })
  try {
    await prepareTables(database)
  } catch (error) {
    await database.close()
    throw error
  }
  return createPointerCatalog({ ...parts, pointers: createSqlitePointers(database) })
}
