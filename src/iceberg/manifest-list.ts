/**
 * Manifest lists: one Avro row for each manifest of a snapshot (Iceberg spec, "Manifest Lists").
 *
 * Promises: field ids, names, order and nullability are those of the reference implementation;
 * reading goes by field id alone, so lists by any writer are understood; a row that was read is
 * written again with every field it had.
 */
import { ServiceError } from '../errors.ts'
import { type AvroRecord, decodeAvroFile, encodeAvroFile } from './avro-file.ts'
import { type AvroSchema, listOf, optionalField, recordOf, requiredField } from './avro-schema.ts'
import { asBuffer, byFieldId, readBytes } from './avro-values.ts'
import {
  optional,
  readBoolean,
  readEach,
  readInt,
  readLong,
  readObject,
  readString,
} from './json-reader.ts'

/** The sequence number of a manifest that no attempt has committed yet. */
export const UNASSIGNED_SEQUENCE = -1n

export interface FieldSummary {
  readonly containsNull: boolean
  readonly containsNan: boolean | undefined
  /** Single-value serialization of the partition's type. */
  readonly lowerBound: Uint8Array | undefined
  readonly upperBound: Uint8Array | undefined
}

export interface ManifestFile {
  readonly manifestPath: string
  readonly manifestLength: bigint
  readonly partitionSpecId: number
  readonly content: 'data' | 'deletes'
  /** {@link UNASSIGNED_SEQUENCE} until it is staged; so below. */
  readonly sequenceNumber: bigint
  readonly minSequenceNumber: bigint
  readonly addedSnapshotId: bigint
  readonly addedFilesCount: number
  readonly existingFilesCount: number
  readonly deletedFilesCount: number
  readonly addedRowsCount: bigint
  readonly existingRowsCount: bigint
  readonly deletedRowsCount: bigint
  /** One for each field of the spec, in its order; undefined when the writer left them out. */
  readonly partitions: readonly FieldSummary[] | undefined
  readonly keyMetadata: Uint8Array | undefined
  /** Format version 3, data manifests only. */
  readonly firstRowId: bigint | undefined
}

export interface ManifestList {
  readonly formatVersion: 2 | 3
  readonly snapshotId: bigint
  readonly parentSnapshotId: bigint | undefined
  readonly sequenceNumber: bigint
  readonly firstRowId?: bigint | undefined
  readonly manifests: readonly ManifestFile[]
}

const SUMMARY = recordOf('r508', [
  requiredField(509, 'contains_null', 'boolean'),
  optionalField(518, 'contains_nan', 'boolean'),
  optionalField(510, 'lower_bound', 'bytes'),
  optionalField(511, 'upper_bound', 'bytes'),
])

const FIELDS_V2: readonly AvroSchema[] = [
  requiredField(500, 'manifest_path', 'string'),
  requiredField(501, 'manifest_length', 'long'),
  requiredField(502, 'partition_spec_id', 'int'),
  requiredField(517, 'content', 'int'),
  requiredField(515, 'sequence_number', 'long'),
  requiredField(516, 'min_sequence_number', 'long'),
  requiredField(503, 'added_snapshot_id', 'long'),
  requiredField(504, 'added_files_count', 'int'),
  requiredField(505, 'existing_files_count', 'int'),
  requiredField(506, 'deleted_files_count', 'int'),
  requiredField(512, 'added_rows_count', 'long'),
  requiredField(513, 'existing_rows_count', 'long'),
  requiredField(514, 'deleted_rows_count', 'long'),
  optionalField(507, 'partitions', listOf(508, SUMMARY)),
  optionalField(519, 'key_metadata', 'bytes'),
]

const SCHEMA_V2 = recordOf('manifest_file', FIELDS_V2)
const SCHEMA_V3 = recordOf('manifest_file', [
  ...FIELDS_V2,
  optionalField(520, 'first_row_id', 'long'),
])
const nameOf = byFieldId(SCHEMA_V3)
const CONTENT = ['data', 'deletes'] as const

/** Manifests that have no sequence number yet get the snapshot's. @throws ServiceError `invalid`. */
export function encodeManifestList(list: ManifestList): Uint8Array {
  const { formatVersion, snapshotId, parentSnapshotId, sequenceNumber, firstRowId } = list
  const metadata = {
    'snapshot-id': String(snapshotId),
    'parent-snapshot-id': String(parentSnapshotId ?? null),
    'sequence-number': String(sequenceNumber),
    'format-version': String(formatVersion),
    ...(formatVersion === 3 ? { 'first-row-id': String(firstRowId ?? null) } : {}),
  }
  const schema = formatVersion === 3 ? SCHEMA_V3 : SCHEMA_V2
  const records = list.manifests.map((manifest) => encodeRow(manifest, list))
  return encodeAvroFile({ schema, metadata, records }, nameOf)
}

