/**
 * Manifests: the data files of a snapshot, with their partitions and metrics, as Avro.
 *
 * Promises: encode and decode are each other's inverse; reading goes by field id, so manifests by
 * any writer are understood, delete files included. Values that a manifest leaves open are
 * inherited from its row in the manifest list, and stay undefined here.
 */
import { ServiceError } from '../errors.ts'
import { parseJson, stringifyJson } from '../json.ts'
import { type AvroRecord, decodeAvroFile, encodeAvroFile } from './avro-file.ts'
import { decimalFieldIds, recordWithId } from './avro-schema.ts'
import { asBuffer, readBytes } from './avro-values.ts'
import { bigintOf, decimalFrom, paddedDecimal } from './bounds.ts'
import {
  compact,
  optional,
  readArray,
  readEach,
  readInt,
  readLong,
  readObject,
  readString,
} from './json-reader.ts'
import { manifestName, manifestSchema, PARTITION_FIELD_ID } from './manifest-schema.ts'
import { partitionTypes } from './partition.ts'
import { decimalBytes, decimalOf } from './primitive.ts'
import { parseSchema } from './schema-json.ts'
import { parsePartitionFields } from './spec-json.ts'
import type { DataFile, PartitionSpec, PrimitiveType, Schema, Value } from './types.ts'

/** What a data file is by default, and what delete files and other writers add to it. */
export interface ContentFile extends DataFile {
  /** Data when absent. */
  readonly content?: 'data' | 'position-deletes' | 'equality-deletes'
  /** `PARQUET` when absent. */
  readonly fileFormat?: string
  readonly keyMetadata?: Uint8Array
  readonly equalityIds?: readonly number[]
  readonly referencedDataFile?: string
  readonly firstRowId?: bigint
  readonly contentOffset?: bigint
  readonly contentSizeInBytes?: bigint
}

export interface ManifestEntry {
  readonly status: 'existing' | 'added' | 'deleted'
  /** These three are inherited when undefined, which only an added file may leave open. */
  readonly snapshotId: bigint | undefined
  readonly sequenceNumber: bigint | undefined
  readonly fileSequenceNumber: bigint | undefined
  readonly dataFile: ContentFile
}

export interface Manifest {
  readonly schema: Schema
  readonly spec: PartitionSpec
  readonly formatVersion: 2 | 3
  readonly content: 'data' | 'deletes'
  readonly entries: readonly ManifestEntry[]
}

const STATUS = ['existing', 'added', 'deleted'] as const
const FILE_CONTENT = ['data', 'position-deletes', 'equality-deletes'] as const

/** @throws ServiceError `invalid` for a value that does not fit, or an existing file without its sequence numbers. */
export function encodeManifest(manifest: Manifest): Uint8Array {
  const { schema, spec, formatVersion, content, entries } = manifest
  const types = partitionTypes(schema, spec)
  const metadata = {
    schema: stringifyJson(schema),
    'schema-id': String(schema['schema-id']),
    'partition-spec': stringifyJson(spec.fields),
    'partition-spec-id': String(spec['spec-id']),
    'format-version': String(formatVersion),
    content,
  }
  const records = entries.map((entry) => encodeEntry(entry, spec, types))
  const avroSchema = manifestSchema(schema, spec, formatVersion)
  return encodeAvroFile({ schema: avroSchema, metadata, records }, manifestName)
}

