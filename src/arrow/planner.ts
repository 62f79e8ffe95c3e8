/**
 * Lays a draft over a table's schema, field by field: ids, additions, widenings.
 *
 * Fields are found by name at every level, and where the table has no such name any more, by what
 * the name stood for. What the table's policy does not allow is refused with the way to allow it.
 */
import type { FieldHistory } from '../iceberg/field-history.ts'
import type { ListType, MapType, NestedField, PrimitiveType, Type } from '../iceberg/types.ts'
import { joinPath } from './column-names.ts'
import { type ColumnPlan, typeName } from './column-plan.ts'
import type { DraftField } from './draft.ts'
import { EVOLUTION_PROPERTY, type EvolutionPolicy } from './evolution-policy.ts'
import { createFields, createType } from './plan-creation.ts'
import { matchFields } from './plan-match.ts'
import type { PlanState } from './plan-state.ts'
import { fit } from './promotion.ts'
import { RefusedError } from './refusal.ts'

export interface PlannerOptions {
  readonly state: PlanState
  readonly policy: EvolutionPolicy
  readonly history: FieldHistory
  /** Fields that identify a row: they stay required. */
  readonly identifiers: ReadonlySet<number>
}

interface Place {
  readonly path: string
  /** Id of the field above; 0 at the top. */
  readonly parent: number
  /** False below the key of a map, whose type is for ever. */
  readonly mayEvolve: boolean
}

/** The table's field that a draft goes to. */
interface Target {
  readonly id: number
  readonly type: Type
  readonly isRequired: boolean
  readonly mayEvolve: boolean
  /** Its name, where the stream uses another. */
  readonly column?: string
}

type Merge = (draft: DraftField, target: Target) => Type

export class Planner {
  readonly #state: PlanState
  readonly #options: PlannerOptions

  constructor(options: PlannerOptions) {
    this.#state = options.state
    this.#options = options
  }

  mergeFields(
    drafts: readonly DraftField[],
    fields: readonly NestedField[],
    place: Place,
  ): NestedField[] {
    const state = this.#state
    const { history } = this.#options
    const { matched, added } = matchFields(state, { drafts, fields, parent: place.parent, history })
    const merged = fields.map(
      (field) =>
        state.attempt(() => this.#mergeField(matched.get(field.id), field, place)) ?? field,
    )
    return [...merged, ...this.#addFields(added, place)]
  }

  #addFields(added: readonly DraftField[], { path, mayEvolve }: Place): NestedField[] {
    const state = this.#state
    const isStrict = this.#options.policy === 'strict'
    const wanted = added.filter((draft) => {
      const { kind } = draft.type
      if (kind === 'refused' || (!isStrict && mayEvolve)) return true
      if (kind === 'null') {
        state.note(draft, { action: 'skip', reason: 'the table has no such column' })
      } else {
        const remedy = mayEvolve ? allow('additive', 'leave it out') : MAP_KEY_REMEDY
        state.refuse(refusalOf(draft, 'no such column', draft.received, remedy))
      }
      return false
    })
    const created = createFields(state, wanted, { action: 'add', isOptional: true })
    for (const { name, type } of created) {
      state.changes.push(`add ${joinPath(path, name)} ${typeName(type)}`)
    }
    return created
  }

  #mergeField(draft: DraftField | undefined, field: NestedField, place: Place): NestedField {
    const path = draft?.path ?? joinPath(place.path, field.name)
    if (!draft || draft.type.kind === 'null') return this.#leaveNull(draft, field, path)
    const { id, name, required, type } = field
    const renamed = name === draft.name ? {} : { column: name }
    const target = { id, type, isRequired: required, mayEvolve: place.mayEvolve, ...renamed }
    const merged = this.#merge(draft, target)
    return merged === type ? field : { ...field, type: merged }
  }

