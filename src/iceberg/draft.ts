/** What one commit request has done to the metadata so far; updates make a new draft each. */
import type { TableMetadata } from './types.ts'

export interface Draft {
  readonly metadata: TableMetadata
  /** Never before the base's last-updated-ms. */
  readonly now: number
  readonly lastSchemaId?: number
  readonly lastSpecId?: number
  readonly lastOrderId?: number
  readonly addedSnapshotIds: ReadonlySet<bigint>
}

/** The same draft when the member has the value already. */
export function change<K extends keyof TableMetadata>(
  draft: Draft,
  member: K,
  value: TableMetadata[K],
): Draft {
  if (draft.metadata[member] === value) return draft
  return { ...draft, metadata: { ...draft.metadata, [member]: value } }
}
