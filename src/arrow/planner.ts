/**
 * Lays a draft over a table's schema, field by field and by name: ids, additions, widenings.
 *
 * A planner is used once. It throws {@link RefusedError} at the first field that does not fit.
 */
import { ServiceError } from '../errors.ts'
import type { ListType, MapType, NestedField, Type } from '../iceberg/types.ts'
import { foldCase, joinPath } from './column-names.ts'
import type { DraftField, DraftType } from './draft.ts'
import { fit } from './promotion.ts'
import { RefusedError } from './refusal.ts'

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
}

interface Place {
  readonly path: string
  /** False below the key of a map, whose type is for ever. */
  readonly mayEvolve: boolean
}

export class Planner {
  readonly changes: string[] = []
  readonly #fieldIds: number[]
  readonly #required: RequiredField[] = []
  readonly #skipped: string[] = []
  #lastId: number

  constructor(fieldCount: number, lastId: number) {
    this.#fieldIds = Array.from({ length: fieldCount }, () => -1)
    this.#lastId = lastId
  }

  assignment(): Assignment {
    return { fieldIds: this.#fieldIds, required: this.#required, skipped: this.#skipped }
  }

  /** As the specification's implementations do: a struct's fields first, then what is below. */
  createFields(drafts: readonly DraftField[], isOptional = false): NestedField[] {
    const stored = drafts.filter((draft) => !this.#isSkipped(draft))
    const ids = stored.map((draft) => this.#newId(draft))
    return stored.map((draft, i) => {
      const required = draft.required && !isOptional
      if (required) this.#require(draft)
      return { id: ids[i] as number, name: draft.name, required, type: this.#create(draft.type) }
    })
  }

  mergeFields(
    drafts: readonly DraftField[],
    fields: readonly NestedField[],
    place: Place,
  ): NestedField[] {
    const drafted = new Map(drafts.map((draft) => [draft.name, draft]))
    const merged = fields.map((field) => this.#mergeField(drafted.get(field.name), field, place))
    const names = new Set(fields.map(({ name }) => name))
    const folded = new Map(fields.map(({ name }) => [foldCase(name), name]))
    const added = drafts.filter(({ name }) => !names.has(name))
    for (const draft of added) {
      const twin = folded.get(foldCase(draft.name))
      if (twin !== undefined) {
        throw refuse(draft, `the table's ${twin}`, draft.name, `rename the column to ${twin}`)
      }
    }
    const created = this.createFields(added, true)
    if (created.length > 0 && !place.mayEvolve) {
      const draft = added.find(({ type }) => type.kind !== 'skip') as DraftField
      throw refuse(draft, 'no field', draft.received, 'the key of a map cannot change')
    }
    for (const { name, type } of created) {
      this.changes.push(`add ${joinPath(place.path, name)} ${nameOf(type)}`)
    }
    return [...merged, ...created]
  }

  #mergeField(draft: DraftField | undefined, field: NestedField, place: Place): NestedField {
    if (!draft || this.#isSkipped(draft)) {
      if (!field.required) return field
      const received = draft ? draft.received : 'no column'
      const path = draft?.path ?? joinPath(place.path, field.name)
      throw refuse({ path }, `${nameOf(field.type)}, required`, received, 'send the column')
    }
    this.#fieldIds[draft.index] = field.id
    if (field.required) this.#require(draft)
    const type = this.#mergeType(draft, field.type, { ...place, path: draft.path })
    return type === field.type ? field : { ...field, type }
  }

  #mergeType(draft: DraftField, type: Type, place: Place): Type {
    const { type: incoming } = draft
    if (typeof type === 'string') return this.#mergePrimitive(draft, type, place)
    if (type.type === 'struct' && incoming.kind === 'struct') {
      const fields = this.mergeFields(incoming.fields, type.fields, place)
      return isSame(fields, type.fields) ? type : { ...type, fields }
    }
    if (type.type === 'list' && incoming.kind === 'list') {
      return this.#mergeList(incoming.element, type, place)
    }
    if (type.type === 'map' && incoming.kind === 'map') {
      return this.#mergeMap({ ...incoming, index: draft.index }, type, place)
    }
    throw mismatch(draft, type)
  }

  #mergePrimitive(draft: DraftField, type: Extract<Type, string>, place: Place): Type {
    if (draft.type.kind !== 'primitive') throw mismatch(draft, type)
    const fitting = fit(type, draft.type.type)
    switch (fitting.kind) {
      case 'same':
      case 'narrower':
        return type
      case 'wider':
        if (!place.mayEvolve) throw mismatch(draft, type)
        this.changes.push(`widen ${draft.path} from ${type} to ${fitting.type}`)
        return fitting.type
      default:
        throw mismatch(draft, type)
    }
  }

  #mergeList(incoming: DraftField, type: ListType, place: Place): Type {
    this.#fieldIds[incoming.index] = type['element-id']
    if (type['element-required']) this.#require(incoming)
    const element = this.#mergeType(incoming, type.element, { ...place, path: incoming.path })
    return element === type.element ? type : { ...type, element }
  }

  #mergeMap(
    incoming: { key: DraftField; value: DraftField; index: number },
    type: MapType,
    place: Place,
  ): Type {
    const { key, value } = incoming
    this.#fieldIds[incoming.index + 1] = 0
    this.#fieldIds[key.index] = type['key-id']
    this.#fieldIds[value.index] = type['value-id']
    if (type['value-required']) this.#require(value)
    this.#mergeType(key, type.key, { path: key.path, mayEvolve: false })
    const valueType = this.#mergeType(value, type.value, { ...place, path: value.path })
    return valueType === type.value ? type : { ...type, value: valueType }
  }

