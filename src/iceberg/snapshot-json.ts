/** Snapshots and refs out of JSON. Writers that mean "none" as absent, null or -1 are all read. */
import { ServiceError } from '../errors.ts'
import {
  compact,
  optional,
  readInt,
  readLong,
  readNumber,
  readObject,
  readString,
  readStringMap,
} from './json-reader.ts'
import type { Snapshot, SnapshotRef } from './types.ts'

/** The branch whose head is the table's current snapshot. */
export const MAIN = 'main'

/** @throws ServiceError `invalid` naming the path; `unsupported` for a list without a file. */
export function parseSnapshot(value: unknown, path = 'snapshot'): Snapshot {
  const json = readObject(value, path)
  if (json['manifest-list'] === undefined && json['manifests'] !== undefined) {
    throw new ServiceError('unsupported', `${path} lists its manifests inline, as version 1 did`)
  }
  const summary = optional(json['summary'], `${path}.summary`, readStringMap) ?? {}
  return compact({
    ...json,
    'snapshot-id': readLong(json['snapshot-id'], `${path}.snapshot-id`),
    'parent-snapshot-id': positiveId(json['parent-snapshot-id'], `${path}.parent-snapshot-id`),
    // Snapshots that were made in version 1 have no sequence number, which means 0.
    'sequence-number': optional(json['sequence-number'], `${path}.sequence-number`, readLong) ?? 0n,
    'timestamp-ms': readNumber(json['timestamp-ms'], `${path}.timestamp-ms`),
    'manifest-list': readString(json['manifest-list'], `${path}.manifest-list`),
    summary: { operation: 'append', ...summary },
    'schema-id': optional(json['schema-id'], `${path}.schema-id`, readInt),
    'first-row-id': optional(json['first-row-id'], `${path}.first-row-id`, readLong),
    'added-rows': optional(json['added-rows'], `${path}.added-rows`, readLong),
  }) as Snapshot
}

/** Tables of old writers have a current snapshot and no refs; the current one is then `main`. */
export function parseRefs(
  value: unknown,
  currentSnapshotId: bigint | undefined,
): Record<string, SnapshotRef> {
  const json = optional(value, 'refs', readObject) ?? {}
  const refs = Object.entries(json).map(([name, ref]) => [name, parseRef(ref, `refs.${name}`)])
  const parsed = Object.fromEntries(refs) as Record<string, SnapshotRef>
  if (currentSnapshotId === undefined || Object.hasOwn(parsed, MAIN)) return parsed
  return { ...parsed, [MAIN]: { 'snapshot-id': currentSnapshotId, type: 'branch' } }
}

/** An id, or undefined for absent, null and -1. */
export function positiveId(value: unknown, path: string): bigint | undefined {
  const id = optional(value, path, readLong)
  return id === -1n ? undefined : id
}

function parseRef(value: unknown, path: string): SnapshotRef {
  const json = readObject(value, path)
  const type = readString(json['type'], `${path}.type`)
  if (type !== 'branch' && type !== 'tag') {
    throw new ServiceError('invalid', `${path}.type is neither branch nor tag`)
  }
  const limit = (name: string) => optional(json[name], `${path}.${name}`, readNumber)
  return compact({
    ...json,
    'snapshot-id': readLong(json['snapshot-id'], `${path}.snapshot-id`),
    type,
    'max-ref-age-ms': limit('max-ref-age-ms'),
    'max-snapshot-age-ms': limit('max-snapshot-age-ms'),
    'min-snapshots-to-keep': limit('min-snapshots-to-keep'),
  }) as SnapshotRef
}
