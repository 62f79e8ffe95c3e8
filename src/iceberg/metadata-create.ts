/**
 * The metadata of a new table, as the reference implementation makes it: field ids from 1,
 * partition ids from 1000, sort orders from 1, and the default properties below.
 */
import { ServiceError } from '../errors.ts'
import { metadataDefect } from './metadata-check.ts'
import {
  assignPartitionIds,
  checkSortOrder,
  checkSpec,
  PARTITION_ID_FIRST,
  UNPARTITIONED,
  UNSORTED,
} from './partition.ts'
import { checkProperties } from './properties.ts'
import { highestFieldId, remapIds } from './schema.ts'
import type { PartitionSpec, Schema, SortOrder, TableMetadata } from './types.ts'

export interface CreateTableMetadata {
  /** Ids only relate the spec, the order and the identifiers to fields; all are assigned afresh. */
  readonly schema: Schema
  readonly partitionSpec?: PartitionSpec | undefined
  readonly sortOrder?: SortOrder | undefined
  readonly location: string
  readonly properties?: Readonly<Record<string, string>> | undefined
  readonly uuid: string
  readonly now: number
  readonly formatVersion?: 2 | 3 | undefined
}

/**
 * What a table has unless its creator says otherwise. Streams commit every few seconds, and every
 * commit leaves one more metadata file behind: without deleting those that have fallen off the
 * metadata log, a table would gather millions of them in a year.
 */
export const DEFAULT_PROPERTIES: Readonly<Record<string, string>> = {
  'write.parquet.compression-codec': 'zstd',
  'write.metadata.delete-after-commit.enabled': 'true',
}

/** @throws ServiceError `invalid` for a schema, spec, order or property that no table may have. */
export function createTableMetadata(request: CreateTableMetadata): TableMetadata {
  const { properties = {}, uuid, now, formatVersion = 2 } = request
  const { schema: fresh, freshId } = remapIds(request.schema)
  const schema = { ...fresh, 'schema-id': 0 }
  const { spec, lastPartitionId } = freshSpec(request.partitionSpec ?? UNPARTITIONED, freshId)
  const order = freshOrder(request.sortOrder ?? UNSORTED, freshId)
  checkSpec(schema, spec)
  checkSortOrder(schema, order)
  checkProperties(properties)
  const metadata: TableMetadata = {
    'format-version': formatVersion,
    'table-uuid': uuid,
    location: trimLocation(request.location),
    'last-sequence-number': 0n,
    'last-updated-ms': now,
    'last-column-id': highestFieldId(schema),
    schemas: [schema],
    'current-schema-id': 0,
    'partition-specs': [spec],
    'default-spec-id': 0,
    'last-partition-id': lastPartitionId,
    'sort-orders': [order],
    'default-sort-order-id': order['order-id'],
    properties: { ...DEFAULT_PROPERTIES, ...properties },
    'current-snapshot-id': undefined,
    snapshots: [],
    'snapshot-log': [],
    'metadata-log': [],
    refs: {},
    statistics: [],
    'partition-statistics': [],
    ...(formatVersion === 3 ? { 'next-row-id': 0n } : {}),
  }
  const defect = metadataDefect(metadata)
  if (defect === undefined) return metadata
  throw new ServiceError('invalid', defect)
}

/** Without trailing slashes, so that joining never doubles them. */
export function trimLocation(location: string): string {
  const trimmed = location.replace(/\/+$/, '')
  if (trimmed !== '') return trimmed
  throw new ServiceError('invalid', `table location ${JSON.stringify(location)} names no place`)
}

function freshSpec(spec: PartitionSpec, freshId: (id: number) => number) {
  const fields = spec.fields.map((field) => ({
    ...field,
    'source-id': freshId(field['source-id']),
    'field-id': 0,
  }))
  return assignPartitionIds({ 'spec-id': 0, fields }, [], PARTITION_ID_FIRST - 1)
}

function freshOrder(order: SortOrder, freshId: (id: number) => number): SortOrder {
  if (order.fields.length === 0) return UNSORTED
  const fields = order.fields.map((field) => ({
    ...field,
    'source-id': freshId(field['source-id']),
  }))
  return { 'order-id': 1, fields }
}
