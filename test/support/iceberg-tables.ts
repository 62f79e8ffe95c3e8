/** Small tables, snapshots and data files for tests of the Iceberg room. */
import { readFileSync } from 'node:fs'
import { createTableMetadata } from '../../src/iceberg/metadata-create.ts'
import { applyUpdates } from '../../src/iceberg/metadata-update.ts'
import type {
  DataFile,
  PartitionSpec,
  Schema,
  Snapshot,
  TableMetadata,
} from '../../src/iceberg/types.ts'

export const TABLE_UUID = 'f79c3e09-677c-4bbd-a479-3f349cb785e7'

export const eventSchema: Schema = {
  type: 'struct',
  'schema-id': 0,
  fields: [
    { id: 1, name: 'id', required: true, type: 'long' },
    { id: 2, name: 'at', required: false, type: 'timestamptz' },
    { id: 3, name: 'region', required: false, type: 'string' },
    { id: 4, name: 'price', required: false, type: 'decimal(9, 2)' },
  ],
}

export const byDayAndRegion: PartitionSpec = {
  'spec-id': 0,
  fields: [
    { 'source-id': 2, 'field-id': 1000, name: 'at_day', transform: 'day' },
    { 'source-id': 3, 'field-id': 1001, name: 'region', transform: 'identity' },
  ],
}

export function eventTable(overrides: Partial<TableMetadata> = {}): TableMetadata {
  const created = createTableMetadata({
    schema: eventSchema,
    location: 'file:///warehouse/default/events',
    uuid: TABLE_UUID,
    now: 1_000_000,
  })
  return { ...created, ...overrides }
}

export function snapshotOf(
  id: bigint,
  sequence: bigint,
  overrides: Partial<Snapshot> = {},
): Snapshot {
  return {
    'snapshot-id': id,
    'sequence-number': sequence,
    'timestamp-ms': 1_000_000,
    'manifest-list': `file:///warehouse/default/events/metadata/snap-${id}.avro`,
    summary: { operation: 'append' },
    'schema-id': 0,
    ...overrides,
  }
}

/** The table after the snapshot became the head of main. */
export function withHead(
  base: TableMetadata,
  snapshot: Snapshot,
  now = snapshot['timestamp-ms'],
): TableMetadata {
  const id = snapshot['snapshot-id']
  return applyUpdates(
    base,
    [
      { action: 'add-snapshot', snapshot },
      { action: 'set-snapshot-ref', 'ref-name': 'main', type: 'branch', 'snapshot-id': id },
    ],
    { now, previousLocation: `file:///warehouse/default/events/metadata/before-${id}.json` },
  )
}

export function dataFileOf(overrides: Partial<DataFile> = {}): DataFile {
  return {
    filePath: 'file:///warehouse/default/events/data/a.parquet',
    partition: [],
    recordCount: 3n,
    fileSizeInBytes: 1234n,
    columnSizes: new Map([[1, 40n]]),
    valueCounts: new Map([[1, 3n]]),
    nullValueCounts: new Map([[1, 0n]]),
    nanValueCounts: new Map(),
    lowerBounds: new Map([[1, Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0)]]),
    upperBounds: new Map([[1, Uint8Array.of(3, 0, 0, 0, 0, 0, 0, 0)]]),
    splitOffsets: [4n],
    sortOrderId: undefined,
    ...overrides,
  }
}

/** The bytes of a fixture that is stored as hex, lines and all. */
export function readHexFixture(name: string): Uint8Array {
  return Uint8Array.from(Buffer.from(readTextFixture(name).replace(/\s/g, ''), 'hex'))
}

export function readTextFixture(name: string): string {
  return readFileSync(new URL(`../../../test/fixtures/${name}`, import.meta.url), 'utf8')
}