/** @throws ServiceError `corrupt` for damaged bytes or a row without its counts. */
export function decodeManifestList(bytes: Uint8Array): ManifestFile[] {
  const { records } = decodeAvroFile(bytes, nameOf)
  try {
    return records.map((record, i) => decodeRow(record, `manifest list row ${i}`))
  } catch (thrown) {
    if (!(thrown instanceof ServiceError)) throw thrown
    throw new ServiceError('corrupt', thrown.message, { cause: thrown })
  }
}

function encodeRow(manifest: ManifestFile, list: ManifestList): AvroRecord {
  return {
    manifest_path: manifest.manifestPath,
    manifest_length: manifest.manifestLength,
    partition_spec_id: manifest.partitionSpecId,
    content: CONTENT.indexOf(manifest.content),
    sequence_number: assigned(manifest.sequenceNumber, manifest, list),
    min_sequence_number: assigned(manifest.minSequenceNumber, manifest, list),
    added_snapshot_id: manifest.addedSnapshotId,
    added_files_count: manifest.addedFilesCount,
    existing_files_count: manifest.existingFilesCount,
    deleted_files_count: manifest.deletedFilesCount,
    added_rows_count: manifest.addedRowsCount,
    existing_rows_count: manifest.existingRowsCount,
    deleted_rows_count: manifest.deletedRowsCount,
    partitions: manifest.partitions?.map(encodeSummary) ?? null,
    key_metadata: asBuffer(manifest.keyMetadata),
    first_row_id: manifest.firstRowId ?? null,
  }
}

function assigned(sequence: bigint, manifest: ManifestFile, list: ManifestList): bigint {
  if (sequence !== UNASSIGNED_SEQUENCE) return sequence
  if (manifest.addedSnapshotId === list.snapshotId) return list.sequenceNumber
  throw new ServiceError(
    'invalid',
    `manifest ${manifest.manifestPath} of snapshot ${manifest.addedSnapshotId} was never committed`,
  )
}

function encodeSummary(summary: FieldSummary): AvroRecord {
  return {
    contains_null: summary.containsNull,
    contains_nan: summary.containsNan ?? null,
    lower_bound: asBuffer(summary.lowerBound),
    upper_bound: asBuffer(summary.upperBound),
  }
}

/** Only what format version 1 did not have yet may be missing; a missing count hides data. */
function decodeRow(record: AvroRecord, path: string): ManifestFile {
  const read = <T>(name: string, reader: (value: unknown, path: string) => T) =>
    reader(record[name], `${path}.${name}`)
  const maybe = <T>(name: string, reader: (value: unknown, path: string) => T) =>
    optional(record[name], `${path}.${name}`, reader)
  return {
    manifestPath: read('manifest_path', readString),
    manifestLength: read('manifest_length', readLong),
    partitionSpecId: read('partition_spec_id', readInt),
    content: CONTENT[maybe('content', readInt) ?? 0] ?? 'data',
    sequenceNumber: maybe('sequence_number', readLong) ?? 0n,
    minSequenceNumber: maybe('min_sequence_number', readLong) ?? 0n,
    addedSnapshotId: read('added_snapshot_id', readLong),
    addedFilesCount: read('added_files_count', readInt),
    existingFilesCount: read('existing_files_count', readInt),
    deletedFilesCount: read('deleted_files_count', readInt),
    addedRowsCount: read('added_rows_count', readLong),
    existingRowsCount: read('existing_rows_count', readLong),
    deletedRowsCount: read('deleted_rows_count', readLong),
    partitions: maybe('partitions', (value, at) => readEach(value, at, decodeSummary)),
    keyMetadata: maybe('key_metadata', readBytes),
    firstRowId: maybe('first_row_id', readLong),
  }
}

function decodeSummary(value: unknown, path: string): FieldSummary {
  const record = readObject(value, path)
  return {
    containsNull: readBoolean(record['contains_null'], `${path}.contains_null`),
    containsNan: optional(record['contains_nan'], `${path}.contains_nan`, readBoolean),
    lowerBound: optional(record['lower_bound'], `${path}.lower_bound`, readBytes),
    upperBound: optional(record['upper_bound'], `${path}.upper_bound`, readBytes),
  }
}
