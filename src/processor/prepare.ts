/**
 * The part of a commit that is done once per group: data files and their manifest.
 *
 * Promises: a prepared group's files are durable and hold every row of every entry in its range
 * that was not set aside; an entry that the table as it is now cannot take is set aside, durably,
 * before the others are written. Does not know: the snapshot that it will be put on top of.
 */
import { isDeepStrictEqual } from 'node:util'
import type { LoadedTable } from '../catalog/catalog.ts'
import { ServiceError, toServiceError, unreachable } from '../errors.ts'
import { type PreparedManifest, prepareManifest } from '../iceberg/append.ts'
import { defaultSortOrder, defaultSpec } from '../iceberg/partition.ts'
import { currentSchema } from '../iceberg/schema.ts'
import type { TableMetadata } from '../iceberg/types.ts'
import type { EncodedFile, EncodeOutcome } from '../parquet/encoder.ts'
import { manifestLocation } from '../storage/paths.ts'
import { type CommitGroup, type Damage, type OnQuarantine, readGroup } from './commit-group.ts'
import { putOnce, writeDataFiles } from './data-files.ts'
import { droppedColumns } from './dropped-columns.ts'
import type { FileSizing } from './file-sizing.ts'
import type { GroupSize } from './group-size.ts'
import { type Inspection, inspectTable } from './inspect.ts'
import type { TableContext } from './parts.ts'
import type { RetryPace } from './retry-pace.ts'
import { settingsPrint, tableSettings } from './table-settings.ts'
import type { SequenceRange } from './watermark.ts'

/** Entries set aside in one go before other tables get their turn. */
const UNDECODABLE_MAX = 64

/** What the files were written for: when the table no longer is like this, they are written anew. */
export interface TableShape {
  readonly schemaId: number
  readonly specId: number
  readonly sortOrderId: number
  readonly formatVersion: number
  /** Of the properties that files are written by. */
  readonly settings: string
}

export interface PreparedGroup {
  readonly range: SequenceRange
  readonly shape: TableShape
  /** Kept over all attempts: manifests carry it. */
  readonly snapshotId: bigint
  readonly manifests: readonly PreparedManifest[]
  readonly entries: number
  readonly rows: number
}

export type Preparation =
  | { readonly kind: 'prepared'; readonly group: PreparedGroup }
  /** No live entry is left after the position. */
  | { readonly kind: 'empty' }
  | { readonly kind: 'retry'; readonly pace: RetryPace; readonly reason: string }
  /** The table has become another since its metadata was loaded. */
  | { readonly kind: 'reshaped'; readonly loaded: LoadedTable }
  | Exclude<Inspection, { readonly kind: 'proceed' }>

export interface PrepareRequest {
  readonly metadata: TableMetadata
  readonly after: bigint
  /** Learns from how the encoding went. */
  readonly size: GroupSize
  readonly sizing: FileSizing
  readonly onQuarantine: OnQuarantine
}

/** @throws ServiceError `unavailable` when log or store are; nothing is lost and all may be repeated. */
export async function prepareGroup(
  context: TableContext,
  request: PrepareRequest,
): Promise<Preparation> {
  const { wal, config } = context.parts
  const { groupBytesMax: bytesMax, rows } = config.commit
  let { entriesMax } = request.size
  for (let undecodable = 0; undecodable < UNDECODABLE_MAX; undecodable += 1) {
    const limits = { bytesMax, rows, entriesMax }
    const from = { key: context.key, after: request.after }
    const group = await readGroup(wal, from, limits, request.onQuarantine)
    if (group === undefined) return { kind: 'empty' }
    const sequences = group.entries.map((entry) => entry.sequence)
    warnOfDropped(context, request.metadata, group)
    const outcome = await encode(context, request, group)
    switch (outcome.kind) {
      case 'encoded':
        learn(request, group, outcome)
        return {
          kind: 'prepared',
          group: await writeGroup(context, request.metadata, { ...group, files: outcome.files }),
        }
      case 'died':
        return encoderDied(context, request, { sequences, reason: outcome.reason })
      case 'undecodable': {
        if (!sequences.includes(outcome.sequence)) {
          throw new ServiceError('internal', `encoder refused entry ${outcome.sequence}, not sent`)
        }
        // It may need what the table became after it was loaded: only a load after the read can tell.
        const now = await inspectTable(context, group.range)
        if (now.kind !== 'proceed') return now
        const isSame = isSameShape(shapeOf(request.metadata), shapeOf(now.loaded.metadata))
        if (!isSame) return { kind: 'reshaped', loaded: now.loaded }
        await setAside(context, request, outcome)
        break
      }
      case 'crowded':
        entriesMax = outcome.entriesMax
    }
    // Read again: the encoder may have taken the payloads' buffers with it.
  }
  throw new ServiceError('unavailable', `${UNDECODABLE_MAX} entries were set aside; going on later`)
}

