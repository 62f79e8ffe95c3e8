/** Pure: a table as the actions `describe` and `snapshots` show it, in JSON of snake_case names. */
import type { LoadedTable } from '../../catalog/catalog.ts'
import type { Snapshot } from '../../iceberg/types.ts'
import { formatTable } from '../../names.ts'

/** Members whose value is Iceberg's own JSON (schema, spec, summary) keep Iceberg's names. */
export function describeTable({ identifier, metadata, metadataLocation }: LoadedTable) {
  const current = metadata.snapshots.find(
    (snapshot) => snapshot['snapshot-id'] === metadata['current-snapshot-id'],
  )
  return {
    table: formatTable(identifier),
    uuid: metadata['table-uuid'],
    format_version: metadata['format-version'],
    location: metadata.location,
    metadata_location: metadataLocation,
    schema: metadata.schemas.find(
      (schema) => schema['schema-id'] === metadata['current-schema-id'],
    ),
    partition_spec: metadata['partition-specs'].find(
      (spec) => spec['spec-id'] === metadata['default-spec-id'],
    ),
    sort_order: metadata['sort-orders'].find(
      (order) => order['order-id'] === metadata['default-sort-order-id'],
    ),
    properties: metadata.properties,
    current_snapshot: current && viewSnapshot(current),
  }
}

/** Oldest first. */
export function listSnapshots({ metadata }: LoadedTable) {
  return metadata.snapshots.map(viewSnapshot)
}

function viewSnapshot(snapshot: Snapshot) {
  const { operation, ...summary } = snapshot.summary
  return {
    snapshot_id: snapshot['snapshot-id'],
    parent_id: snapshot['parent-snapshot-id'],
    sequence_number: snapshot['sequence-number'],
    timestamp_ms: snapshot['timestamp-ms'],
    operation,
    summary,
  }
}
