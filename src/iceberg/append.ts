/**
 * Appending data files to a table: prepared once, staged for each attempt.
 *
 * A manifest leaves its sequence number open, so it is written once whatever happens; an attempt
 * writes only a manifest list and the commit. The commit asserts the head that it was staged on,
 * so it cannot apply to any other. Pure: nothing here reads, writes or knows the time.
 */
import { ServiceError } from '../errors.ts'
import { encodeManifest } from './manifest.ts'
import { encodeManifestList, type ManifestFile, UNASSIGNED_SEQUENCE } from './manifest-list.ts'
import { partitionTypes, specById } from './partition.ts'
import { summarizePartitions } from './partition-summary.ts'
import { MAIN } from './snapshot-json.ts'
import { type AppendCounts, appendSummary } from './snapshot-summary.ts'
import type { DataFile, PartitionSpec, Schema, Snapshot, TableMetadata } from './types.ts'
import type { TableRequirement, TableUpdate } from './updates.ts'

/** A manifest that no attempt has committed yet, with what the snapshot's summary will count. */
export interface PreparedManifest extends ManifestFile {
  readonly addedBytes: bigint
  /** One text for each different partition. */
  readonly partitionKeys: readonly string[]
}

export interface PrepareManifest {
  readonly schema: Schema
  readonly spec: PartitionSpec
  readonly formatVersion: 1 | 2 | 3
  /** Kept for every attempt: the entries carry it. */
  readonly snapshotId: bigint
  readonly dataFiles: readonly DataFile[]
  /** Where the caller will put the bytes. */
  readonly location: string
}

export interface StageAppend {
  readonly base: TableMetadata
  readonly snapshotId: bigint
  readonly manifests: readonly PreparedManifest[]
  /** The rows of the base's current manifest list; none for a table without a snapshot. */
  readonly parentManifests: readonly ManifestFile[]
  readonly manifestListLocation: string
  /** Set in the same commit. */
  readonly properties?: Readonly<Record<string, string>>
  /** Keys of the snapshot's summary beside the counts. */
  readonly summary?: Readonly<Record<string, string>>
  readonly now: number
}

export interface StagedAppend {
  readonly manifestList: Uint8Array
  readonly snapshot: Snapshot
  readonly requirements: readonly TableRequirement[]
  readonly updates: readonly TableUpdate[]
}

/** @throws ServiceError `invalid` for no files, a path that comes twice, or values off the spec. */
export function prepareManifest(request: PrepareManifest): {
  readonly bytes: Uint8Array
  readonly manifest: PreparedManifest
} {
  const { schema, spec, snapshotId, dataFiles } = request
  const formatVersion = writtenVersion(request.formatVersion)
  checkFiles(dataFiles)
  const entries = dataFiles.map((dataFile) => ({
    status: 'added' as const,
    snapshotId,
    sequenceNumber: undefined,
    fileSequenceNumber: undefined,
    dataFile,
  }))
  const bytes = encodeManifest({ schema, spec, formatVersion, content: 'data', entries })
  const partitions = dataFiles.map((file) => file.partition)
  const keys = partitions.map((partition) => JSON.stringify(partition, partitionKeyPart))
  return {
    bytes,
    manifest: {
      manifestPath: request.location,
      manifestLength: BigInt(bytes.length),
      partitionSpecId: spec['spec-id'],
      content: 'data',
      sequenceNumber: UNASSIGNED_SEQUENCE,
      minSequenceNumber: UNASSIGNED_SEQUENCE,
      addedSnapshotId: snapshotId,
      addedFilesCount: dataFiles.length,
      existingFilesCount: 0,
      deletedFilesCount: 0,
      addedRowsCount: sum(dataFiles.map((file) => file.recordCount)),
      existingRowsCount: 0n,
      deletedRowsCount: 0n,
      partitions: summarizePartitions(partitionTypes(schema, spec), partitions),
      keyMetadata: undefined,
      firstRowId: undefined,
      addedBytes: sum(dataFiles.map((file) => file.fileSizeInBytes)),
      partitionKeys: [...new Set(keys)],
    },
  }
}

/**
 * One attempt on this base. The caller puts the manifest list before it commits.
 *
 * @throws ServiceError `invalid` when the base has the snapshot already, lacks a spec of the
 * manifests, or has no snapshot that the parent's manifests could be of.
 */