  /** The stream has no value for it. */
  #leaveNull(draft: DraftField | undefined, field: NestedField, path: string): NestedField {
    const state = this.#state
    const { id, required, type } = field
    const iceberg = typeName(type)
    const seen = { path, fieldId: id, iceberg, ...(draft && { arrow: draft.received }) }
    if (!draft && (field['write-default'] ?? null) !== null) {
      // The specification wants that value in such rows, and nulls in its place would be wrong.
      const expected = `${iceberg}, for which the table has a default`
      const remedy = 'send the column: defaults are not filled in'
      throw new RefusedError({ path, expected, received: 'no column', remedy })
    }
    if (!required) {
      const isNothing = draft !== undefined && type !== 'unknown'
      const action = draft ? (isNothing ? 'skip' : 'keep') : 'omit'
      state.columns.push({ ...seen, action, isRequired: false, reason: 'its rows are null' })
      return field
    }
    if (this.#options.policy === 'widen' && !this.#options.identifiers.has(id)) {
      state.changes.push(`make ${path} optional`)
      const reason = 'the stream has no value for it'
      state.columns.push({ ...seen, action: 'make-optional', isRequired: false, reason })
      return { ...field, required: false }
    }
    const isIdentifier = this.#options.identifiers.has(id)
    throw new RefusedError({
      path,
      expected: `${iceberg}, required`,
      received: draft ? draft.received : 'no column',
      remedy: isIdentifier ? 'send the column' : allow('widen', 'send the column'),
    })
  }

  readonly #merge: Merge = (draft, target) => {
    const { type: incoming } = draft
    const { type, id, isRequired } = target
    this.#state.assign(draft.index, id)
    if (isRequired) this.#state.require(draft)
    if (incoming.kind === 'refused') throw new RefusedError(incoming.refusal)
    if (incoming.kind === 'null') {
      this.#keep(draft, target, { reason: 'its values are null' })
      return type
    }
    if (type === 'unknown') return this.#giveType(draft, target)
    if (typeof type === 'string') return this.#mergePrimitive(draft, type, target)
    const below = { path: draft.path, parent: id, mayEvolve: target.mayEvolve }
    if (type.type === 'struct' && incoming.kind === 'struct') {
      this.#keep(draft, target)
      const fields = this.mergeFields(incoming.fields, type.fields, below)
      return isSame(fields, type.fields) ? type : { ...type, fields }
    }
    if (type.type === 'list' && incoming.kind === 'list') {
      this.#keep(draft, target)
      return this.#mergeList(incoming.element, type, below)
    }
    if (type.type === 'map' && incoming.kind === 'map') {
      this.#keep(draft, target)
      this.#state.assign(draft.index + 1, 0)
      return this.#mergeMap(incoming, type, below)
    }
    throw mismatch(draft, type)
  }

  #mergePrimitive(draft: DraftField, type: PrimitiveType, target: Target): Type {
    const { type: incoming } = draft
    if (incoming.kind !== 'primitive') throw mismatch(draft, type)
    const fitting = fit(type, incoming.type)
    switch (fitting.kind) {
      case 'narrower':
        if (type.endsWith('_ns')) this.#state.storeNanoseconds(draft)
        this.#keep(draft, target, { ...(incoming.loss && { reason: incoming.loss }) })
        return type
      case 'same':
        this.#keep(draft, target, { ...(incoming.loss && { reason: incoming.loss }) })
        return type
      case 'wider':
        if (!target.mayEvolve) throw mismatch(draft, type)
        return this.#widen(draft, target, fitting.type)
      default: {
        const { coarser } = incoming
        if (coarser?.type !== type) throw mismatch(draft, type)
        if (!coarser.isAllowed) throw refused(draft, type, coarser.remedy)
        this.#keep(draft, target, { reason: coarser.loss })
        return type
      }
    }
  }

  #widen(draft: DraftField, target: Target, wider: PrimitiveType): Type {
    const from = typeName(target.type)
    if (this.#options.policy !== 'widen') throw refused(draft, from, allow('widen', `send ${from}`))
    this.#state.changes.push(`widen ${draft.path} from ${from} to ${wider}`)
    this.#keep(draft, target, { action: 'widen', from, iceberg: wider })
    return wider
  }

  /** A column that had only nulls so far: no file has it, so any type is safe. */
  #giveType(draft: DraftField, target: Target): Type {
    if (this.#options.policy === 'strict') {
      throw refused(draft, 'unknown', allow('additive', 'send nulls'))
    }
    const creation = { action: 'widen', isOptional: true } as const
    const type = createType(this.#state, draft, { creation, id: target.id, required: false })
    this.#state.changes.push(`widen ${draft.path} from unknown to ${typeName(type)}`)
    return type
  }

  #mergeList(element: DraftField, type: ListType, { mayEvolve }: Place): Type {
    const merged = this.#merge(element, {
      id: type['element-id'],
      type: type.element,
      isRequired: type['element-required'],
      mayEvolve,
    })
    return merged === type.element ? type : { ...type, element: merged }
  }

  #mergeMap(
    { key, value }: { readonly key: DraftField; readonly value: DraftField },
    type: MapType,
    { mayEvolve }: Place,
  ): Type {
    // No nulls can be among the keys: the verifier refuses them.
    this.#merge(key, { id: type['key-id'], type: type.key, isRequired: false, mayEvolve: false })
    const merged = this.#merge(value, {
      id: type['value-id'],
      type: type.value,
      isRequired: type['value-required'],
      mayEvolve,
    })
    return merged === type.value ? type : { ...type, value: merged }
  }

  #keep(
    draft: DraftField,
    { id, type, isRequired, column }: Target,
    change: Partial<ColumnPlan> = {},
  ): void {
    const iceberg = typeName(type)
    const renamed = column === undefined ? {} : { column }
    this.#state.note(draft, {
      action: 'keep',
      iceberg,
      fieldId: id,
      isRequired,
      ...renamed,
      ...change,
    })
  }
}

const MAP_KEY_REMEDY = 'the key of a map cannot change'

/** What to do about a refusal that a policy would not have made. */
function allow(policy: EvolutionPolicy, otherwise: string): string {
  return `${otherwise}, or set the table property ${EVOLUTION_PROPERTY} to ${policy}`
}

function isSame<T>(a: readonly T[], b: readonly T[]): boolean {
  return a.length === b.length && a.every((value, i) => value === b[i])
}

function mismatch(draft: DraftField, type: Type): RefusedError {
  const expected = typeName(type)
  return refused(draft, expected, `send ${expected}, or use another column name`)
}

function refused(draft: DraftField, expected: string, remedy: string): RefusedError {
  return new RefusedError(refusalOf(draft, expected, draft.received, remedy))
}

function refusalOf({ path }: DraftField, expected: string, received: string, remedy: string) {
  return { path, expected, received, remedy }
}