/** @throws ServiceError `corrupt` for damaged bytes, `unsupported` for a type that is not offered. */
export function decodeManifest(bytes: Uint8Array): Manifest {
  const { schema: avroSchema, metadata, records } = decodeAvroFile(bytes, manifestName)
  try {
    const spec: PartitionSpec = {
      'spec-id': Number(metadata['partition-spec-id'] ?? 0),
      fields: parsePartitionFields(parseJson(metadata['partition-spec'] ?? ''), 'partition-spec'),
    }
    const partition = recordWithId(avroSchema, PARTITION_FIELD_ID)
    const decimals = partition === undefined ? new Set<number>() : decimalFieldIds(partition)
    return {
      schema: parseSchema(parseJson(metadata['schema'] ?? '')),
      spec,
      formatVersion: metadata['format-version'] === '3' ? 3 : 2,
      content: metadata['content'] === 'deletes' ? 'deletes' : 'data',
      entries: records.map((record, i) => decodeEntry(record, `entry ${i}`, { spec, decimals })),
    }
  } catch (thrown) {
    if (!(thrown instanceof ServiceError) || thrown.kind !== 'invalid') throw thrown
    throw new ServiceError('corrupt', `manifest is damaged: ${thrown.message}`, { cause: thrown })
  }
}

function encodeEntry(
  entry: ManifestEntry,
  spec: PartitionSpec,
  types: readonly PrimitiveType[],
): AvroRecord {
  const { status, snapshotId, sequenceNumber, fileSequenceNumber, dataFile } = entry
  if (status !== 'added' && (sequenceNumber === undefined || fileSequenceNumber === undefined)) {
    throw new ServiceError(
      'invalid',
      `${status} file ${dataFile.filePath} needs its sequence numbers: only added files inherit`,
    )
  }
  return {
    status: STATUS.indexOf(status),
    snapshot_id: snapshotId ?? null,
    sequence_number: sequenceNumber ?? null,
    file_sequence_number: fileSequenceNumber ?? null,
    data_file: encodeFile(dataFile, spec, types),
  }
}

function encodeFile(
  file: ContentFile,
  spec: PartitionSpec,
  types: readonly PrimitiveType[],
): AvroRecord {
  if (file.partition.length !== spec.fields.length) {
    throw new ServiceError(
      'invalid',
      `file ${file.filePath} has ${file.partition.length} partition values, its spec ${spec.fields.length}`,
    )
  }
  const partition = spec.fields.map((field, i) => [
    `f${field['field-id']}`,
    encodePartitionValue(types[i]!, file.partition[i] ?? null),
  ])
  return {
    content: FILE_CONTENT.indexOf(file.content ?? 'data'),
    file_path: file.filePath,
    file_format: file.fileFormat ?? 'PARQUET',
    partition: Object.fromEntries(partition),
    record_count: file.recordCount,
    file_size_in_bytes: file.fileSizeInBytes,
    column_sizes: encodeMap(file.columnSizes),
    value_counts: encodeMap(file.valueCounts),
    null_value_counts: encodeMap(file.nullValueCounts),
    nan_value_counts: encodeMap(file.nanValueCounts),
    lower_bounds: encodeMap(file.lowerBounds),
    upper_bounds: encodeMap(file.upperBounds),
    key_metadata: asBuffer(file.keyMetadata),
    split_offsets: file.splitOffsets.length === 0 ? null : file.splitOffsets,
    equality_ids: file.equalityIds ?? null,
    sort_order_id: file.sortOrderId ?? null,
    referenced_data_file: file.referencedDataFile ?? null,
    first_row_id: file.firstRowId ?? null,
    content_offset: file.contentOffset ?? null,
    content_size_in_bytes: file.contentSizeInBytes ?? null,
  }
}

/** No map at all when it is empty: a metric that is missing is always legal. */
function encodeMap(map: ReadonlyMap<number, bigint | Uint8Array>): AvroRecord[] | null {
  if (map.size === 0) return null
  return Array.from(map, ([key, value]) => ({
    key,
    value: typeof value === 'bigint' ? value : asBuffer(value),
  }))
}

function encodePartitionValue(type: PrimitiveType, value: Value | null): Value | null {
  if (value === null) return null
  const decimal = decimalOf(type)
  if (decimal !== undefined) {
    return asBuffer(paddedDecimal(bigintOf(value), decimalBytes(decimal.precision)))
  }
  if (value instanceof Uint8Array) return asBuffer(value)
  if (type === 'int' || type === 'date') return Number(bigintOf(value))
  return type === 'long' || type.startsWith('time') ? bigintOf(value) : value
}

