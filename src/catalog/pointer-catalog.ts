/**
 * The catalog on top of {@link Pointers}: the same engine whatever keeps the pointers.
 * Does not know SQL, files or what a batch is.
 */
import { ServiceError } from '../errors.ts'
import { formatTable, tableIdentifier } from '../names.ts'
import type { Catalog } from './catalog.ts'
import { commitTable } from './commit.ts'
import { createTable } from './create.ts'
import { loadIfExists } from './load.ts'
import type { CatalogParts } from './parts.ts'

/** Any table name; only its namespace is wanted. */
const ANY = 'any'

export function createPointerCatalog(parts: CatalogParts): Catalog {
  const { pointers } = parts
  return {
    listNamespaces: (tenant) => pointers.namespaces(tenant),

    async createNamespace(tenant, namespace) {
      await pointers.addNamespace(tenant, tableIdentifier(tenant, namespace, ANY).namespace)
    },

    async listTables(tenant, namespace) {
      const names = await pointers.tables(tenant, namespace)
      return names.map((name) => ({ tenant, namespace: [...namespace], name }))
    },

    async loadTable(identifier) {
      const table = await loadIfExists(parts, identifier)
      if (table) return table
      throw noSuchTable(formatTable(identifier))
    },

    // Names are checked again where they become paths that last.
    createTable: async ({ tenant, namespace, name }, request) =>
      createTable(parts, tableIdentifier(tenant, namespace, name), request),

    commitTable: (identifier, request) => commitTable(parts, identifier, request),

    async dropTable(identifier) {
      if (!(await pointers.remove(identifier))) throw noSuchTable(formatTable(identifier))
    },

    close: () => pointers.close(),
  }
}

function noSuchTable(table: string): ServiceError {
  return new ServiceError('not-found', `table ${table} does not exist`)
}
