/**
 * What a table must be so that a stream's batches fit: created, left alone, evolved, or not at all.
 *
 * Promises: an evolution only adds optional fields or widens a type, so every file that exists stays
 * readable; fields are found by name at every level; the result says which Iceberg field each Arrow
 * field goes to. Pure: decides, changes nothing.
 *
 * A non-nullable Arrow field becomes a required field when the table is created. A column that is
 * added later is always optional, because rows before it have no value. Nulls may be sent for a
 * nullable Arrow field of a required column as long as there are none: `required` says where.
 */
import type { Schema, Type } from '../iceberg/types.ts'
import { checkPaths } from './column-names.ts'
import { type Draft, draftOf } from './draft.ts'
import type { TypeOptions } from './iceberg-types.ts'
import { type Assignment, Planner } from './planner.ts'
import { type Refusal, RefusedError } from './refusal.ts'
import type { ArrowSchema } from './schema.ts'

interface Fitting extends Assignment {
  /** What the table is to have: new, as it was, or evolved. */
  readonly schema: Schema
}

export type TablePlan =
  | ({ readonly kind: 'create' | 'unchanged' } & Fitting)
  | ({ readonly kind: 'evolve'; readonly changes: readonly string[] } & Fitting)
  | ({ readonly kind: 'refused' } & Refusal)

export interface PlanRequest {
  readonly arrow: ArrowSchema
  /** The table's current schema; undefined when it is to be created. */
  readonly table: Schema | undefined
  /** The highest id that the table ever gave. Default: the highest in `table`. */
  readonly lastColumnId?: number
  readonly options: TypeOptions
}

export function planTable(request: PlanRequest): TablePlan {
  try {
    const draft = draftOf(request.arrow, request.options)
    return request.table ? planChange(draft, request.table, request) : planCreation(draft)
  } catch (thrown) {
    if (thrown instanceof RefusedError) return { kind: 'refused', ...thrown.refusal }
    throw thrown
  }
}

function planCreation(draft: Draft): TablePlan {
  const planner = new Planner(draft.fieldCount, 0)
  const schema = {
    type: 'struct' as const,
    'schema-id': 0,
    fields: planner.createFields(draft.fields),
  }
  checkPaths(schema)
  return { kind: 'create', schema, ...planner.assignment() }
}

function planChange(draft: Draft, table: Schema, { lastColumnId }: PlanRequest): TablePlan {
  const planner = new Planner(draft.fieldCount, lastColumnId ?? highestId(table))
  const fields = planner.mergeFields(draft.fields, table.fields, { path: '', mayEvolve: true })
  const { changes } = planner
  if (changes.length === 0) return { kind: 'unchanged', schema: table, ...planner.assignment() }
  const schema = { ...table, 'schema-id': table['schema-id'] + 1, fields }
  checkPaths(schema)
  return { kind: 'evolve', schema, changes, ...planner.assignment() }
}

/** The highest field id in a schema. */
function highestId(type: Type): number {
  if (typeof type === 'string') return 0
  switch (type.type) {
    case 'struct':
      return type.fields.reduce(
        (highest, field) => Math.max(highest, field.id, highestId(field.type)),
        0,
      )
    case 'list':
      return Math.max(type['element-id'], highestId(type.element))
    default:
      return Math.max(type['value-id'], type['key-id'], highestId(type.key), highestId(type.value))
  }
}
