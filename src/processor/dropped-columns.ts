/**
 * Columns that waiting entries have and that the table has dropped since they were acknowledged:
 * their rows are committed without them, which an operator should hear of.
 */
import { decodeSchema } from '../entry.ts'
import { allFields, currentSchema } from '../iceberg/schema.ts'
import type { TableMetadata } from '../iceberg/types.ts'
import type { EncodeEntry } from '../parquet/encoder.ts'

/** By the names that they had. A column that the metadata has never heard of is newer than they. */
export function droppedColumns(
  entries: readonly Pick<EncodeEntry, 'definitions'>[],
  metadata: TableMetadata,
): readonly string[] {
  const sent = sentIds(entries)
  for (const { field } of allFields(currentSchema(metadata))) sent.delete(field.id)
  if (sent.size === 0) return []
  const names = new Map<number, string>()
  for (const schema of metadata.schemas) {
    for (const { field, path } of allFields(schema)) {
      if (sent.has(field.id)) names.set(field.id, path)
    }
  }
  return [...names.values()]
}

function sentIds(entries: readonly Pick<EncodeEntry, 'definitions'>[]): Set<number> {
  const schemas = new Map(
    entries.flatMap(({ definitions: [schema] }) => (schema ? [[schema.id, schema.bytes]] : [])),
  )
  return new Set([...schemas.values()].flatMap(idsOf).filter((id) => id > 0))
}

/** What cannot be read is for the encoder to judge, entry by entry. */
function idsOf(bytes: Uint8Array): readonly number[] {
  try {
    return decodeSchema(bytes).fieldIds
  } catch {
    return []
  }
}