  #create(type: DraftType): Type {
    switch (type.kind) {
      case 'primitive':
        return type.type
      case 'struct':
        return { type: 'struct', fields: this.createFields(type.fields) }
      case 'list': {
        const { element } = type
        const id = this.#newId(element)
        if (element.required) this.#require(element)
        return {
          type: 'list',
          'element-id': id,
          element: this.#create(element.type),
          'element-required': element.required,
        }
      }
      case 'map':
        return this.#createMap(type)
      default:
        throw new ServiceError('internal', 'a column without a type has no field')
    }
  }

  #createMap({ key, value }: Extract<DraftType, { kind: 'map' }>): MapType {
    // The entries struct stands directly before the key in Arrow's order.
    this.#fieldIds[key.index - 1] = 0
    const [keyId, valueId] = [this.#newId(key), this.#newId(value)]
    if (value.required) this.#require(value)
    return {
      type: 'map',
      'key-id': keyId,
      key: this.#create(key.type),
      'value-id': valueId,
      value: this.#create(value.type),
      'value-required': value.required,
    }
  }

  #newId({ index }: DraftField): number {
    this.#lastId += 1
    this.#fieldIds[index] = this.#lastId
    return this.#lastId
  }

  #require({ index, path }: DraftField): void {
    this.#required.push({ index, path })
  }

  #isSkipped({ type, path }: DraftField): boolean {
    if (type.kind !== 'skip') return false
    this.#skipped.push(path)
    return true
  }
}

function isSame<T>(a: readonly T[], b: readonly T[]): boolean {
  return a.length === b.length && a.every((value, i) => value === b[i])
}

/** How a message names an Iceberg type. */
function nameOf(type: Type): string {
  return typeof type === 'string' ? type : type.type
}

function mismatch(draft: DraftField, type: Type): RefusedError {
  const expected = nameOf(type)
  return refuse(draft, expected, draft.received, `send ${expected}, or use another column name`)
}

function refuse(
  { path }: Pick<DraftField, 'path'>,
  expected: string,
  received: string,
  remedy: string,
): RefusedError {
  return new RefusedError({ path, expected, received, remedy })
}
