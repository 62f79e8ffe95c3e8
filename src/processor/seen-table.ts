/**
 * A table as it was last loaded, and what its own settings come to.
 *
 * Promises: properties that are not obeyed are logged once for each change of them. Does not know:
 * when it is looked at again, or what is waiting for it.
 */
import type { LoadedTable } from '../catalog/catalog.ts'
import {
  type CommitSettings,
  commitDecision,
  type Instant,
  type WaitingEntries,
} from './commit-policy.ts'
import { FileSizing } from './file-sizing.ts'
import type { TableContext } from './parts.ts'
import { type TableSettings, tableSettings } from './table-settings.ts'
import { snapshotFinder } from './watermark.ts'

export class SeenTable {
  readonly sizing = new FileSizing()
  readonly #context: TableContext
  #loaded: LoadedTable | undefined
  #settings: TableSettings | undefined

  constructor(context: TableContext) {
    this.#context = context
  }

  /** Undefined before the first load. */
  get loaded(): LoadedTable | undefined {
    return this.#loaded
  }

  /** One sentence for each property of the table that is not obeyed. */
  get warnings(): readonly string[] {
    return this.#settings?.problems ?? []
  }

  /** Finds the snapshot that holds a sequence, as far as the table has been seen. */
  snapshots(): (sequence: bigint) => bigint | undefined {
    if (this.#loaded === undefined) return () => undefined
    return snapshotFinder(this.#loaded.metadata, this.#context.log.id)
  }

  see(loaded: LoadedTable): void {
    const { parts, key } = this.#context
    const before = this.warnings
    this.#loaded = loaded
    this.#settings = tableSettings(loaded.metadata, parts.config)
    for (const warning of this.warnings) {
      if (!before.includes(warning)) parts.logger.warn({ key, warning }, 'table setting')
    }
  }

  /** Never before the table's own settings are known. */
  isEarly(waiting: WaitingEntries, now: Instant): boolean {
    if (this.#loaded === undefined) return false
    return commitDecision(waiting, now, this.commitSettings()) === 'wait'
  }

  /** The table's own over the service's. */
  commitSettings(): CommitSettings {
    const { commit } = this.#context.parts.config
    const { commit: own, targetFileBytes } = this.#settings ?? {}
    const fileful = targetFileBytes && this.sizing.payloadBytesFor(targetFileBytes)
    // A table that wants large files is given time to fill them, as far as one commit can.
    const bytes = Math.max(commit.bytes, Math.min(fileful || 0, commit.groupBytesMax))
    return { ageMs: commit.ageMs, bytes, ...own }
  }
}
