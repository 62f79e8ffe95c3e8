/**
 * What follows a commit and may fail without harm: the version hint for readers without a
 * catalog, and the removal of metadata files that fell off the table's log.
 */
import type { TableMetadata } from '../iceberg/types.ts'
import { isMetadataOf, versionHint, versionHintLocation } from '../storage/paths.ts'
import type { LoadedTable } from './catalog.ts'
import type { CatalogParts } from './parts.ts'

const DELETE_AFTER_COMMIT = 'write.metadata.delete-after-commit.enabled'
/** Rounds of writing the hint and looking whether another commit overtook it. */
const HINT_ROUNDS_MAX = 4

/** Never throws: the commit has happened, whatever comes of this. */
export async function settle(
  parts: CatalogParts,
  table: LoadedTable,
  base: LoadedTable | undefined,
): Promise<void> {
  try {
    await writeHint(parts, table)
    if (base) await deleteFallen(parts, base.metadata, table.metadata)
  } catch {
    // The next commit writes the hint again, and the sweeper finds the files.
  }
}

/**
 * The hint has no newline at its end, because DuckDB takes the bytes as they are. Whoever writes
 * it last looks at the pointer afterwards, so that two commits cannot leave the older one's hint.
 */
async function writeHint(
  { pointers, store }: Pick<CatalogParts, 'pointers' | 'store'>,
  { identifier, metadata: { location }, metadataLocation }: LoadedTable,
): Promise<void> {
  let current = metadataLocation
  for (let round = 0; round < HINT_ROUNDS_MAX; round += 1) {
    const hint = versionHint(location, current)
    if (hint === undefined) return
    await store.put(versionHintLocation(location), [Buffer.from(hint)])
    const latest = await pointers.read(identifier)
    if (latest === undefined || latest === current) return
    current = latest
  }
}

/** Only files that Iceberg would name so in the table's own directory, whatever the log says. */
async function deleteFallen(
  { store }: Pick<CatalogParts, 'store'>,
  before: TableMetadata,
  after: TableMetadata,
): Promise<void> {
  if (after.properties[DELETE_AFTER_COMMIT] !== 'true') return
  const kept = new Set(after['metadata-log'].map((entry) => entry['metadata-file']))
  for (const { 'metadata-file': file } of before['metadata-log']) {
    if (!kept.has(file) && isMetadataOf(after.location, file)) await store.delete(file)
  }
}
