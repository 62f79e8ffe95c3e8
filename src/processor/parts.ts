/** What a processor is built from, and what its files hand to each other about one table. */
import type { Wal } from '#wal'
import type { Catalog } from '../catalog/catalog.ts'
import type { Config } from '../config/schema.ts'
import type { EntryKey } from '../entry.ts'
import type { ParquetEncoder } from '../parquet/encoder.ts'
import type { Clock } from '../runtime/clock.ts'
import type { Ids } from '../runtime/ids.ts'
import type { Logger } from '../runtime/logger.ts'
import type { ObjectStore } from '../storage/object-store.ts'
import type { ManifestListReader } from './parent-manifests.ts'
import type { LogOpening } from './watermark.ts'

export interface ProcessorParts {
  readonly wal: Wal
  readonly catalog: Catalog
  readonly store: ObjectStore
  readonly encoder: ParquetEncoder
  readonly clock: Clock
  readonly ids: Ids
  readonly logger: Logger
  readonly config: Pick<Config, 'commit' | 'parquet'>
}

/** One stream of the log on its way into one table. */
export interface TableContext {
  readonly parts: ProcessorParts
  readonly log: LogOpening
  /** The stream's key as the log knows it. */
  readonly key: string
  /** The same, read. */
  readonly entryKey: EntryKey
  readonly manifestLists: ManifestListReader
}

/** In [0, 1): what spreads retries out. */
export function randomFraction(ids: Ids): number {
  return Number(ids.snapshotId()) / 2 ** 53
}
