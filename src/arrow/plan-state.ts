/**
 * What a plan gathers while it walks over a draft: ids, required fields, decisions per column.
 *
 * A refused column does not end the walk, so that a caller hears of all of them; what was gathered
 * besides is then of no use but as an answer.
 */
import type { ColumnPlan } from './column-plan.ts'
import type { DraftField } from './draft.ts'
import type { FormatVersion } from './iceberg-types.ts'
import { type Refusal, RefusedError } from './refusal.ts'
import type { ListField } from './vectors.ts'

export interface RequiredField {
  /** Depth-first index of the Arrow field: its nulls are at this place of `nullCounts`. */
  readonly index: number
  readonly path: string
}

/** Where the Arrow fields go. */
export interface Assignment {
  /**
   * Iceberg field id of each Arrow field in depth-first order; 0 for the entries of a map, which
   * Iceberg has not, and -1 for a field that is not stored.
   */
  readonly fieldIds: readonly number[]
  /** Fields in which the table allows no null. */
  readonly required: readonly RequiredField[]
  /** Paths of columns without a type, which are not stored. */
  readonly skipped: readonly string[]
  /** Indices of instants of coarser units that become nanoseconds: far ones would not fit. */
  readonly nanoseconds: readonly number[]
}

export interface PlanStateOptions {
  /** Arrow fields at all depths. */
  readonly fieldCount: number
  /** The highest id that the table ever gave. */
  readonly lastId: number
  readonly formatVersion: FormatVersion
  /** Where decisions go, so that they are there however the plan ends. */
  readonly columns: ColumnPlan[]
}

export class PlanState {
  readonly formatVersion: FormatVersion
  readonly changes: string[] = []
  readonly columns: ColumnPlan[]
  readonly refusals: Refusal[] = []
  readonly lists: ListField[] = []
  readonly #fieldIds: number[]
  readonly #required: RequiredField[] = []
  readonly #nanoseconds: number[] = []
  #lastId: number

  constructor(options: PlanStateOptions) {
    this.columns = options.columns
    this.#fieldIds = Array.from({ length: options.fieldCount }, () => -1)
    this.#lastId = options.lastId
    this.formatVersion = options.formatVersion
  }

  assignment(): Assignment {
    return {
      fieldIds: this.#fieldIds,
      required: this.#required,
      skipped: this.columns.flatMap(({ action, path }) => (action === 'skip' ? [path] : [])),
      nanoseconds: this.#nanoseconds,
    }
  }

  newId({ index }: DraftField): number {
    this.#lastId += 1
    return this.assign(index, this.#lastId)
  }

  assign(index: number, id: number): number {
    this.#fieldIds[index] = id
    return id
  }

  require({ index, path }: DraftField): void {
    this.#required.push({ index, path })
  }

  storeNanoseconds({ index }: DraftField): void {
    this.#nanoseconds.push(index)
  }

  /** Lists are kept besides: how long they may be is looked at in the end. */
  note(draft: DraftField, plan: Omit<ColumnPlan, 'path' | 'arrow'>): void {
    const { index, path, received, type } = draft
    this.columns.push({ path, arrow: received, ...plan })
    if (type.kind === 'list') this.lists.push({ index, path, dimension: type.dimension })
  }

  /** Undefined when the field was refused, which is noted. */
  attempt<T>(work: () => T): T | undefined {
    try {
      return work()
    } catch (thrown) {
      if (!(thrown instanceof RefusedError)) throw thrown
      this.refuse(thrown.refusal)
      return undefined
    }
  }

  refuse(refusal: Refusal): void {
    const { path, received, remedy } = refusal
    this.refusals.push(refusal)
    // The decision that was noted before the refusal came to light does not stand.
    const noted = this.columns.findIndex((column) => column.path === path)
    if (noted >= 0) this.columns.splice(noted, 1)
    this.columns.push({ path, action: 'refuse', arrow: received, reason: remedy, refusal })
  }
}
