/** From a table's pointer to its metadata, always fresh. */
import { ServiceError } from '../errors.ts'
import { formatTable, type TableIdentifier } from '../names.ts'
import type { ObjectStore } from '../storage/object-store.ts'
import type { LoadedTable } from './catalog.ts'
import { readMetadata } from './metadata-files.ts'
import type { Pointers } from './pointers.ts'

const ATTEMPTS_MAX = 4

/**
 * Undefined when there is no such table. A missing metadata file is never `not-found`, which
 * would ask the caller to create the table: it is `corrupt`, unless the pointer had moved on.
 *
 * @throws ServiceError `corrupt`, `unavailable`, `overloaded`.
 */
export async function loadIfExists(
  { pointers, store }: { readonly pointers: Pointers; readonly store: ObjectStore },
  identifier: TableIdentifier,
): Promise<LoadedTable | undefined> {
  let missing: string | undefined
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt += 1) {
    const metadataLocation = await pointers.read(identifier)
    if (metadataLocation === undefined) return undefined
    if (metadataLocation === missing) break
    try {
      return { identifier, metadata: await readMetadata(store, metadataLocation), metadataLocation }
    } catch (error) {
      // Another writer may have committed and cleaned up since the pointer was read.
      if (!(error instanceof ServiceError) || error.kind !== 'not-found') throw error
      missing = metadataLocation
    }
  }
  throw new ServiceError(
    'corrupt',
    `metadata file ${missing} of table ${formatTable(identifier)} is missing`,
  )
}
