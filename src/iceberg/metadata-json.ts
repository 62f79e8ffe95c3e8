/**
 * Table metadata files: JSON text to values and back (Iceberg spec, "Table Metadata").
 *
 * Promises: what is read is checked against the rules that other engines enforce, so a table that
 * they could not read is not written on; what was read and not changed is written with the same
 * values, members unknown to us included. Writes every member that older readers demand although
 * the specification calls it optional, and never a null.
 */
import { ServiceError } from '../errors.ts'
import { parseJson, stringifyJson } from '../json.ts'
import {
  compact,
  type JsonObject,
  optional,
  readArray,
  readEach,
  readInt,
  readLong,
  readNumber,
  readObject,
  readString,
  readStringMap,
} from './json-reader.ts'
import { metadataDefect } from './metadata-check.ts'
import { parseSchema } from './schema-json.ts'
import { parseRefs, parseSnapshot, positiveId } from './snapshot-json.ts'
import { parsePartitionSpec, parseSortOrder } from './spec-json.ts'
import type { TableMetadata } from './types.ts'

/** How "no current snapshot" is written in format version 2: older readers demand the member. */
const NO_SNAPSHOT = -1

const MEMBERS = [
  'format-version',
  'table-uuid',
  'location',
  'last-sequence-number',
  'last-updated-ms',
  'last-column-id',
  'current-schema-id',
  'schemas',
  'default-spec-id',
  'partition-specs',
  'last-partition-id',
  'default-sort-order-id',
  'sort-orders',
  'properties',
  'current-snapshot-id',
  'next-row-id',
  'refs',
  'snapshots',
  'statistics',
  'partition-statistics',
  'snapshot-log',
  'metadata-log',
] as const satisfies readonly (keyof TableMetadata)[]

/**
 * @throws ServiceError `corrupt` naming the member that is damaged; `unsupported` for a format
 * version or a type that is not offered.
 */
export function parseTableMetadata(text: string): TableMetadata {
  try {
    const metadata = readMetadata(readObject(parseJson(text), 'table metadata'))
    const defect = metadataDefect(metadata)
    if (defect === undefined) return metadata
    throw new ServiceError('invalid', defect)
  } catch (thrown) {
    if (!(thrown instanceof ServiceError) || thrown.kind !== 'invalid') throw thrown
    throw new ServiceError('corrupt', `table metadata is damaged: ${thrown.message}`, {
      cause: thrown,
    })
  }
}

/** The text of a metadata file, members in the reference implementation's order. */
export function formatTableMetadata(metadata: TableMetadata): string {
  const none = metadata['format-version'] < 3 ? NO_SNAPSHOT : undefined
  return stringifyJson({
    ...Object.fromEntries(MEMBERS.map((member) => [member, metadata[member]])),
    ...metadata,
    'current-snapshot-id': metadata['current-snapshot-id'] ?? none,
  })
}

function readMetadata(json: JsonObject): TableMetadata {
  const formatVersion = readFormatVersion(json)
  const currentSnapshotId = positiveId(json['current-snapshot-id'], 'current-snapshot-id')
  const nextRowId = formatVersion === 3 ? readLong(json['next-row-id'], 'next-row-id') : undefined
  const list = <T>(name: string, read: (value: unknown, path: string) => T) =>
    readEach(json[name] ?? [], name, read)
  const metadata: TableMetadata = {
    ...json,
    'format-version': formatVersion,
    'table-uuid': readString(json['table-uuid'], 'table-uuid'),
    location: readString(json['location'], 'location'),
    'last-sequence-number': readLong(json['last-sequence-number'], 'last-sequence-number'),
    'last-updated-ms': readNumber(json['last-updated-ms'], 'last-updated-ms'),
    'last-column-id': readInt(json['last-column-id'], 'last-column-id'),
    schemas: readEach(json['schemas'], 'schemas', parseSchema),
    'current-schema-id': readInt(json['current-schema-id'], 'current-schema-id'),
    'partition-specs': readEach(json['partition-specs'], 'partition-specs', parsePartitionSpec),
    'default-spec-id': readInt(json['default-spec-id'], 'default-spec-id'),
    'last-partition-id': readInt(json['last-partition-id'], 'last-partition-id'),
    'sort-orders': readEach(json['sort-orders'], 'sort-orders', parseSortOrder),
    'default-sort-order-id': readInt(json['default-sort-order-id'], 'default-sort-order-id'),
    properties: optional(json['properties'], 'properties', readStringMap) ?? {},
    'current-snapshot-id': currentSnapshotId,
    snapshots: list('snapshots', parseSnapshot),
    'snapshot-log': list('snapshot-log', readSnapshotLogEntry),
    'metadata-log': list('metadata-log', readMetadataLogEntry),
    refs: parseRefs(json['refs'], currentSnapshotId),
    statistics: readArray(json['statistics'] ?? [], 'statistics'),
    'partition-statistics': readArray(json['partition-statistics'] ?? [], 'partition-statistics'),
  }
  return nextRowId === undefined ? metadata : { ...metadata, 'next-row-id': nextRowId }
}

function readFormatVersion(json: JsonObject): 2 | 3 {
  const version = readInt(json['format-version'], 'format-version')
  if (version === 2 || version === 3) return version
  throw new ServiceError(
    'unsupported',
    `the table has format version ${version}; 2 and 3 are offered, so upgrade an older table first`,
  )
}

function readSnapshotLogEntry(value: unknown, path: string) {
  const json = readObject(value, path)
  return compact({
    ...json,
    'timestamp-ms': readNumber(json['timestamp-ms'], `${path}.timestamp-ms`),
    'snapshot-id': readLong(json['snapshot-id'], `${path}.snapshot-id`),
  })
}

function readMetadataLogEntry(value: unknown, path: string) {
  const json = readObject(value, path)
  return compact({
    ...json,
    'timestamp-ms': readNumber(json['timestamp-ms'], `${path}.timestamp-ms`),
    'metadata-file': readString(json['metadata-file'], `${path}.metadata-file`),
  })
}