export function shapeOf(metadata: TableMetadata): TableShape {
  return {
    schemaId: metadata['current-schema-id'],
    specId: metadata['default-spec-id'],
    sortOrderId: metadata['default-sort-order-id'],
    formatVersion: metadata['format-version'],
    settings: settingsPrint(metadata),
  }
}

export function isSameShape(a: TableShape, b: TableShape): boolean {
  return isDeepStrictEqual(a, b)
}

/** Before the encoding, which takes the entries' bytes with it. */
function warnOfDropped(
  { parts, key }: TableContext,
  metadata: TableMetadata,
  { entries }: CommitGroup,
): void {
  const columns = droppedColumns(entries, metadata)
  if (columns.length === 0) return
  parts.logger.warn({ key, columns }, 'rows are committed without columns that the table dropped')
}

async function encode(
  { parts }: TableContext,
  { metadata, sizing }: PrepareRequest,
  group: CommitGroup,
) {
  const settings = tableSettings(metadata, parts.config).encode
  const { encodedRatio } = sizing
  try {
    return await parts.encoder.encode({
      schema: currentSchema(metadata),
      partitionSpec: defaultSpec(metadata),
      sortOrder: defaultSortOrder(metadata),
      partitionsMax: parts.config.commit.groupPartitionsMax,
      entries: group.entries,
      settings: encodedRatio === undefined ? settings : { ...settings, encodedRatio },
    })
  } catch (thrown) {
    const error = toServiceError(thrown)
    if (error.kind !== 'unavailable') throw error
    return { kind: 'died', reason: error.message } as const
  }
}

function learn(
  { sizing }: PrepareRequest,
  group: CommitGroup,
  { files, encodedRatio }: Extract<EncodeOutcome, { kind: 'encoded' }>,
): void {
  sizing.observe({
    payloadBytes: group.bytes,
    fileBytes: files.reduce((sum, file) => sum + file.bytes.length, 0),
    encodedRatio,
  })
}

async function encoderDied(
  context: TableContext,
  request: PrepareRequest,
  death: { readonly sequences: readonly bigint[]; readonly reason: string },
): Promise<Preparation> {
  const next = request.size.encoderDied(death.sequences)
  const reason = `encoder: ${death.reason}`
  switch (next.kind) {
    case 'try-smaller':
      return { kind: 'retry', pace: 'soon', reason }
    case 'try-again':
      // An entry is set aside only when time has not helped either.
      return { kind: 'retry', pace: 'outage', reason }
    case 'set-aside':
      await setAside(context, request, { sequence: next.sequence, reason })
      return { kind: 'retry', pace: 'soon', reason }
    default:
      return unreachable(next)
  }
}

async function setAside(
  { parts, key }: TableContext,
  { onQuarantine }: PrepareRequest,
  damage: Damage,
): Promise<void> {
  await parts.wal.quarantine(key, damage.sequence, damage.reason)
  onQuarantine(damage)
}

async function writeGroup(
  { parts, log }: TableContext,
  metadata: TableMetadata,
  group: CommitGroup & { readonly files: readonly EncodedFile[] },
): Promise<PreparedGroup> {
  const { store, ids } = parts
  const table = metadata.location
  const { from, through } = group.range
  const name = { from, to: through, logId: log.id, epoch: log.epoch, attempt: ids.ulid() }
  const dataFiles = await writeDataFiles(store, table, name, group.files)
  const snapshotId = ids.snapshotId()
  const prepared = {
    range: group.range,
    shape: shapeOf(metadata),
    snapshotId,
    entries: group.entries.length,
    rows: group.rows,
  }
  // Batches without rows: the snapshot then carries nothing but the watermark.
  if (dataFiles.length === 0) return { ...prepared, manifests: [] }
  const location = manifestLocation(table, ids.uuid(), 0)
  const { bytes, manifest } = prepareManifest({
    schema: currentSchema(metadata),
    spec: defaultSpec(metadata),
    formatVersion: metadata['format-version'],
    snapshotId,
    dataFiles,
    location,
  })
  await putOnce(store, location, bytes)
  return { ...prepared, manifests: [manifest] }
}