export function stageAppend(request: StageAppend): StagedAppend {
  const { base, snapshotId, manifests, parentManifests, properties = {} } = request
  checkBase(request)
  const formatVersion = writtenVersion(base['format-version'])
  const parentSnapshotId = base['current-snapshot-id']
  const parent = base.snapshots.find((snapshot) => snapshot['snapshot-id'] === parentSnapshotId)
  const sequenceNumber = base['last-sequence-number'] + 1n
  const rows = assignRowIds([...manifests, ...parentManifests], base)
  const counts: AppendCounts = {
    files: BigInt(manifests.reduce((total, manifest) => total + manifest.addedFilesCount, 0)),
    records: sum(manifests.map((manifest) => manifest.addedRowsCount)),
    bytes: sum(manifests.map((manifest) => manifest.addedBytes)),
    partitions: changedPartitions(manifests),
    manifestsCreated: manifests.length,
    manifestsKept: parentManifests.length,
  }
  const snapshot: Snapshot = {
    'snapshot-id': snapshotId,
    ...(parentSnapshotId === undefined ? {} : { 'parent-snapshot-id': parentSnapshotId }),
    'sequence-number': sequenceNumber,
    'timestamp-ms': Math.max(request.now, base['last-updated-ms']),
    'manifest-list': request.manifestListLocation,
    summary: appendSummary(counts, parent, request.summary ?? {}),
    'schema-id': base['current-schema-id'],
    ...rows.lineage,
  }
  const manifestList = encodeManifestList({
    formatVersion,
    snapshotId,
    parentSnapshotId,
    sequenceNumber,
    firstRowId: rows.lineage['first-row-id'],
    manifests: rows.manifests,
  })
  return {
    manifestList,
    snapshot,
    requirements: [
      { type: 'assert-table-uuid', uuid: base['table-uuid'] },
      { type: 'assert-ref-snapshot-id', ref: MAIN, 'snapshot-id': parentSnapshotId },
    ],
    updates: [
      { action: 'add-snapshot', snapshot },
      { action: 'set-snapshot-ref', 'ref-name': MAIN, type: 'branch', 'snapshot-id': snapshotId },
      ...setProperties(properties),
    ],
  }
}

/**
 * Format version 3: every data manifest without a first row id gets the next free range, those
 * of the parent too when the table was upgraded. Nothing to do in version 2.
 */
function assignRowIds(
  manifests: readonly ManifestFile[],
  base: TableMetadata,
): {
  readonly manifests: readonly ManifestFile[]
  readonly lineage: { readonly 'first-row-id'?: bigint; readonly 'added-rows'?: bigint }
} {
  const first = base['next-row-id']
  if (base['format-version'] < 3 || first === undefined) return { manifests, lineage: {} }
  let next = first
  const assigned = manifests.map((manifest) => {
    if (manifest.content !== 'data' || manifest.firstRowId !== undefined) return manifest
    const firstRowId = next
    next += manifest.addedRowsCount + manifest.existingRowsCount
    return { ...manifest, firstRowId }
  })
  return { manifests: assigned, lineage: { 'first-row-id': first, 'added-rows': next - first } }
}

function checkFiles(dataFiles: readonly DataFile[]): void {
  if (dataFiles.length === 0) throw new ServiceError('invalid', 'a manifest needs a data file')
  const paths = new Set<string>()
  for (const { filePath } of dataFiles) {
    if (paths.has(filePath)) throw new ServiceError('invalid', `file ${filePath} comes twice`)
    paths.add(filePath)
  }
}

function checkBase({ base, snapshotId, manifests, parentManifests }: StageAppend): void {
  if (base.snapshots.some((snapshot) => snapshot['snapshot-id'] === snapshotId)) {
    throw new ServiceError('invalid', `snapshot ${snapshotId} is in the table already`)
  }
  if (base['current-snapshot-id'] === undefined && parentManifests.length > 0) {
    throw new ServiceError('invalid', 'the table has no snapshot that manifests could come from')
  }
  for (const { partitionSpecId, manifestPath } of manifests) {
    if (specById(base, partitionSpecId) === undefined) {
      throw new ServiceError('invalid', `spec ${partitionSpecId} of ${manifestPath} is not there`)
    }
  }
}

function changedPartitions(manifests: readonly PreparedManifest[]): number {
  const keys = manifests.flatMap(({ partitionSpecId, partitionKeys }) =>
    partitionKeys.map((key) => `${partitionSpecId} ${key}`),
  )
  return new Set(keys).size
}

function setProperties(properties: Readonly<Record<string, string>>): TableUpdate[] {
  if (Object.keys(properties).length === 0) return []
  return [{ action: 'set-properties', updates: properties }]
}

function writtenVersion(version: 1 | 2 | 3): 2 | 3 {
  if (version !== 1) return version
  throw new ServiceError('unsupported', 'tables of format version 1 are not written: upgrade it')
}

function partitionKeyPart(_key: string, value: unknown): unknown {
  if (typeof value === 'bigint') return `${value}n`
  return typeof value === 'number' && !Number.isFinite(value) ? `${value}f` : value
}

function sum(values: readonly bigint[]): bigint {
  return values.reduce((total, value) => total + value, 0n)
}
