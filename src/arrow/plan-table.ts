/**
 * What a table must be so that a stream's batches fit: created, left alone, evolved, or not at all.
 *
 * Promises: an evolution goes no further than the table's policy, and whatever it allows leaves
 * every file that exists readable; the result says which Iceberg field each Arrow field goes to,
 * and for every column what happens to it. Pure: decides, changes nothing.
 *
 * A non-nullable Arrow field becomes a required field when the table is created. A column that is
 * added later is always optional, because rows before it have no value. Nulls may be sent for a
 * nullable Arrow field of a required column as long as there are none: `required` says where.
 */
import { fieldHistory } from '../iceberg/field-history.ts'
import { NAME_MAPPING_PROPERTY, parseNameMapping } from '../iceberg/name-mapping.ts'
import { highestFieldId } from '../iceberg/schema.ts'
import type { Schema } from '../iceberg/types.ts'
import { checkPaths } from './column-names.ts'
import { type ColumnPlan, inStreamOrder } from './column-plan.ts'
import { type Draft, draftOf } from './draft.ts'
import { evolutionPolicy } from './evolution-policy.ts'
import type { FormatVersion, TypeOptions } from './iceberg-types.ts'
import { createFields } from './plan-creation.ts'
import { type Assignment, PlanState } from './plan-state.ts'
import { Planner } from './planner.ts'
import { type Refusal, RefusedError } from './refusal.ts'
import type { ArrowSchema } from './schema.ts'
import { checkDimension, dimensionProperty, type VectorField } from './vectors.ts'

interface Fitting extends Assignment {
  /** What the table is to have: new, as it was, or evolved. */
  readonly schema: Schema
  /** Properties to set together with the schema. */
  readonly properties: Readonly<Record<string, string>>
  /** Lists of any length that must have one, which only their batches show. */
  readonly vectors: readonly VectorField[]
}

type Decision =
  | ({ readonly kind: 'create' | 'unchanged' } & Fitting)
  | ({ readonly kind: 'evolve'; readonly changes: readonly string[] } & Fitting)

export type TablePlan = { readonly columns: readonly ColumnPlan[] } & (
  | Decision
  /** The first of the refused columns; `columns` has all. */
  | ({ readonly kind: 'refused' } & Refusal)
)

export interface PlanRequest {
  readonly arrow: ArrowSchema
  /** The table's current schema; undefined when it is to be created. */
  readonly table: Schema | undefined
  /** The highest id that the table ever gave. Default: the highest in `table`. */
  readonly lastColumnId?: number
  /** All schemas that the table has had. */
  readonly schemas?: readonly Schema[]
  /** Of the table: the policy, the name mapping, the dimensions of vectors. */
  readonly properties?: Readonly<Record<string, string>>
  readonly formatVersion?: FormatVersion
  readonly options: TypeOptions
}

export function planTable(request: PlanRequest): TablePlan {
  const { arrow, table, formatVersion = 2 } = request
  const columns: ColumnPlan[] = []
  let paths: readonly string[] = []
  try {
    const draft = draftOf(arrow, { ...request.options, formatVersion })
    paths = draft.paths
    const lastId = table ? (request.lastColumnId ?? highestFieldId(table)) : 0
    const state = new PlanState({ fieldCount: draft.fieldCount, lastId, formatVersion, columns })
    const schema = table ? merge(state, draft, { ...request, table }) : create(state, draft)
    const decision = decide(state, schema, { ...request, lastColumnId: lastId })
    return { ...decision, columns: inStreamOrder(columns, paths) }
  } catch (thrown) {
    if (!(thrown instanceof RefusedError)) throw thrown
    return { kind: 'refused', ...thrown.refusal, columns: inStreamOrder(columns, paths) }
  }
}

function create(state: PlanState, draft: Draft): Schema {
  const fields = createFields(state, draft.fields, { action: 'create', isOptional: false })
  const isNothing = fields.every(({ type }) => type === 'unknown')
  if (isNothing && state.refusals.length === 0) {
    throw new RefusedError({
      path: '',
      expected: 'at least one column with a type',
      received: 'columns of type null only',
      remedy: 'send a schema with columns to store',
    })
  }
  return { type: 'struct', 'schema-id': 0, fields }
}

function merge(
  state: PlanState,
  draft: Draft,
  { table, schemas = [], properties = {} }: PlanRequest & { readonly table: Schema },
): Schema {
  const mapping = parseNameMapping(properties[NAME_MAPPING_PROPERTY])
  const planner = new Planner({
    state,
    policy: evolutionPolicy(properties),
    history: fieldHistory(table, schemas, mapping),
    identifiers: new Set(table['identifier-field-ids']),
  })
  const top = { path: '', parent: 0, mayEvolve: true }
  const fields = planner.mergeFields(draft.fields, table.fields, top)
  if (state.changes.length === 0) return table
  return { ...table, 'schema-id': table['schema-id'] + 1, fields }
}

/**
 * The dimensions of vectors come last: only now every field has its id and its place.
 *
 * @throws RefusedError for the first column that was refused.
 */
function decide(
  state: PlanState,
  schema: Schema,
  request: PlanRequest & { readonly lastColumnId: number },
): Decision {
  const { changes } = state
  const { table, lastColumnId, schemas = [], properties: known = {} } = request
  throwFirst(state)
  checkPaths(schema)
  const assignment = state.assignment()
  const { fieldIds } = assignment
  const properties: Record<string, string> = {}
  const vectors: VectorField[] = []
  for (const list of state.lists) {
    const id = fieldIds[list.index] as number
    if (id <= lastColumnId) {
      const seen = { schema, schemas, properties: known, fieldIds }
      const vector = state.attempt(() => checkDimension(list, seen))
      if (vector) vectors.push(vector)
    } else if (list.dimension !== undefined) {
      // A plain list that gets vectors stays one: its older rows may have any length.
      properties[dimensionProperty(schema, id)] = `${list.dimension}`
    }
  }
  throwFirst(state)
  const fitting = { schema, properties, vectors, ...assignment }
  if (!table) return { kind: 'create', ...fitting }
  if (changes.length === 0) return { kind: 'unchanged', ...fitting }
  return { kind: 'evolve', changes, ...fitting }
}

function throwFirst({ refusals: [refusal] }: PlanState): void {
  if (refusal !== undefined) throw new RefusedError(refusal)
}