interface PartitionReader {
  readonly spec: PartitionSpec
  readonly decimals: ReadonlySet<number>
}

function decodeEntry(record: AvroRecord, path: string, reader: PartitionReader): ManifestEntry {
  const status = STATUS[readInt(record['status'], `${path}.status`)]
  if (status === undefined) throw new ServiceError('invalid', `${path}.status is unknown`)
  const long = (name: string) => optional(record[name], `${path}.${name}`, readLong)
  return {
    status,
    snapshotId: long('snapshot_id'),
    sequenceNumber: long('sequence_number'),
    fileSequenceNumber: long('file_sequence_number'),
    dataFile: decodeFile(record['data_file'], `${path}.data_file`, reader),
  }
}

function decodeFile(value: unknown, path: string, reader: PartitionReader): ContentFile {
  const record = readObject(value, path)
  const read = <T>(name: string, as: (value: unknown, path: string) => T) =>
    as(record[name], `${path}.${name}`)
  const maybe = <T>(name: string, as: (value: unknown, path: string) => T) =>
    optional(record[name], `${path}.${name}`, as)
  const longs = (name: string) => decodeMap(record[name], `${path}.${name}`, readLong)
  const bytes = (name: string) => decodeMap(record[name], `${path}.${name}`, readBytes)
  const content = FILE_CONTENT[maybe('content', readInt) ?? 0]
  if (content === undefined) throw new ServiceError('invalid', `${path}.content is unknown`)
  const partition = readObject(record['partition'] ?? {}, `${path}.partition`)
  const more = {
    content,
    fileFormat: read('file_format', readString),
    keyMetadata: maybe('key_metadata', readBytes),
    equalityIds: maybe('equality_ids', (ids, at) => readEach(ids, at, readId)),
    referencedDataFile: maybe('referenced_data_file', readString),
    firstRowId: maybe('first_row_id', readLong),
    contentOffset: maybe('content_offset', readLong),
    contentSizeInBytes: maybe('content_size_in_bytes', readLong),
  }
  return {
    filePath: read('file_path', readString),
    partition: reader.spec.fields.map(({ 'field-id': id }) =>
      decodePartitionValue(partition[`f${id}`], reader.decimals.has(id)),
    ),
    recordCount: read('record_count', readLong),
    fileSizeInBytes: read('file_size_in_bytes', readLong),
    columnSizes: longs('column_sizes'),
    valueCounts: longs('value_counts'),
    nullValueCounts: longs('null_value_counts'),
    nanValueCounts: longs('nan_value_counts'),
    lowerBounds: bytes('lower_bounds'),
    upperBounds: bytes('upper_bounds'),
    splitOffsets: maybe('split_offsets', (offsets, at) => readEach(offsets, at, readLong)) ?? [],
    sortOrderId: maybe('sort_order_id', readInt),
    ...compact(more),
  }
}

/** Some writers store these ids as longs. */
function readId(value: unknown, path: string): number {
  return readInt(typeof value === 'bigint' ? Number(value) : value, path)
}

function decodeMap<T>(
  value: unknown,
  path: string,
  read: (value: unknown, path: string) => T,
): Map<number, T> {
  const pairs = value === undefined || value === null ? [] : readArray(value, path)
  return new Map(
    pairs.map((item) => {
      const pair = readObject(item, path)
      return [readInt(pair['key'], `${path}.key`), read(pair['value'], `${path}.value`)]
    }),
  )
}

function decodePartitionValue(value: unknown, isDecimal: boolean): Value | null {
  if (value === undefined || value === null) return null
  if (!(value instanceof Uint8Array)) return value as Value
  return isDecimal ? decimalFrom(value) : readBytes(value, 'partition value')
}
