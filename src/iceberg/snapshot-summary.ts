/**
 * The summary of an append: what it added, and the totals of the table after it.
 *
 * Engines answer `count(*)` from the totals, so a total is carried on only from one that is
 * known; after a snapshot by a writer that left it out, it stays left out.
 */
import type { Snapshot } from './types.ts'

export interface AppendCounts {
  readonly files: bigint
  readonly records: bigint
  readonly bytes: bigint
  readonly partitions: number
  readonly manifestsCreated: number
  readonly manifestsKept: number
}

/** `extra` cannot overrule what is counted. */
export function appendSummary(
  counts: AppendCounts,
  parent: Snapshot | undefined,
  extra: Readonly<Record<string, string>>,
): Snapshot['summary'] {
  return {
    ...extra,
    operation: 'append',
    ...whenPositive('added-data-files', counts.files),
    ...whenPositive('added-records', counts.records),
    ...whenPositive('added-files-size', counts.bytes),
    'changed-partition-count': String(counts.partitions),
    'manifests-created': String(counts.manifestsCreated),
    'manifests-kept': String(counts.manifestsKept),
    'manifests-replaced': '0',
    ...total('total-records', counts.records, parent),
    ...total('total-files-size', counts.bytes, parent),
    ...total('total-data-files', counts.files, parent),
    ...total('total-delete-files', 0n, parent),
    ...total('total-position-deletes', 0n, parent),
    ...total('total-equality-deletes', 0n, parent),
  }
}

function whenPositive(name: string, value: bigint): Record<string, string> {
  return value > 0n ? { [name]: String(value) } : {}
}

function total(name: string, added: bigint, parent: Snapshot | undefined): Record<string, string> {
  const known = parent === undefined ? '0' : parent.summary[name]
  if (known === undefined || !/^\d{1,19}$/.test(known)) return {}
  return { [name]: String(BigInt(known) + added) }
}
