/** What happens to one column: the plan as data, for people and programs that ask before sending. */
import type { Type } from '../iceberg/types.ts'
import type { Refusal } from './refusal.ts'

export type ColumnAction =
  /** The table's column takes it as it is. */
  | 'keep'
  /** Part of the table that is made. */
  | 'create'
  | 'add'
  | 'widen'
  | 'make-optional'
  /** Arrow's null type: nothing is stored. */
  | 'skip'
  /** The table's column is not in the stream: its rows get null. */
  | 'omit'
  | 'refuse'

export interface ColumnPlan {
  /** As the stream names it, from the top, joined by dots. */
  readonly path: string
  readonly action: ColumnAction
  /** The Arrow type; undefined when the stream has no such column. */
  readonly arrow?: string
  /** The type in the table as it is to be; undefined when nothing is stored. */
  readonly iceberg?: string
  readonly fieldId?: number
  /** The table's own name, where it differs. */
  readonly column?: string
  readonly isRequired?: boolean
  /** Of a widened column: its type so far. */
  readonly from?: string
  readonly reason?: string
  readonly refusal?: Refusal
}

/** How a message names an Iceberg type. */
export function typeName(type: Type): string {
  return typeof type === 'string' ? type : type.type
}

/** As the stream has them; what it does not have comes last. `paths`: of its fields, depth first. */
export function inStreamOrder(
  columns: readonly ColumnPlan[],
  paths: readonly string[],
): readonly ColumnPlan[] {
  const places = new Map(paths.map((path, place) => [path, place]))
  const placeOf = ({ path }: ColumnPlan): number => places.get(path) ?? paths.length
  return columns.toSorted((a, b) => placeOf(a) - placeOf(b))
}
