/** Pointers in memory: every promise of the port but durability. */
import { ServiceError } from '../errors.ts'
import type { TableIdentifier } from '../names.ts'
import type { Pointers } from './pointers.ts'

interface Entry {
  readonly identifier: TableIdentifier
  location: string
}

export function createMemoryPointers(): Pointers {
  const tables = new Map<string, Entry>()
  const namespaces = new Map<string, { tenant: string; namespace: readonly string[] }>()
  let isClosed = false

  const keyOf = ({ tenant, namespace, name }: TableIdentifier) =>
    JSON.stringify([tenant, namespace, name])
  const add = (tenant: string, namespace: readonly string[]) =>
    namespaces.set(JSON.stringify([tenant, namespace]), { tenant, namespace: [...namespace] })

  function checkOpen(): void {
    if (isClosed) throw new ServiceError('closed', 'the catalog is closed')
  }

  return {
    async namespaces(tenant) {
      checkOpen()
      const own = [...namespaces.values()].filter((entry) => entry.tenant === tenant)
      return own.map(({ namespace }) => namespace).sort(byName)
    },
    async addNamespace(tenant, namespace) {
      checkOpen()
      add(tenant, namespace)
    },
    async tables(tenant, namespace) {
      checkOpen()
      const wanted = JSON.stringify([tenant, namespace])
      return [...tables.values()]
        .map(({ identifier }) => identifier)
        .filter((table) => JSON.stringify([table.tenant, table.namespace]) === wanted)
        .map(({ name }) => name)
        .sort()
    },
    async read(identifier) {
      checkOpen()
      return tables.get(keyOf(identifier))?.location
    },
    async insert(identifier, location) {
      checkOpen()
      if (tables.has(keyOf(identifier))) return false
      add(identifier.tenant, identifier.namespace)
      tables.set(keyOf(identifier), { identifier, location })
      return true
    },
    async swap(identifier, from, to) {
      checkOpen()
      const entry = tables.get(keyOf(identifier))
      if (entry?.location !== from) return false
      entry.location = to
      return true
    },
    async remove(identifier) {
      checkOpen()
      return tables.delete(keyOf(identifier))
    },
    async close() {
      isClosed = true
    },
  }
}

function byName(a: readonly string[], b: readonly string[]): number {
  return a.join('.') < b.join('.') ? -1 : 1
}
