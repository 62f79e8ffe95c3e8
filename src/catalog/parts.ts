/** What the shared engine is built from. */
import type { Clock } from '../runtime/clock.ts'
import type { Ids } from '../runtime/ids.ts'
import type { ObjectStore } from '../storage/object-store.ts'
import type { Pointers } from './pointers.ts'

export interface CatalogParts {
  readonly pointers: Pointers
  readonly store: ObjectStore
  /** URI below which tables are created. */
  readonly warehouse: string
  readonly clock: Clock
  readonly ids: Ids
}
