/**
 * What holds for every version of a table's metadata. Other engines refuse to load a table that
 * breaks one of these, so nothing that breaks one is ever written.
 */
import { highestFieldId } from './schema.ts'
import { schemaDefect } from './schema-json.ts'
import { MAIN } from './snapshot-json.ts'
import type { TableMetadata } from './types.ts'

/** Clocks of different writers may disagree by this much. */
export const CLOCK_SKEW_MS = 60_000

/** The first rule that is broken, as a sentence; undefined when the metadata is sound. */
export function metadataDefect(metadata: TableMetadata): string | undefined {
  return (
    danglingId(metadata) ??
    highWaterDefect(metadata) ??
    snapshotDefect(metadata) ??
    refDefect(metadata) ??
    logDefect(metadata)
  )
}

function danglingId(metadata: TableMetadata): string | undefined {
  const { schemas, 'partition-specs': specs, 'sort-orders': orders } = metadata
  const ids: [string, number, readonly number[]][] = [
    ['current-schema-id', metadata['current-schema-id'], schemas.map((s) => s['schema-id'])],
    ['default-spec-id', metadata['default-spec-id'], specs.map((s) => s['spec-id'])],
    ['default-sort-order-id', metadata['default-sort-order-id'], orders.map((o) => o['order-id'])],
  ]
  for (const [name, id, known] of ids) {
    if (!known.includes(id)) return `${name} ${id} names nothing that is there`
    if (new Set(known).size !== known.length)
      return `two things have the id that ${name} chooses by`
  }
  return undefined
}

function highWaterDefect(metadata: TableMetadata): string | undefined {
  const lastColumnId = metadata['last-column-id']
  for (const schema of metadata.schemas) {
    const defect = schemaDefect(schema, metadata['format-version'])
    if (defect !== undefined) return `schema ${schema['schema-id']}: ${defect}`
    if (highestFieldId(schema) > lastColumnId) {
      return `schema ${schema['schema-id']} has field ids above last-column-id ${lastColumnId}`
    }
  }
  for (const spec of metadata['partition-specs']) {
    const highest = Math.max(0, ...spec.fields.map((field) => field['field-id']))
    if (highest > metadata['last-partition-id']) {
      return `spec ${spec['spec-id']} has field id ${highest} above last-partition-id`
    }
  }
  return undefined
}

function snapshotDefect(metadata: TableMetadata): string | undefined {
  const last = metadata['last-sequence-number']
  const ids = new Set<bigint>()
  for (const snapshot of metadata.snapshots) {
    const id = snapshot['snapshot-id']
    if (ids.has(id)) return `two snapshots have the id ${id}`
    ids.add(id)
    if (snapshot['sequence-number'] > last) {
      return `snapshot ${id} has a sequence number above last-sequence-number ${last}`
    }
  }
  return undefined
}

function refDefect(metadata: TableMetadata): string | undefined {
  const ids = new Set(metadata.snapshots.map((snapshot) => snapshot['snapshot-id']))
  for (const [name, ref] of Object.entries(metadata.refs)) {
    if (!ids.has(ref['snapshot-id'])) return `ref ${name} names a snapshot that is not there`
  }
  const main = Object.hasOwn(metadata.refs, MAIN) ? metadata.refs[MAIN] : undefined
  if (main?.type === 'tag') return 'main is a tag; it must be a branch'
  const current = metadata['current-snapshot-id']
  if (main?.['snapshot-id'] !== current) {
    return `current-snapshot-id ${current ?? 'none'} and the head of main disagree`
  }
  return undefined
}

function logDefect(metadata: TableMetadata): string | undefined {
  for (const name of ['snapshot-log', 'metadata-log'] as const) {
    let latest = -Infinity
    for (const { 'timestamp-ms': at } of metadata[name]) {
      if (at < latest - CLOCK_SKEW_MS) return `${name} runs backwards in time`
      latest = at
    }
    if (metadata['last-updated-ms'] < latest - CLOCK_SKEW_MS) {
      return `last-updated-ms is before the last entry of ${name}`
    }
  }
  return undefined
}
