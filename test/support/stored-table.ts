/** Judges a table whose metadata is at hand and whose files are in a store, with stand-ins for Parquet. */
import { formatTableMetadata } from '../../src/iceberg/metadata-json.ts'
import type { TableMetadata } from '../../src/iceberg/types.ts'
import type { ObjectStore } from '../../src/storage/object-store.ts'
import { tableFaults } from './metadata-checker.ts'

const METADATA = 'memory:///metadata.json'

export function storedTableFaults(metadata: TableMetadata, store: ObjectStore): Promise<string[]> {
  const text = Buffer.from(formatTableMetadata(metadata))
  const read = async (location: string) => {
    if (location === METADATA) return text
    return (await store.head(location)) === undefined ? undefined : store.get(location)
  }
  return tableFaults(METADATA, { read, isParquet: false })
}
