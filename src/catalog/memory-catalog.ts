/** A catalog that lives as long as its process: the shared engine on pointers in memory. */
import type { Catalog } from './catalog.ts'
import { createMemoryPointers } from './memory-pointers.ts'
import type { CatalogParts } from './parts.ts'
import { createPointerCatalog } from './pointer-catalog.ts'

export function createMemoryCatalog(parts: Omit<CatalogParts, 'pointers'>): Catalog {
  return createPointerCatalog({ ...parts, pointers: createMemoryPointers() })
}
