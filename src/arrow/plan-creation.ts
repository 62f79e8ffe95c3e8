/**
 * New fields out of a draft: a whole table, or what a table gets besides.
 *
 * Ids are given as the specification's implementations do: a struct's fields first, then what is
 * below.
 */
import type { MapType, NestedField, Type } from '../iceberg/types.ts'
import { type DraftField, type DraftType, storable } from './draft.ts'
import type { PlanState } from './plan-state.ts'
import { RefusedError } from './refusal.ts'

export interface Creation {
  readonly action: 'create' | 'add' | 'widen'
  /** Rows of before have no value. */
  readonly isOptional: boolean
}

export function createFields(
  state: PlanState,
  drafts: readonly DraftField[],
  creation: Creation,
): NestedField[] {
  const stored = drafts.filter((draft) => isStored(state, draft))
  const ids = stored.map((draft) => state.newId(draft))
  return stored.flatMap((draft, i): NestedField[] => {
    const id = ids[i] as number
    const required = draft.required && !creation.isOptional && draft.type.kind !== 'null'
    if (required) state.require(draft)
    const type = state.attempt(() => createType(state, draft, { creation, id, required }))
    return type === undefined ? [] : [{ id, name: draft.name, required, type }]
  })
}

/** A column of nulls has a place only in tables that know its type. */
function isStored(state: PlanState, draft: DraftField): boolean {
  if (draft.type.kind !== 'null' || state.formatVersion >= 3) return true
  state.note(draft, { action: 'skip', reason: 'a column of type null holds nothing to store' })
  return false
}

interface NewField {
  readonly creation: Creation
  readonly id: number
  readonly required: boolean
}

/** Notes the field before those below it. */
export function createType(state: PlanState, draft: DraftField, field: NewField): Type {
  const { type } = draft
  const { creation, id: fieldId, required: isRequired } = field
  const note = (iceberg: string, reason?: string): void => {
    const why = reason === undefined ? {} : { reason }
    state.note(draft, { action: creation.action, iceberg, fieldId, isRequired, ...why })
  }
  switch (type.kind) {
    case 'refused':
      throw new RefusedError(type.refusal)
    case 'null':
      note('unknown', 'it has no type yet: rows are null until a stream sends one')
      return 'unknown'
    case 'primitive':
      note(type.type, type.loss)
      return type.type
    case 'struct':
      if (type.fields.every((each) => each.type.kind === 'null')) throw emptyStruct(state, draft)
      note('struct')
      return {
        type: 'struct',
        fields: createFields(state, type.fields, { ...creation, isOptional: false }),
      }
    case 'list':
      note('list')
      return createList(state, type, creation)
    default:
      note('map')
      return createMap(state, type, creation)
  }
}

function createList(
  state: PlanState,
  { element }: Extract<DraftType, { kind: 'list' }>,
  creation: Creation,
): Type {
  const id = state.newId(element)
  return {
    type: 'list',
    'element-id': id,
    element: createNameless(state, element, creation, id),
    'element-required': element.required,
  }
}

function createMap(
  state: PlanState,
  { key, value }: Extract<DraftType, { kind: 'map' }>,
  creation: Creation,
): MapType {
  // The entries struct stands directly before the key in Arrow's order.
  state.assign(key.index - 1, 0)
  const [keyId, valueId] = [state.newId(key), state.newId(value)]
  return {
    type: 'map',
    'key-id': keyId,
    key: createNameless(state, key, creation, keyId),
    'value-id': valueId,
    value: createNameless(state, value, creation, valueId),
    'value-required': value.required,
  }
}

/** Elements, keys and values have no name to be left out by. */
function createNameless(state: PlanState, draft: DraftField, creation: Creation, id: number): Type {
  if (draft.type.kind === 'null') {
    throw new RefusedError({
      path: draft.path,
      expected: storable(state),
      received: draft.received,
      remedy: 'give it the type that later values will have',
    })
  }
  if (draft.required && draft.name !== 'key') state.require(draft)
  return createType(state, draft, { creation, id, required: draft.required })
}

function emptyStruct(state: PlanState, { path, received }: DraftField): RefusedError {
  return new RefusedError({
    path,
    expected: storable(state),
    received: `${received} without a field of a type`,
    remedy: 'give the struct at least one field with a type, or leave it out',
  })
}
